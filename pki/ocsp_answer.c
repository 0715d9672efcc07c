#include "config.h"

#include "pki/ocsp_answer.h"

#include "pki/der.h"
#include "pki/oid.h"

#include <string.h>
#include <time.h>

#define ECDSA_SHA256 SPAN("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")

int64_t
ocsp_next_update(int64_t this_update)
{
	return this_update + OCSP_LIFE_SECS - 1;
}

int64_t
ocsp_status_end(const struct ocsp_status *s)
{
	return s->is_unknown ? s->this_update + OCSP_UNKNOWN_SECS
			     : ocsp_next_update(s->this_update);
}

struct span
ocsp_serial(const struct ocsp_status *s)
{
	return span_mem(s->serial, s->serial_len);
}

static struct span
name_hash(const struct ocsp_ca *ca, enum ocsp_hash hash)
{
	return hash == OCSP_SHA1 ? span_mem(ca->name_sha1, 20)
				 : span_mem(ca->name_sha256, 32);
}

static struct span
key_hash_of(const struct ocsp_ca *ca, enum ocsp_hash hash)
{
	return hash == OCSP_SHA1 ? span_mem(ca->key_sha1, 20)
				 : span_mem(ca->key_sha256, 32);
}

bool
ocsp_ca_is(const struct ocsp_ca *ca, const struct ocsp_cert_id *id)
{
	return (id->hash == OCSP_SHA1 || id->hash == OCSP_SHA256) &&
	       span_eq(id->name_hash, name_hash(ca, id->hash)) &&
	       span_eq(id->key_hash, key_hash_of(ca, id->hash));
}

