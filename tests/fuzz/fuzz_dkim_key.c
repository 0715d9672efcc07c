/*
 * A key record: the first octet says for which algorithm, the rest is the
 * text.  A key that is accepted obeys MA-35 and can be used.  The same octets
 * are also read as the RDATA of an answer.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "mail/dkim_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
use(struct dkim_key *key)
{
	uint8_t hash[32], value[8192 / 8];

	if (key->type == DKIM_KEY_RSA
		? key->bits < 1024 || key->bits > 8192
		: key->bits != 256 || key->public_key.n != 32)
		abort();
	if (key->signature_len > sizeof(value))
		abort();
	memset(hash, 0x5a, sizeof(hash));
	memset(value, 0x5a, sizeof(value));
	if (dkim_key_verify(key, hash, span_mem(value, key->signature_len)) !=
	    DKIM_KEY_BAD)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span rdata = span_mem(data, n), record;
	struct dns_answer a = { .rdata = &rdata, .count = 1 };
	enum dkim_key_type type =
	    n > 0 && data[0] == 'e' ? DKIM_KEY_ED25519 : DKIM_KEY_RSA;
	struct dkim_key key;
	struct finding f;
	struct job j;

	job_init(&j, NULL, NULL);
	if (dkim_key_parse(&j, span_from(rdata, 1), type, &key, &f) == 0)
		use(&key);
	if (dkim_key_find(&j, &a, &record, &f) == 0 &&
	    dkim_key_parse(&j, record, type, &key, &f) == 0)
		use(&key);
	job_done(&j);
	return 0;
}
