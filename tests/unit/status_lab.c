#include "config.h"

#include "tests/unit/status_lab.h"

#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/seal.h"
#include "pki/certfield.h"
#include "pki/der.h"
#include "src/evidence.h"
#include "tests/unit/pki_lab.h"

const struct seal_key *
status_lab_seal_key(struct job *j)
{
	static const uint8_t key[32] = "a seal key of thirty-two octets";

	return seal_key_new(j->arena, key);
}

struct span
status_lab_tbs(struct job *j, const struct ca *ca, const char *serial,
    int64_t not_before, int64_t not_after)
{
	struct buf b;

	buf_init(&b, j->arena, 4096);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_head(
	    &b, lab_hex(j, serial), ca->signer.alg->der, ca->signer.name);
	field_validity(&b, not_before, not_after);
	der_add(&b, DER_SEQUENCE, SPAN(""));
	buf_add(&b, lab_spki(j, lab_key(KEY_TYPE_P256, 0)));
	size_t explicit = der_open(&b, DER_CONTEXT(3));
	size_t list = der_open(&b, DER_SEQUENCE);
	extension_authority_key_id(&b, ca->signer.key_id);
	der_close(&b, list);
	der_close(&b, explicit);
	der_close(&b, mark);
	return buf_span(&b);
}

void
status_lab_seal(struct job *j, const struct seal_key *key, struct cert *c)
{
	uint8_t seal[SEAL_LEN];

	evidence_seal_tbs(key, c, seal);
	c->evidence = arena_printf(j->arena, "{\"seal\":\"%s\"}",
	    hex_dup(j->arena, span_mem(seal, sizeof(seal))));
}
