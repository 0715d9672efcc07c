#include "config.h"

#include "mail/reply.h"

#include <string.h>

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/addr_list.h"
#include "mail/mime_part.h"
#include "mail/reply_block.h"
#include "mail/reply_evidence.h"
#include "mail/reply_headers.h"
#include "mail/reply_html.h"
#include "mail/reply_readings.h"
#include "mail/smime_layer.h"

#define RECIPIENTS_MAX 64

/* --- deciding ------------------------------------------------------------ */

/* The verdict and the finding that is shown for it; always returns 0. */
static int
decide(struct job *j, struct reply *r, enum verdict v, const struct finding *f)
{
	r->decided = true;
	r->verdict = v;
	r->finding = *f;
	r->evidence = reply_evidence(j, r);
	return 0;
}

/* Notes in the trail that a check with this code has passed. */
static void
passed(struct reply *r, const char *code)
{
	struct finding f;

	(void)finding_set(&f, FINDING_PASS, code, "%s", "");
	(void)reply_trail_add(r->trail, &f);
}

/* A refusal: in the trail, and the verdict. */
static int
refuse(struct job *j, struct reply *r, enum verdict v, const struct finding *f)
{
	(void)reply_trail_add(r->trail, f);
	return decide(j, r, v, f);
}

/* --- before the challenge is known --------------------------------------- */

static void
find_recipients(struct job *j, struct reply *r)
{
	static const char *const names[] = { "Delivered-To", "X-Original-To",
		"To", "Cc" };
	struct addr_list l;
	size_t i, k;

	addr_list_init(j, &l, RECIPIENTS_MAX);
	for (k = 0; k < COUNT(names); k++)
		for (i = 0; i < r->message.field_count; i++)
			if (span_caseeq_str(
				r->message.fields[i].name, names[k]))
				(void)addr_list_add(
				    j, &l, r->message.fields[i].body);
	r->recipients = l.v;
	r->recipient_count = l.count;
}

static enum verdict
dsn_verdict(const struct dsn *d)
{
	if (d->failed)
		return VERDICT_DSN_FAILED;
	return d->delayed ? VERDICT_DSN_DELAYED : VERDICT_DSN_NOTED;
}

/* ER-22, ER-26: 0, or -1 and the finding. */
static int
check_shape(struct job *j, struct reply *r, struct finding *f)
{
	const struct message *m = &r->message;

	if (message_check_fields(m, f) < 0)
		return -1;
	passed(r, "hdr.duplicate");
	if (reply_headers_list(m, f) < 0)
		return -1;
	passed(r, "hdr.list");
	if (reply_headers_resent(m, f) < 0)
		return -1;
	passed(r, "hdr.resent");
	if (reply_headers_automatic(j, m, f) < 0)
		return -1;
	passed(r, "hdr.automatic");
	return 0;
}

int
reply_open(struct job *j, struct span raw, int64_t arrival,
    const struct reply_policy *policy, struct reply *r)
{
	const struct message_limits limits = { policy->message_max };
	struct finding f;

	memset(r, 0, sizeof(*r));
	r->raw = raw;
	r->arrival = arrival;
	r->trail = arena_alloc(j->arena, sizeof(*r->trail));

	if (message_parse(j, raw, &limits, &r->message, &f) < 0)
		return refuse(j, r, VERDICT_UNKNOWN, &f);
	passed(r, "msg");

	/* A bounce is looked at first: its Subject is never read (MA-106). */
	find_recipients(j, r);
	if (bounce_parse(j, &r->message, &r->dsn, &f) == 1)
		return refuse(j, r, dsn_verdict(&r->dsn), &f);

	r->has_part1 =
	    reply_headers_token(j, &r->message, &r->part1, r->part1_hash) == 1;
	if (!r->has_part1 && bounce_parse_other(&r->message, &r->dsn, &f) == 1)
		return refuse(j, r, VERDICT_DSN_NOTED, &f);
	if (check_shape(j, r, &f) < 0)
		return refuse(j, r,
		    r->has_part1 ? VERDICT_UNAUTHENTICATED : VERDICT_UNKNOWN,
		    &f);
	if (!r->has_part1) {
		(void)finding_set(&f, FINDING_REFUSE, "no-challenge",
		    "no token-part1 in the Subject");
		return refuse(j, r, VERDICT_UNKNOWN, &f);
	}
	r->evidence = reply_evidence(j, r);
	return 0;
}

