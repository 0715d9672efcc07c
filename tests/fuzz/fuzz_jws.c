/*
 * The body of any request, from anybody: JWS, JWK, signature (AC-23 to
 * AC-47).
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jwk.h"
#include "acme/jws.h"
#include "lib/count.h"
#include "lib/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const keys[] = {
	"{\"crv\":\"P-256\",\"kty\":\"EC\","
	"\"x\":\"BQ4D_gLiszG76tlPZKsawQeMc5Su0vpuJBpe9vXI0kA\","
	"\"y\":\"_5jnBDTqCFbe1AmgkQZf2D12UtZt5-AgOQ8oNysKCp8\"}",
	"{\"crv\":\"Ed25519\",\"kty\":\"OKP\","
	"\"x\":\"n6TCHXKLQFBhwQVThxtaX_GgmkPsAdhOBNic8aQ022Y\"}",
};

/* A key that was accepted has one name, also when it is read again. */
static void
check_key(struct job *j, const struct jwk *key)
{
	const struct jwk *again;

	if (jwk_load(j, span_str(jwk_canonical(key)), &again) < 0 ||
	    strcmp(jwk_thumbprint(again), jwk_thumbprint(key)) != 0 ||
	    strcmp(jwk_canonical(again), jwk_canonical(key)) != 0)
		abort();
}

static void
verify(struct job *j, const struct jws *jws)
{
	const struct jwk *key;

	(void)jws_check_algorithm(j, NULL, jws);
	job_recover(j);
	if (jws->jwk != NULL && jwk_parse(j, jws->jwk, jws->alg, &key) == 0) {
		check_key(j, key);
		(void)jws_verify(j, jws, key);
	}
	for (size_t i = 0; i < COUNT(keys); i++) {
		job_recover(j);
		if (jwk_load(j, span_str(keys[i]), &key) < 0)
			abort();
		(void)jws_verify(j, jws, key);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct job j;
	struct jws jws;

	job_init(&j, NULL, NULL);
	if (jws_parse(&j, span_mem(data, n), &jws) == 0)
		verify(&j, &jws);
	else if (j.err.kind != ERR_MALFORMED)
		abort();
	job_done(&j);
	return 0;
}
