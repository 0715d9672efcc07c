#include "config.h"

#include "lib/passphrase.h"

#include <string.h>

#include "lib/buf.h"

int
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
passphrase_none(char *out, int size, int is_writing, void *context)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)context;
	return -1;
}

int
passphrase_give(char *out, int size, int is_writing, void *context)
{
	const struct span *passphrase = context;

	(void)is_writing;
	if (size < 0 || passphrase->n > (size_t)size)
		return -1;
	memcpy(out, passphrase->p, passphrase->n);
	return (int)passphrase->n;
}