void
reply_without_sender(struct job *j, struct reply *r)
{
	struct finding f;

	if (r->decided)
		return;
	(void)finding_set(&f, FINDING_REFUSE, "hdr.automatic",
	    "an automatic message: no envelope sender. A response is sent "
	    "by hand, or by an ACME program from the mailbox");
	(void)refuse(j, r, VERDICT_UNAUTHENTICATED, &f);
}

/* --- after --------------------------------------------------------------- */

/* One judging. */
struct judge {
	struct job *j;
	struct reply *r;
	const struct reply_expect *expect;
	const struct reply_policy *policy;
	struct finding f;
	struct mime_part root;
	struct smime_layer layer;
	const struct mime_part *leaf;
	struct reply_blocks blocks; /* of its text */
	struct reply_blocks apart;  /* where it is flowed: line by line */
	const char *from;
};

/* MA-19: the time of the own mail server, where it can be right. */
static int64_t
arrival_of(const struct judge *x)
{
	int64_t at = x->r->arrival;

	return at >= x->expect->sent_at && at <= x->j->now && at > 0
		   ? at
		   : x->j->now;
}

/* ER-25, MA-45, MA-49: 0, or -1 and x->f. */
static int
check_addresses(struct judge *x)
{
	const struct message *m = &x->r->message;

	if (reply_headers_from(x->j, m, x->expect->mailbox, &x->from, &x->f) <
	    0)
		return -1;
	passed(x->r, "hdr.from-mismatch");
	if (reply_headers_to(x->j, m, x->expect->answer_to, &x->f) < 0)
		return -1;
	passed(x->r, "hdr.to-mismatch");
	if (reply_headers_in_reply_to(m, x->expect->message_id, &x->f) == 0) {
		passed(x->r, "hdr.in-reply-to");
		return 0;
	}
	if (!x->policy->message_id_rewritten)
		return -1;
	x->f.result = FINDING_NOTE;
	return reply_trail_add(x->r->trail, &x->f);
}

/* The text, as that function reads it, is of no use once its blocks are known
 * (MA-94): 0, or -1 and x->f. */
static int
scan(struct judge *x, struct reply_blocks *out,
    int (*read)(struct job *j, const struct mime_part *p, struct span *out,
	struct finding *f))
{
	struct job own = *x->j;
	struct span text;
	int result;

	own.arena = arena_new();
	result = read(&own, x->leaf, &text, &x->f);
	if (result == 0)
		reply_blocks_scan(text, out);
	arena_free(own.arena);
	return result;
}

/* 0, or -1 and x->f. */
static int
scan_text(struct judge *x)
{
	if (scan(x, &x->blocks, mime_part_text) < 0)
		return -1;
	return mime_part_is_flowed(x->leaf)
		   ? scan(x, &x->apart, mime_part_lines)
		   : 0;
}

/* ER-27, MA-55 to MA-58: 0, or -1 and x->f. */
static int
find_text(struct judge *x)
{
	bool wrapped;

	x->leaf = &x->root;
	if (mime_part_parse(x->j, &x->r->message, &x->root, &x->f) < 0 ||
	    smime_open(x->j, &x->root, &x->layer, &x->f) < 0 ||
	    mime_text_part(
		&x->r->message, &x->root, &x->leaf, &wrapped, &x->f) < 0 ||
	    scan_text(x) < 0)
		return -1;
	passed(x->r, "mime");
	return 0;
}

/* The word, and nothing that is or should be a response. */
static bool
asks_to_stop(const struct reply_blocks *b, const struct finding *f)
{
	return b->stop && strcmp(f->code, "body.no-block") == 0;
}

/* Does the verdict rest on the S/MIME signature? */
static bool
smime_decides(const struct judge *x)
{
	const struct smime_result *s = x->r->smime;

	return s != NULL && s->accepted &&
	       (s->replaces_dkim ||
		   x->policy->smime.mode == CONF_SMIME_REQUIRE);
}

/*
 * MA-59.  How the octets under an S/MIME signature are to be read stands among
 * them (MA-75).  Without one that decides, DKIM has to cover that a body is
 * signed data; in which transfer encoding, there is no choice.  For CMS is no
 * text in any of them: the identifier that it begins with holds a CR.  So the
 * same body is never CMS in two encodings, and declared as text it is refused.
 */
