#include "config.h"

#include "src/answers_block.h"

#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"

#include <string.h>

#define SAMPLE_EVERY 512
#define RESPONSE_MAX 8192
#define ROOM 64
#define CLOCK_SECS 60 /* by which machines may differ */

int64_t
block_segment_of(const char *serial)
{
	size_t n = strlen(serial);
	uint8_t octet = 0;

	if (n >= 2)
		(void)hex_parse_fixed(span_str(serial + n - 2), &octet, 1);
	return octet;
}

static int
compare(const struct ocsp_status *a, const struct ocsp_status *b)
{
	if (a->serial_len != b->serial_len)
		return a->serial_len < b->serial_len ? -1 : 1;
	return memcmp(a->serial, b->serial, a->serial_len);
}

/* Where the number is, or where it belongs. */
static size_t
place_of(const struct ocsp_record *records, size_t count,
    const struct ocsp_status *s, bool *found)
{
	size_t from = 0, to = count;

	*found = false;
	while (from < to) {
		size_t at = from + (to - from) / 2;
		int order = compare(s, &records[at].status);

		if (order == 0) {
			*found = true;
			return at;
		}
		if (order < 0)
			to = at;
		else
			from = at + 1;
	}
	return from;
}

static void
make_room(struct job *j, struct block *b, size_t max)
{
	struct ocsp_record *records =
	    arena_calloc(j->arena, max, sizeof(*records));
	bool *is_new = arena_calloc(j->arena, max, sizeof(*is_new));

	if (b->count > 0) {
		memcpy(records, b->records, b->count * sizeof(*records));
		memcpy(is_new, b->is_new, b->count * sizeof(*is_new));
	}
	b->records = records;
	b->is_new = is_new;
	b->max = max;
}

static int
read_records(struct block *b, const struct ocsp_segment *s)
{
	for (size_t i = 0; i < s->count; i++) {
		if (ocsp_segment_record(s, i, &b->records[i]) < 0 ||
		    (i > 0 && compare(&b->records[i - 1].status,
				  &b->records[i].status) >= 0))
			return -1;
	}
	b->count = s->count;
	return 0;
}

void
block_open(struct job *j, struct block *b, const struct responder *r,
    const struct ocsp_ca *ca, struct span octets)
{
	struct ocsp_segment s = { 0 };
	bool ok = octets.n > 0 && ocsp_segment_parse(octets, &s) == 0 &&
		  memcmp(&s.ca, ca, sizeof(*ca)) == 0;

	b->responder = r;
	b->ca = ca;
	make_room(j, b, (ok ? s.count : 0) + ROOM);
	if (ok && read_records(b, &s) == 0) {
		b->head = s;
		return;
	}
	b->head = (struct ocsp_segment){ .ca = *ca };
	if (octets.n > 0)
		log_error("OCSP answers not ours",
		    "segment=%02x next=\"the stored answers cannot be read; "
		    "new ones are made\"",
		    (unsigned)b->segment);
}

static bool
is_ahead(int64_t this_update, int64_t now)
{
	return this_update > now + CLOCK_SECS;
}

/* What was served under a clock that was ahead is followed by what is older. */
static bool
is_followed(const struct ocsp_segment *next, const struct ocsp_status *before,
    int64_t now)
{
	struct ocsp_record r;
	int found = ocsp_segment_find(next, ocsp_serial(before), &r);

	if (found == 0) /* dropped: it has ended, or was good */
		return !before->is_revoked ||
		       before->not_after + OCSP_AFTER_SECS <= now;
	return found == 1 &&
	       (is_ahead(before->this_update, now) ||
		   r.status.this_update + CLOCK_SECS >= before->this_update) &&
	       (r.status.is_revoked || !before->is_revoked);
}

