#include "config.h"

#include "pki/ocsp_segment.h"

#include "pki/crl_lint.h"

#include <string.h>

#define MAGIC SPAN("CSOCSP1\n")
#define CA_LEN (20 + 20 + 32 + 32)
#define HEAD_LEN (8 + 8 + CA_LEN + 4 + 4)
#define FLAG_REVOKED 1
#define RECORD_LEN                                                             \
	(1 + OCSP_SERIAL_MAX + 1 + 1 + 1 + 3 * 8 +                             \
	    OCSP_HASHES * OCSP_SIGNATURE_LEN)

/* --- reading -------------------------------------------------------------- */

static bool
take(struct span *in, void *out, size_t n)
{
	if (in->n < n)
		return false;
	memcpy(out, in->p, n);
	*in = span_from(*in, n);
	return true;
}

static bool
take_number(struct span *in, size_t octets, int64_t *out)
{
	uint8_t b[8];
	uint64_t v = 0;

	if (!take(in, b, octets))
		return false;
	for (size_t i = 0; i < octets; i++)
		v = v << 8 | b[i];
	*out = (int64_t)v;
	return *out >= 0;
}

static bool
take_signer(struct span *in, struct ocsp_signer *out)
{
	int64_t n;

	if (!take(in, out->key_hash, sizeof(out->key_hash)) ||
	    !take_number(in, 4, &n) || (uint64_t)n > in->n)
		return false;
	out->certificate = span_cut(*in, 0, (size_t)n);
	*in = span_from(*in, (size_t)n);
	return true;
}

int
ocsp_segment_parse(struct span in, struct ocsp_segment *out)
{
	int64_t signers, count;

	if (!span_starts(in, MAGIC))
		return -1;
	in = span_from(in, MAGIC.n);
	if (!take_number(&in, 8, &out->generation) ||
	    !take(&in, out->ca.name_sha1, 20) ||
	    !take(&in, out->ca.key_sha1, 20) ||
	    !take(&in, out->ca.name_sha256, 32) ||
	    !take(&in, out->ca.key_sha256, 32) ||
	    !take_number(&in, 4, &signers) || !take_number(&in, 4, &count) ||
	    signers > OCSP_SIGNERS_MAX)
		return -1;
	out->signer_count = (size_t)signers;
	out->count = (size_t)count;
	for (size_t i = 0; i < out->signer_count; i++)
		if (!take_signer(&in, &out->signers[i]))
			return -1;
	out->records = in;
	return in.n / RECORD_LEN == out->count && in.n % RECORD_LEN == 0 ? 0
									 : -1;
}

static struct span
serial_at(const struct ocsp_segment *s, size_t i)
{
	struct span r =
	    span_cut(s->records, i * RECORD_LEN, i * RECORD_LEN + RECORD_LEN);
	size_t n = (uint8_t)r.p[0];

	return span_cut(r, 1, n > OCSP_SERIAL_MAX ? 1 : 1 + n);
}

int
ocsp_segment_record(
    const struct ocsp_segment *s, size_t i, struct ocsp_record *out)
{
	struct span in =
	    span_cut(s->records, i * RECORD_LEN, i * RECORD_LEN + RECORD_LEN);
	struct ocsp_status *st = &out->status;
	uint8_t flags;

	*out = (struct ocsp_record){ .signer = 0 };
	if (!take(&in, &st->serial_len, 1) ||
	    !take(&in, st->serial, OCSP_SERIAL_MAX) || !take(&in, &flags, 1) ||
	    !take(&in, &st->reason, 1) || !take(&in, &out->signer, 1) ||
	    !take_number(&in, 8, &st->revoked_at) ||
	    !take_number(&in, 8, &st->this_update) ||
	    !take_number(&in, 8, &st->not_after) ||
	    !take(&in, out->signature, sizeof(out->signature)))
		return -1;
	st->is_revoked = (flags & FLAG_REVOKED) != 0;
	return st->serial_len <= OCSP_SERIAL_MAX &&
		       crl_serial_is_proper(ocsp_serial(st)) &&
		       out->signer < s->signer_count
		   ? 0
		   : -1;
}

int
ocsp_segment_find(
    const struct ocsp_segment *s, struct span serial, struct ocsp_record *out)
{
	size_t from = 0, to = s->count;

	while (from < to) {
		size_t at = from + (to - from) / 2;
		int order = crl_serial_compare(serial, serial_at(s, at));

		if (order == 0)
			return ocsp_segment_record(s, at, out) < 0 ? -1 : 1;
		if (order < 0)
			to = at;
		else
			from = at + 1;
	}
	return 0;
}

/* --- writing -------------------------------------------------------------- */

static void
add_number(struct buf *b, size_t octets, int64_t v)
{
	for (size_t i = octets; i-- > 0;)
		buf_add_char(b, (char)((uint64_t)v >> (8 * i) & 0xff));
}

static void
add_record(struct buf *b, const struct ocsp_record *r)
{
	const struct ocsp_status *s = &r->status;

	add_number(b, 1, s->serial_len);
	buf_add_mem(b, s->serial, OCSP_SERIAL_MAX);
	add_number(b, 1, s->is_revoked ? FLAG_REVOKED : 0);
	add_number(b, 1, s->reason);
	add_number(b, 1, r->signer);
	add_number(b, 8, s->revoked_at);
	add_number(b, 8, s->this_update);
	add_number(b, 8, s->not_after);
	buf_add_mem(b, r->signature, sizeof(r->signature));
}

size_t
ocsp_segment_size(const struct ocsp_segment *head, size_t count)
{
	size_t n = HEAD_LEN + count * RECORD_LEN;

	for (size_t i = 0; i < head->signer_count; i++)
		n += OCSP_KEY_HASH_LEN + 4 + head->signers[i].certificate.n;
	return n;
}

void
ocsp_segment_write(struct buf *b, const struct ocsp_segment *head,
    const struct ocsp_record *records, size_t count)
{
	buf_add(b, MAGIC);
	add_number(b, 8, head->generation);
	buf_add_mem(b, head->ca.name_sha1, 20);
	buf_add_mem(b, head->ca.key_sha1, 20);
	buf_add_mem(b, head->ca.name_sha256, 32);
	buf_add_mem(b, head->ca.key_sha256, 32);
	add_number(b, 4, (int64_t)head->signer_count);
	add_number(b, 4, (int64_t)count);
	for (size_t i = 0; i < head->signer_count; i++) {
		const struct ocsp_signer *s = &head->signers[i];

		buf_add_mem(b, s->key_hash, OCSP_KEY_HASH_LEN);
		add_number(b, 4, (int64_t)s->certificate.n);
		buf_add(b, s->certificate);
	}
	for (size_t i = 0; i < count; i++)
		add_record(b, &records[i]);
}