static int
check_readings(struct judge *x)
{
	const struct dkim_result *d = &x->r->dkim;

	if (smime_decides(x))
		return 0;
	if (x->layer.kind == SMIME_KIND_OPAQUE && !d->covers_content_type)
		return finding_set(&x->f, FINDING_REFUSE, "mime.inconsistent",
		    "signed data, which no signature that counts says it is");
	if (x->layer.kind == SMIME_KIND_OPAQUE ||
	    (d->covers_content_type && d->covers_cte))
		return 0;
	return reply_readings_check(x->j,
	    &(struct reply_readings){
		&x->root, x->leaf, x->r->digest, d->covers_content_type },
	    &x->f);
}

/*
 * Where a text is flowed, a blank at its end makes a line go on in the next
 * one.  Relaxed signatures do not cover it (RFC 6376 3.4.4), but they do in an
 * encoding that shows it ("=20").  Whether the text is flowed, and in that
 * encoding, has to be signed, too; of a part it is, with the body.
 */
static bool
are_blanks_signed(const struct judge *x)
{
	const struct dkim_result *d = &x->r->dkim;
	enum mime_encoding e = x->leaf->encoding;

	if (smime_decides(x))
		return true;
	return d->covers_content_type && d->covers_cte &&
	       (d->covers_blanks || e == MIME_QUOTED_PRINTABLE ||
		   e == MIME_BASE64);
}

/* Somebody on the way could hide the end of an attribution in what it
 * introduces: what counts has to do so without the blanks, too. */
static void
heed_lines(struct judge *x)
{
	if (mime_part_is_flowed(x->leaf))
		reply_blocks_also(&x->blocks, &x->apart);
}

/* ER-28, MA-59 to MA-62: 0, or -1 and x->f. */
static int
find_digest(struct judge *x)
{
	if (!are_blanks_signed(x))
		heed_lines(x);
	if (reply_blocks_judge(&x->blocks, x->r->digest, &x->f) < 0) {
		x->r->asks_to_stop = asks_to_stop(&x->blocks, &x->f);
		return -1;
	}
	if (x->blocks.is_below_marks &&
	    reply_html_check(x->j, &x->root, &x->f) < 0)
		return -1;
	if (check_readings(x) < 0)
		return -1;
	x->r->has_digest = true;
	passed(x->r, "body");
	return 0;
}

/* AC-82, AC-115: both comparisons are made, in constant time. */
static int
compare(struct judge *x)
{
	struct span got = span_mem(x->r->digest, SHA256_LEN);
	bool now = ct_equal(got, span_mem(x->expect->digest_now, SHA256_LEN));
	bool then = ct_equal(got, span_mem(x->expect->digest_then, SHA256_LEN));

	if (now) {
		(void)finding_set(
		    &x->f, FINDING_PASS, "match", "the digest is right");
		(void)reply_trail_add(x->r->trail, &x->f);
		return decide(x->j, x->r, VERDICT_MATCH, &x->f);
	}
	if (then) {
		(void)finding_set(&x->f, FINDING_REFUSE, "stale-key",
		    "the digest is that of the former account key");
		return refuse(x->j, x->r, VERDICT_STALE_KEY, &x->f);
	}
	(void)finding_set(&x->f, FINDING_REFUSE, "mismatch",
	    "the digest is wrong: it is of another challenge, or of another "
	    "account key");
	return refuse(x->j, x->r, VERDICT_MISMATCH, &x->f);
}

/* A block that cannot be used is the sender's; a body that can be read in
 * two ways proves nothing (AC-124). */
static enum verdict
body_verdict(const struct finding *f)
{
	return span_starts(span_str(f->code), SPAN("body."))
		   ? VERDICT_NO_RESPONSE
		   : VERDICT_UNAUTHENTICATED;
}