bool
block_follows(
    const struct ocsp_ca *ca, struct span former, struct span next, int64_t now)
{
	struct ocsp_segment a, b;
	struct ocsp_record r;

	if (ocsp_segment_parse(former, &a) < 0 ||
	    memcmp(&a.ca, ca, sizeof(*ca)) != 0)
		return true;
	if (ocsp_segment_parse(next, &b) < 0 ||
	    memcmp(&b.ca, ca, sizeof(*ca)) != 0)
		return false;
	for (size_t i = 0; i < a.count; i++)
		if (ocsp_segment_record(&a, i, &r) == 0 &&
		    !is_followed(&b, &r.status, now))
			return false;
	return true;
}

void
block_restart(struct job *j, struct block *b, size_t count)
{
	b->before = b->records;
	b->before_count = b->count;
	b->head.signer_count = 0;
	b->count = 0;
	make_room(j, b, count + ROOM);
}

const struct ocsp_status *
block_find(const struct block *b, const struct ocsp_status *s)
{
	bool found;
	size_t at = place_of(b->records, b->count, s, &found);

	if (found)
		return &b->records[at].status;
	at = place_of(b->before, b->before_count, s, &found);
	return found ? &b->before[at].status : NULL;
}

/* --- signing -------------------------------------------------------------- */

static int
sign(struct job *j, struct block *b, struct ocsp_record *r, size_t signer)
{
	r->signer = (uint8_t)signer;
	for (int h = 0; h < OCSP_HASHES; h++)
		if (responder_answer(j, b->responder, b->ca, (enum ocsp_hash)h,
			&r->status, r->signature[h]) < 0)
			return -1;
	b->changed++;
	return 0;
}

/* The first responder's answers are signed again by this one, whose place is
 * then the last one. */
static int
drop_first_signer(struct job *j, struct block *b)
{
	size_t last = b->head.signer_count - 1;

	memmove(&b->head.signers[0], &b->head.signers[1],
	    last * sizeof(b->head.signers[0]));
	for (size_t i = 0; i < b->count; i++) {
		struct ocsp_record *r = &b->records[i];

		if (r->signer > 0) {
			r->signer--;
			continue;
		}
		r->status.this_update = j->now;
		if (sign(j, b, r, last) < 0)
			return -1;
		b->is_new[i] = true;
	}
	b->head.signer_count = last;
	return 0;
}

static int
find_signer(struct job *j, struct block *b, size_t *at)
{
	const struct responder *r = b->responder;

	for (*at = 0; *at < b->head.signer_count; ++*at)
		if (memcmp(b->head.signers[*at].key_hash, r->key_hash,
			OCSP_KEY_HASH_LEN) == 0)
			return 0;
	if (b->head.signer_count == OCSP_SIGNERS_MAX &&
	    drop_first_signer(j, b) < 0)
		return -1;
	*at = b->head.signer_count++;
	b->head.signers[*at].certificate = r->certificate;
	memcpy(b->head.signers[*at].key_hash, r->key_hash, OCSP_KEY_HASH_LEN);
	return 0;
}

static void
insert(struct job *j, struct block *b, size_t at)
{
	if (b->count == b->max)
		make_room(j, b, b->max * 2);
	memmove(&b->records[at + 1], &b->records[at],
	    (b->count - at) * sizeof(b->records[0]));
	memmove(&b->is_new[at + 1], &b->is_new[at],
	    (b->count - at) * sizeof(b->is_new[0]));
	b->count++;
}

void
block_keep_revocation(struct job *j, struct ocsp_status *now, const char *where,
    int64_t revoked_at, uint8_t reason)
{
	if (reason == REASON_KEY_COMPROMISE)
		now->reason = REASON_KEY_COMPROMISE;
	if (now->is_revoked)
		return;
	log_error("revocation taken back",
	    "serial=%s next=\"the row says that the certificate is not "
	    "revoked, %s that it is; find out who changed the row\"",
	    hex_dup(j->arena, ocsp_serial(now)), where);
	now->is_revoked = true;
	now->revoked_at = revoked_at;
	now->reason = reason;
}

