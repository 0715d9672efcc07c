/*
 * Loaded into OpenDKIM before libunbound (LD_PRELOAD).  Each of OpenDKIM's
 * threads has libunbound read its configuration anew for each message, but
 * libunbound's reader has one state for the whole process: two at once end the
 * process, or leave the reader in the middle of something, and from then on
 * every message is put off.  Here one reads after the other.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

struct ub_ctx;
typedef int config_fn(struct ub_ctx *ctx, const char *file);
config_fn ub_ctx_config;

int
ub_ctx_config(struct ub_ctx *ctx, const char *file)
{
	static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
	void *symbol = dlsym(RTLD_NEXT, "ub_ctx_config");
	config_fn *next;
	int result;

	memcpy(&next, &symbol, sizeof(next));
	pthread_mutex_lock(&reading);
	result = next(ctx, file);
	pthread_mutex_unlock(&reading);
	return result;
}