static int
verify_dkim(struct judge *x, struct resolver *resolver)
{
	const struct dkim_policy p = { .coverage = x->policy->coverage,
		.require_dnssec = x->policy->require_dnssec,
		.allow_testing = x->policy->allow_testing,
		.parent = x->policy->parent,
		.sent_at = x->expect->sent_at };
	struct reply *r = x->r;

	if (dkim_verify(x->j, &r->message, addr_domain_of(x->from), r->arrival,
		&p, resolver, &r->dkim) < 0)
		return -1;
	if (r->dkim.note.result == FINDING_NOTE)
		(void)reply_trail_add(r->trail, &r->dkim.note);
	(void)reply_trail_add(r->trail, &r->dkim.finding);
	if (!r->dkim.pass)
		return 0;
	r->authenticated = true;
	memcpy(r->covered_hash, r->dkim.covered_hash, SHA256_LEN);
	return 0;
}

/* What is found is a note, whatever it is: the verdict says what it means. */
static void
note_smime(struct reply *r)
{
	const struct smime_result *s = r->smime;
	struct finding f = s->finding;

	f.result = FINDING_NOTE;
	if (s->present)
		(void)reply_trail_add(r->trail, &f);
	if (s->note.result == FINDING_NOTE)
		(void)reply_trail_add(r->trail, &s->note);
	if (s->no_dkim.result == FINDING_NOTE)
		(void)reply_trail_add(r->trail, &s->no_dkim);
}

/* MA-70 to MA-76, once. */
static int
verify_smime(struct judge *x)
{
	const struct smime_input in = { .outer = &x->r->message,
		.layer = &x->layer,
		.from = x->from,
		.at = arrival_of(x) };
	struct reply *r = x->r;

	if (r->smime != NULL)
		return 0;
	r->smime = arena_alloc(x->j->arena, sizeof(*r->smime));
	if (smime_verify(x->j, &in, &x->policy->smime, r->smime) < 0)
		return -1;
	note_smime(r);
	if (!r->smime->replaces_dkim)
		return 0;
	r->authenticated = true;
	memcpy(r->covered_hash, r->smime->covered_hash, SHA256_LEN);
	return 0;
}

/* By DKIM; for the domains that the administrator listed by S/MIME, and then
 * without look-ups (MA-76). */
static int
authenticate(struct judge *x, struct resolver *resolver)
{
	if (x->policy->smime.instead_of_dkim && verify_smime(x) < 0)
		return -1;
	return x->r->authenticated ? 0 : verify_dkim(x, resolver);
}

/* What is not authentic is decided.  0, decided or not, or -1. */
static int
check_authentic(struct judge *x, struct resolver *resolver)
{
	const struct dkim_result *d = &x->r->dkim;

	if (authenticate(x, resolver) < 0)
		return -1;
	if (x->r->authenticated)
		return 0;
	if (d->finding.result == FINDING_DEFER)
		return decide(x->j, x->r, VERDICT_DEFERRED, &d->finding);
	return decide(x->j, x->r, VERDICT_UNAUTHENTICATED, &d->finding);
}

/* S/MIME beside DKIM: only of mail that is authentic without it, so that
 * strangers cause no work.  As above. */
static int
check_smime(struct judge *x)
{
	enum conf_smime mode = x->policy->smime.mode;

	if (mode == CONF_SMIME_IGNORE)
		return 0;
	if (verify_smime(x) < 0)
		return -1;
	if (mode != CONF_SMIME_REQUIRE || x->r->smime->accepted)
		return 0;
	return refuse(
	    x->j, x->r, VERDICT_UNAUTHENTICATED, &x->r->smime->finding);
}

/*
 * MA-50, MA-81: what the own mail server found may only speak against the
 * message.  Where S/MIME stands in for DKIM, it has nothing to say of DKIM.
 * 0, or -1 and x->f.
 */
static int
check_own_server(struct judge *x)
{
	const struct reply_policy *p = x->policy;
	const struct dkim_result *d = &x->r->dkim;
	const char *from_domain = addr_domain_of(x->from);
	struct auth_results *found = arena_alloc(x->j->arena, sizeof(*found));
	bool has_to = d->pass ? d->covers_to : x->r->smime->header.to;

	auth_results_read(x->j, &x->r->message, &p->own_server, found);
	if (d->pass && auth_results_veto(found, from_domain,
			   d->signatures[d->passed].domain, &x->f) < 0)
		return -1;
	if (!p->spf_if_to_unsigned || has_to ||
	    auth_results_spf(found, from_domain))
		return 0;
	return finding_set(&x->f, FINDING_REFUSE, "hdr.to-unsigned",
	    "To is not signed, and the own mail server recorded no SPF pass "
	    "of %.80s",
	    from_domain);
}