int
block_put(struct job *j, struct block *b, const struct ocsp_status *s)
{
	const struct ocsp_status *before = block_find(b, s);
	struct ocsp_record r = { .status = *s };
	size_t signer, at;
	bool found;

	if (before != NULL && before->is_revoked)
		block_keep_revocation(j, &r.status, "the answers say",
		    before->revoked_at, before->reason);
	if (find_signer(j, b, &signer) < 0 || sign(j, b, &r, signer) < 0)
		return -1;
	at = place_of(b->records, b->count, s, &found);
	if (!found)
		insert(j, b, at);
	b->records[at] = r;
	b->is_new[at] = true;
	return 0;
}

int
block_keep_revoked(struct job *j, struct block *b)
{
	for (size_t i = 0; i < b->before_count; i++) {
		struct ocsp_status s = b->before[i].status;
		bool found;

		(void)place_of(b->records, b->count, &s, &found);
		if (found || !s.is_revoked ||
		    s.not_after + OCSP_AFTER_SECS <= j->now)
			continue;
		log_error("revocation lost",
		    "serial=%s next=\"the row of a revoked certificate is "
		    "gone; find out who removed it\"",
		    hex_dup(j->arena, ocsp_serial(&s)));
		s.this_update = j->now;
		if (block_put(j, b, &s) < 0)
			return -1;
	}
	return 0;
}

/* --- the whole ------------------------------------------------------------ */

static int
build(struct job *j, const struct block *b, const struct ocsp_record *r,
    enum ocsp_hash hash, struct span *der)
{
	const struct ocsp_signer *s = &b->head.signers[r->signer];
	struct buf tbs, response;

	buf_init(&tbs, j->arena, RESPONSE_MAX);
	buf_init(&response, j->arena, RESPONSE_MAX);
	ocsp_add_tbs(&tbs, b->ca, hash, &r->status, s->key_hash);
	ocsp_add_response(
	    &response, buf_span(&tbs), r->signature[hash], s->certificate);
	*der = buf_span(&response);
	return buf_ok(&response)
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "an OCSP answer is too large");
}

static int
check_one(struct job *j, const struct ca *ca, const struct block *b,
    const struct ocsp_record *r)
{
	for (int h = 0; h < OCSP_HASHES; h++) {
		struct span der;

		if (build(j, b, r, (enum ocsp_hash)h, &der) < 0 ||
		    responder_check(j, ca, (enum ocsp_hash)h, &r->status, der) <
			0)
			return -1;
	}
	return 0;
}

int
block_sample(struct job *j, const struct block *b, uint32_t draw,
    enum ocsp_hash hash, struct span *der)
{
	size_t count = 0, which;

	for (size_t i = 0; i < b->count; i++)
		count += b->is_new[i];
	if (count == 0)
		return job_fail(j, ERR_INTERNAL, "no OCSP answer is new");
	which = draw % count;
	for (size_t i = 0; i < b->count; i++)
		if (b->is_new[i] && which-- == 0)
			return build(j, b, &b->records[i], hash, der);
	return -1;
}

int
block_finish(
    struct job *j, const struct ca *ca, struct block *b, struct span *octets)
{
	size_t seen = 0;
	struct buf out;

	b->oldest = j->now;
	for (size_t i = 0; i < b->count; i++) {
		const struct ocsp_record *r = &b->records[i];
		int64_t made = r->status.this_update;

		/* PK-147: nobody takes that one, it is due at once. */
		if (is_ahead(made, j->now))
			made = j->now - OCSP_REFRESH_SECS;
		if (made < b->oldest)
			b->oldest = made;
		if (b->is_new[i] && seen++ % SAMPLE_EVERY == 0 &&
		    check_one(j, ca, b, r) < 0)
			return -1;
	}
	b->head.generation = b->former + 1;
	buf_init(&out, j->arena, ocsp_segment_size(&b->head, b->count));
	ocsp_segment_write(&out, &b->head, b->records, b->count);
	if (!buf_ok(&out))
		return job_fail(j, ERR_INTERNAL, "a segment is too large");
	*octets = buf_span(&out);
	return 0;
}