/* Always four digits of the year here, unlike in certificates. */
static void
add_time(struct buf *b, int64_t secs)
{
	time_t t = (time_t)secs;
	struct tm tm = { 0 };
	size_t mark = der_open(b, DER_GENERALIZED_TIME);

	(void)gmtime_r(&t, &tm);
	buf_addf(b, "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	der_close(b, mark);
}

static void
add_cert_id(struct buf *b, const struct ocsp_ca *ca, enum ocsp_hash hash,
    const struct ocsp_status *s)
{
	size_t mark = der_open(b, DER_SEQUENCE);
	size_t algorithm = der_open(b, DER_SEQUENCE);

	der_add(b, DER_OID, hash == OCSP_SHA1 ? OID_SHA1 : OID_SHA256);
	der_add(b, DER_NULL, SPAN(""));
	der_close(b, algorithm);
	der_add(b, DER_OCTET_STRING, name_hash(ca, hash));
	der_add(b, DER_OCTET_STRING, key_hash_of(ca, hash));
	der_add(b, DER_INTEGER, ocsp_serial(s));
	der_close(b, mark);
}

/* PK-174: the reason is absent for unspecified. */
static void
add_cert_status(struct buf *b, const struct ocsp_status *s)
{
	char reason = (char)s->reason;
	size_t mark, explicit;

	if (!s->is_revoked) {
		der_add(
		    b, DER_CONTEXT_PRIMITIVE(s->is_unknown ? 2 : 0), SPAN(""));
		return;
	}
	mark = der_open(b, DER_CONTEXT(1));
	add_time(b, s->revoked_at);
	if (s->reason != 0) {
		explicit = der_open(b, DER_CONTEXT(0));
		der_add(b, DER_ENUMERATED, span_mem(&reason, 1));
		der_close(b, explicit);
	}
	der_close(b, mark);
}

static void
add_single(
    struct buf *b, const struct ocsp_ca *ca, const struct ocsp_single *one)
{
	size_t mark = der_open(b, DER_SEQUENCE), next;

	add_cert_id(b, ca, one->hash, &one->status);
	add_cert_status(b, &one->status);
	add_time(b, one->status.this_update);
	next = der_open(b, DER_CONTEXT(0));
	add_time(b, ocsp_status_end(&one->status));
	der_close(b, next);
	der_close(b, mark);
}

/* The client's octets as they came (PK-173). */
static void
add_nonce(struct buf *b, struct span nonce)
{
	size_t explicit = der_open(b, DER_CONTEXT(1));
	size_t list = der_open(b, DER_SEQUENCE);
	size_t one = der_open(b, DER_SEQUENCE), value;

	der_add(b, DER_OID, OID_OCSP_NONCE);
	value = der_open(b, DER_OCTET_STRING);
	der_add(b, DER_OCTET_STRING, nonce);
	der_close(b, value);
	der_close(b, one);
	der_close(b, list);
	der_close(b, explicit);
}

void
ocsp_add_data(struct buf *b, const struct ocsp_ca *ca,
    const struct ocsp_data *d, const uint8_t key_hash[OCSP_KEY_HASH_LEN])
{
	size_t mark = der_open(b, DER_SEQUENCE);
	size_t by_key = der_open(b, DER_CONTEXT(2)), list;

	der_add(b, DER_OCTET_STRING, span_mem(key_hash, OCSP_KEY_HASH_LEN));
	der_close(b, by_key);
	add_time(b, d->produced_at);
	list = der_open(b, DER_SEQUENCE);
	for (size_t i = 0; i < d->count; i++)
		add_single(b, ca, &d->singles[i]);
	der_close(b, list);
	if (d->nonce.n > 0)
		add_nonce(b, d->nonce);
	der_close(b, mark);
}

void
ocsp_add_tbs(struct buf *b, const struct ocsp_ca *ca, enum ocsp_hash hash,
    const struct ocsp_status *s, const uint8_t key_hash[OCSP_KEY_HASH_LEN])
{
	const struct ocsp_single one = { hash, *s };
	const struct ocsp_data d = { &one, 1, s->this_update, { NULL, 0 } };

	ocsp_add_data(b, ca, &d, key_hash);
}

/* A positive INTEGER from 32 octets. */
static void
add_number(struct buf *b, const uint8_t *p)
{
	char octets[33] = { 0 };
	size_t skip = 0;

	while (skip < 31 && p[skip] == 0)
		skip++;
	memcpy(octets + 1, p + skip, 32 - skip);
	if (p[skip] & 0x80)
		der_add(b, DER_INTEGER, span_mem(octets, 33 - skip));
	else
		der_add(b, DER_INTEGER, span_mem(octets + 1, 32 - skip));
}

void
ocsp_add_signature(struct buf *b, const uint8_t signature[OCSP_SIGNATURE_LEN])
{
	size_t numbers = der_open(b, DER_SEQUENCE);

	add_number(b, signature);
	add_number(b, signature + OCSP_SIGNATURE_LEN / 2);
	der_close(b, numbers);
}

static void
add_basic(struct buf *b, struct span tbs, const uint8_t *signature,
    struct span certificate)
{
	size_t mark = der_open(b, DER_SEQUENCE);

	buf_add(b, tbs);
	buf_add(b, ECDSA_SHA256);
	size_t bits = der_open(b, DER_BIT_STRING);
	buf_add_char(b, '\0');
	ocsp_add_signature(b, signature);
	der_close(b, bits);
	size_t explicit = der_open(b, DER_CONTEXT(0));
	size_t certs = der_open(b, DER_SEQUENCE);
	buf_add(b, certificate);
	der_close(b, certs);
	der_close(b, explicit);
	der_close(b, mark);
}

void
ocsp_add_response(struct buf *b, struct span tbs,
    const uint8_t signature[OCSP_SIGNATURE_LEN], struct span certificate)
{
	size_t mark = der_open(b, DER_SEQUENCE);

	der_add(b, DER_ENUMERATED, SPAN("\0")); /* successful */
	size_t explicit = der_open(b, DER_CONTEXT(0));
	size_t bytes = der_open(b, DER_SEQUENCE);
	der_add(b, DER_OID, OID_OCSP_BASIC);
	size_t octets = der_open(b, DER_OCTET_STRING);
	add_basic(b, tbs, signature, certificate);
	der_close(b, octets);
	der_close(b, bytes);
	der_close(b, explicit);
	der_close(b, mark);
}

struct span
ocsp_error_response(enum ocsp_error e)
{
	switch (e) {
	case OCSP_MALFORMED:
		return SPAN("\x30\x03\x0a\x01\x01");
	case OCSP_TRY_LATER:
		return SPAN("\x30\x03\x0a\x01\x03");
	case OCSP_SUCCESSFUL:
	case OCSP_UNAUTHORIZED:
		break;
	}
	return SPAN("\x30\x03\x0a\x01\x06");
}