/* MA-48.  An S/MIME signature is made by who writes. */
static int
check_passed_on(struct judge *x)
{
	const struct dkim_result *d = &x->r->dkim;

	return d->pass ? reply_headers_passed_on(x->j, &x->r->message, d->field,
			     x->expect->mailbox, &x->f)
		       : 0;
}

int
reply_judge(struct job *j, struct reply *r, const struct reply_expect *expect,
    const struct reply_policy *policy, struct resolver *resolver)
{
	struct judge x = { .j = j, .r = r, .expect = expect, .policy = policy };

	if (r->decided)
		return 0;

	if (arrival_of(&x) >= expect->expires_at) { /* ER-7 */
		(void)finding_set(&x.f, FINDING_REFUSE, "expired",
		    "the reply came after the challenge had expired: order "
		    "again");
		return refuse(j, r, VERDICT_EXPIRED, &x.f);
	}
	/* All that costs no look-up first. */
	if (check_addresses(&x) < 0 || find_text(&x) < 0)
		return refuse(j, r, VERDICT_UNAUTHENTICATED, &x.f);

	if (check_authentic(&x, resolver) < 0)
		return -1;
	if (r->decided)
		return 0;
	if (check_passed_on(&x) < 0)
		return refuse(j, r, VERDICT_UNAUTHENTICATED, &x.f);
	if (check_own_server(&x) < 0)
		return refuse(j, r,
		    x.f.result == FINDING_DEFER ? VERDICT_DEFERRED
						: VERDICT_UNAUTHENTICATED,
		    &x.f);
	if (check_smime(&x) < 0)
		return -1;
	if (r->decided)
		return 0;

	if (find_digest(&x) < 0)
		return refuse(j, r, body_verdict(&x.f), &x.f);
	return compare(&x);
}

bool
reply_says_stop(struct job *j, struct reply *r,
    const struct reply_expect *expect, const struct reply_policy *policy)
{
	struct judge x = { .j = j, .r = r, .expect = expect, .policy = policy };
	uint8_t digest[SHA256_LEN];

	if (r->decided && r->verdict != VERDICT_EXPIRED)
		return false;
	if (check_addresses(&x) < 0 || find_text(&x) < 0)
		return false;
	heed_lines(&x);
	return reply_blocks_judge(&x.blocks, digest, &x.f) < 0 &&
	       asks_to_stop(&x.blocks, &x.f);
}

int
reply_judge_stop(struct job *j, struct reply *r,
    const struct reply_expect *expect, const struct reply_policy *policy,
    struct resolver *resolver)
{
	enum verdict verdict = r->decided ? r->verdict : VERDICT_LATE;
	struct judge x = { .j = j, .r = r, .expect = expect, .policy = policy };
	const char *why;

	if (check_addresses(&x) < 0 || find_text(&x) < 0)
		return decide(j, r, verdict, &x.f);
	if (authenticate(&x, resolver) < 0)
		return -1;
	r->asks_to_stop = r->authenticated && check_passed_on(&x) == 0;
	why = r->authenticated ? x.f.code : r->dkim.finding.code;
	if (r->asks_to_stop)
		(void)finding_set(&x.f, FINDING_NOTE, "late.stop",
		    "its holder wants no more challenge mails");
	else
		(void)finding_set(&x.f, FINDING_REFUSE, "late.stop-unproven",
		    "says STOP, but %s", why);
	return refuse(j, r, verdict, &x.f);
}

void
reply_digest(struct span part1, struct span part2, struct span thumbprint,
    uint8_t out[SHA256_LEN])
{
	struct arena *a = arena_new();
	struct sha256_ctx *c = sha256_new(a);

	sha256_add(c, part1);
	sha256_add(c, part2);
	sha256_add(c, SPAN("."));
	sha256_add(c, thumbprint);
	sha256_finish(c, out);
	arena_free(a);
}

int
reply_find_block(struct job *j, struct span text, uint8_t digest[SHA256_LEN],
    struct finding *f)
{
	struct reply_blocks b;

	(void)j;
	reply_blocks_scan(text, &b);
	return reply_blocks_judge(&b, digest, f);
}
