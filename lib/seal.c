#include "config.h"

#include "lib/seal.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"

#include <assert.h>
#include <string.h>

struct seal_key {
	uint8_t octets[SHA256_LEN];
};

/* No statement that is sealed comes near this; raw mails go in as hashes. */
#define STATEMENT_MAX (64 * 1024)

const struct seal_key *
seal_key_new(struct arena *keep, const uint8_t octets[32])
{
	struct seal_key *k = arena_alloc_secret(keep, sizeof(*k));

	memcpy(k->octets, octets, sizeof(k->octets));
	return k;
}

int
seal_key_load(struct job *j, struct arena *keep, const char *path,
    const struct seal_key **out)
{
	struct span text;
	uint8_t octets[SHA256_LEN];

	if (file_read_secret(j, path, 128, &text) < 0)
		return -1;
	if (hex_parse_fixed(text, octets, sizeof(octets)) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: a seal key is 64 hexadecimal characters, as "
		    "countersign init writes it",
		    path);
	*out = seal_key_new(keep, octets);
	wipe(octets, sizeof(octets));
	return 0;
}

static void
add_length(struct buf *b, size_t n)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_char(b, (char)((uint64_t)n >> shift & 0xff));
}

static bool
make(const struct seal_key *k, const struct span *fields, size_t count,
    uint8_t out[SEAL_LEN])
{
	struct arena *a = arena_new();
	struct buf b;
	bool ok;

	buf_init(&b, a, STATEMENT_MAX);
	add_length(&b, count);
	for (size_t i = 0; i < count; i++) {
		add_length(&b, fields[i].n);
		buf_add(&b, fields[i]);
	}
	ok = buf_ok(&b);
	if (ok)
		hmac_sha256(
		    span_mem(k->octets, sizeof(k->octets)), buf_span(&b), out);
	arena_free(a);
	return ok;
}

void
seal_make(const struct seal_key *k, const struct span *fields, size_t count,
    uint8_t out[SEAL_LEN])
{
	bool ok = make(k, fields, count, out);

	/* A cut statement would have the seal of another. */
	assert(ok);
}

/* What is too long was never sealed; who wrote it must not end the process. */
bool
seal_verify(const struct seal_key *k, const struct span *fields, size_t count,
    struct span seal)
{
	uint8_t expected[SEAL_LEN];

	return make(k, fields, count, expected) &&
	       ct_equal(span_mem(expected, sizeof(expected)), seal);
}
