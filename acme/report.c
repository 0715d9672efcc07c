#include "config.h"

#include "acme/report.h"

#include <inttypes.h>

#include "acme/revoke.h"
#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_report.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "pki/key_proof.h"

#define DETAIL_MAX ((size_t)512)
#define FIRST_ALARM_SECS ((int64_t)12 * 3600)
#define DAY_SECS ((int64_t)24 * 3600)

int64_t
report_next_alarm(int64_t received_at, int64_t now)
{
	if (now < received_at + FIRST_ALARM_SECS)
		return received_at + FIRST_ALARM_SECS;
	return received_at + ((now - received_at) / DAY_SECS + 1) * DAY_SECS;
}

int
report_enter(struct job *j, struct report *r)
{
	r->alarm_at = r->received_at + FIRST_ALARM_SECS;
	if (store_report_add(j, r) < 0)
		return -1;
	return store_audit_add(j, r->entered_by, "problem report",
	    arena_printf(j->arena, "report:%" PRId64, r->number), "entered",
	    NULL);
}

/* Evidence that is not kept leaves no hash either. */
static const char *
proof_detail(struct job *j, const struct key_proof *p)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "proof", p->kind);
	if (p->evidence.n > 0)
		json_member_sha256(&o, "evidence_sha256", p->evidence);
	json_object_end(&o);
	return b.p;
}

struct key_hash
report_proof_key(const struct key_proof *p)
{
	return (struct key_hash){ span_mem(p->spki_sha256, SHA256_LEN),
		span_mem(p->bare_sha256, SHA256_LEN) };
}

int
report_enter_proof(struct job *j, const struct key_proof *p, struct report *r,
    struct revoked_sum *revoked)
{
	const struct key_hash key = report_proof_key(p);
	const struct revocation how = { REASON_KEY_COMPROMISE, r->entered_by,
		p->evidence };

	r->text = arena_printf(
	    j->arena, "The key is compromised.  Proof: %s.", p->kind);
	r->spki_sha256 = key.spki_sha256;
	r->bare_sha256 = key.bare_sha256;
	r->proof_kind = p->kind;
	r->proof = p->evidence;
	if (p->evidence.n > 0)
		r->proof_spki = p->spki;
	if (store_report_add(j, r) < 0 ||
	    store_audit_add(j, r->entered_by, "problem report",
		arena_printf(j->arena, "report:%" PRId64, r->number), "entered",
		proof_detail(j, p)) < 0)
		return -1;
	return revoke_key(j, &key, &how,
	    arena_printf(
		j->arena, "report %" PRId64 ", proof: %s", r->number, p->kind),
	    revoked);
}

int
report_open_for_key(struct job *j, const struct cert *c, const char *account_id)
{
	struct report r = { .spki_sha256 = c->spki_sha256,
		.received_at = j->now,
		.entered_by =
		    arena_printf(j->arena, "account:%s", account_id) };
	int64_t others;
	int open = store_report_of_key(j, c->spki_sha256);

	if (open != 0)
		return open < 0 ? -1 : 0;
	if (store_cert_count_of_key(j, c->spki_sha256, &others) < 0)
		return -1;
	if (others == 0)
		return 0;
	r.text = arena_printf(j->arena,
	    "Account %s has revoked its certificate %s with reason 1 "
	    "(keyCompromise), without proof that it holds the key.  Other "
	    "unexpired certificates have the key: %" PRId64 ".",
	    account_id, c->serial, others);
	if (report_enter(j, &r) < 0)
		return -1;
	log_warning("problem report",
	    "report=%" PRId64 " next=\"countersign report show %" PRId64
	    ": answer and decide within 24 hours\"",
	    r.number, r.number);
	return 0;
}
