#include "config.h"

#include "tests/unit/no_entropy.h"

#include "tests/unit/unit.h"

/* The only way to a generator that fails; OpenSSL 3 calls it deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int
no_bytes(unsigned char *out, int n)
{
	memset(out, 0, (size_t)n);
	return 0;
}

void
no_entropy_ends(drawing_fn *draw, void *ctx)
{
	static const RAND_METHOD broken = { .bytes = no_bytes,
		.pseudorand = no_bytes };
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		RAND_set_rand_method(&broken);
		draw(ctx);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}
