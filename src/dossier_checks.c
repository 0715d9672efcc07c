#include "config.h"

#include "src/dossier_checks.h"

#include <inttypes.h>
#include <string.h>

#include "db/store_caa_round.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/caa.h"
#include "src/corroborate.h"
#include "src/evidence.h"
#include "src/relied.h"

#define CHECKS_MAX 100
#define CERTS_MAX 1000

/* --- loading -------------------------------------------------------------- */

int
dossier_checks_load(
    struct job *j, const char *authz_id, struct dossier_checks *d)
{
	struct caa_row *rows;

	*d = (struct dossier_checks){ .check_count = 0 };
	if (store_caa_list(j, authz_id, CHECKS_MAX, &rows, &d->check_count) <
		0 ||
	    store_cert_of_authz(
		j, authz_id, CERTS_MAX, &d->certs, &d->cert_count) < 0)
		return -1;
	d->checks =
	    arena_calloc(j->arena, d->check_count + 1, sizeof(*d->checks));
	for (size_t i = 0; i < d->check_count; i++) {
		struct dossier_check *c = &d->checks[i];

		c->row = rows[i];
		if (store_caa_rounds(j, &c->row, &c->rounds, &c->round_count) <
		    0)
			return -1;
	}
	return 0;
}

/* --- verifying ------------------------------------------------------------ */

static int
unproven(struct job *j, const struct cert *c, const char *why)
{
	(void)job_fail(
	    j, ERR_UNAUTHORIZED, "certificate %s: %s", c->serial, why);
	return -1;
}

/* What remote perspectives said, counted again from their answers (MP-10).
 * *key_elsewhere: the key was not asked for, since it had been seen. */
static int
verify_row(struct job *j, const struct caa_row *c, bool *key_elsewhere)
{
	struct corroborated round;
	struct question q;
	int found;

	*key_elsewhere = false;
	/* Too large to be kept; it permitted nothing. */
	if (strcmp(c->trace, "{}") == 0)
		return 0;
	/* By the rules of its day. */
	if (question_was(j, c, &q) < 0)
		return -1;
	found = corroboration_verify(j, c->trace, &q, &round);
	*key_elsewhere = found > 0 && question_has_key(&q) && !round.saw_key;
	return found < 0 ? -1 : 0;
}

static int
verify_seal(const struct seal_key *seal, struct job *j, const struct caa_row *c)
{
	if (seal != NULL && !evidence_caa_is_sealed(seal, c))
		return job_fail(j, ERR_UNAUTHORIZED,
		    "the CAA check does not carry the validator's seal");
	return 0;
}

static int
verify_rounds(
    struct job *j, const struct seal_key *seal, const struct dossier_check *c)
{
	bool ignored;

	for (size_t i = 0; i < c->round_count; i++) {
		const struct caa_row *r = &c->rounds[i];

		if (seal != NULL && !evidence_caa_round_is_sealed(seal, r))
			return job_fail(j, ERR_UNAUTHORIZED,
			    "attempt %" PRId64 " of the CAA check does not "
			    "carry the validator's seal",
			    r->attempts);
		if (verify_row(j, r, &ignored) < 0)
			return -1;
	}
	return 0;
}

/* No certificate says which check counts: the newest one would. */
static int
verify_newest(struct job *j, const struct seal_key *seal, const char *authz_id,
    const struct dossier_checks *d)
{
	const struct caa_row *c;
	struct caa_row seen;
	bool key_elsewhere;

	if (d->check_count == 0)
		return 0;
	c = &d->checks[d->check_count - 1].row;
	if (verify_seal(seal, j, c) < 0 || verify_row(j, c, &key_elsewhere) < 0)
		return -1;
	return key_elsewhere &&
		       corroboration_of_key(j, seal, authz_id, &seen) < 0
		   ? -1
		   : 0;
}

/* The row that is named, if it is there and is what it was: 0, or -1. */
static int
find_named(struct job *j, const struct cert *c, const struct authz *a,
    const struct relied_row *named, struct caa_row *out)
{
	int found = named->id == NULL ? 0 : store_caa_by_id(j, named->id, out);

	if (found < 0)
		return -1;
	if (found == 0)
		return unproven(
		    j, c, "the CAA check that it rests on is not there");
	if (strcmp(out->authz_id, a->id) != 0 ||
	    !relied_is(j, named, out->id, out->seal))
		return unproven(
		    j, c, "the CAA check that it rests on is not what it was");
	return 0;
}

static int
verify_relied(struct job *j, const struct seal_key *seal, const struct cert *c,
    const struct authz *a, const struct relied *r)
{
	struct caa_row row, seen;
	bool key_elsewhere;

	if (find_named(j, c, a, &r->caa, &row) < 0 ||
	    verify_seal(seal, j, &row) < 0 ||
	    verify_row(j, &row, &key_elsewhere) < 0)
		return -1;
	if (r->key_seen.id == NULL)
		return 0;
	if (find_named(j, c, a, &r->key_seen, &seen) < 0)
		return -1;
	return corroboration_shows_key(j, seal, &seen) < 0 ? -1 : 0;
}

/* 1, 0 it was made before certificates said so, -1. */
static int
verify_cert(struct job *j, const struct seal_key *seal, const struct authz *a,
    const struct reply_record *reply, const struct cert *c, bool *unrecorded)
{
	struct relied_list all;
	const struct relied *r;
	int found = relied_parse(j, seal, c->order_id, c->evidence, &all);
	int recorded = found < 0 ? -1 : relied_is_recorded(j, c);

	if (recorded < 0)
		return -1;
	*unrecorded = *unrecorded || recorded == RELIED_NO_RECORD;
	if (recorded == RELIED_CHANGED)
		return unproven(j, c,
		    "what it rests on was changed after it was issued: the "
		    "audit has another hash of it");
	if (found == 0)
		return 0;
	r = relied_find(&all, a->id);
	if (r == NULL)
		return unproven(
		    j, c, "it does not say what it rests on for this mailbox");
	if (!relied_is(j, &r->reply, reply->id, reply->seal))
		return unproven(j, c, "it rests on another reply");
	return verify_relied(j, seal, c, a, r) < 0 ? -1 : 1;
}

int
dossier_checks_verify(struct job *j, const struct seal_key *seal,
    const struct authz *a, const struct reply_record *reply,
    struct dossier_checks *d)
{
	bool all_say = d->cert_count > 0;

	for (size_t i = 0; i < d->cert_count; i++) {
		int says = verify_cert(
		    j, seal, a, reply, &d->certs[i], &d->unrecorded);

		if (says < 0)
			return -1;
		all_say = all_say && says > 0;
	}
	for (size_t i = 0; i < d->check_count; i++)
		if (verify_rounds(j, seal, &d->checks[i]) < 0)
			return -1;
	return all_say ? 0 : verify_newest(j, seal, a->id, d);
}

/* --- as text -------------------------------------------------------------- */

/* Answers come from elsewhere: made harmless for a terminal. */
static void
add_outside(struct buf *out, struct span value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c < ' ' || c >= 0x7f || c == '\\')
			buf_addf(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
}

static void
print_perspectives(struct job *j, const char *trace, struct buf *out)
{
	const struct json *t, *list;

	if (caa_trace_parse(j, trace, &t) < 0) {
		job_recover(j);
		return;
	}
	list = json_get(json_get(t, "corroboration"), "perspectives");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *p = json_at(list, i);
		struct span why = json_string(json_get(p, "why"));

		buf_add_str(out, "      perspective ");
		add_outside(out, json_string(json_get(p, "code")));
		buf_add_str(out, " (");
		add_outside(out, json_string(json_get(p, "rir")));
		buf_add_str(out, "): ");
		add_outside(out, json_string(json_get(p, "answer")));
		buf_add_str(out, why.n > 0 ? ", " : "");
		add_outside(out, why);
		buf_add_char(out, '\n');
	}
}

static void
print_row(
    struct job *j, const struct caa_row *c, const char *what, struct buf *out)
{
	char at[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(c->checked_at, at);
	buf_addf(out, "    %s at %s: %s (%s), by %s\n", what, at, c->result,
	    c->reason, c->br_version);
	print_perspectives(j, c->trace, out);
}

static void
print_check(struct job *j, const struct dossier_check *c, struct buf *out)
{
	buf_addf(out, "  %s, for %s\n", c->row.id, c->row.domain);
	for (size_t i = 0; i < c->round_count; i++)
		print_row(j, &c->rounds[i],
		    arena_printf(
			j->arena, "attempt %" PRId64, c->rounds[i].attempts),
		    out);
	print_row(j, &c->row, "decided", out);
}

/* What it says of this authorization; NULL: nothing. */
static const struct relied *
relied_of(struct job *j, const struct cert *c, const struct authz *a)
{
	struct relied_list all;

	if (relied_parse(j, NULL, c->order_id, c->evidence, &all) > 0)
		return relied_find(&all, a->id);
	job_recover(j);
	return NULL;
}

static const char *
text_of(const struct relied_row *r)
{
	return r->id == NULL ? "none" : r->id;
}

static void
print_cert(
    struct job *j, const struct cert *c, const struct authz *a, struct buf *out)
{
	const struct relied *r = relied_of(j, c, a);
	char at[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(c->issued_at, at);
	buf_addf(out, "  %s of %s\n", c->serial, at);
	if (r == NULL) {
		buf_add_str(out, "    it does not say on what it rests\n");
		return;
	}
	buf_add_str(out, "    reply ");
	add_outside(out, span_str(text_of(&r->reply)));
	buf_add_str(out, ", CAA check ");
	add_outside(out, span_str(text_of(&r->caa)));
	if (r->key_seen.id != NULL) {
		buf_add_str(out, ", DKIM key seen in check ");
		add_outside(out, span_str(r->key_seen.id));
	}
	buf_add_char(out, '\n');
}

void
dossier_checks_text(struct job *j, const struct authz *a,
    const struct dossier_checks *d, struct buf *out)
{
	if (d->check_count > 0)
		buf_add_str(out, "\nCAA checks, oldest first\n");
	for (size_t i = 0; i < d->check_count; i++)
		print_check(j, &d->checks[i], out);
	if (d->cert_count > 0)
		buf_add_str(out, "\ncertificates, and what each rests on\n");
	for (size_t i = 0; i < d->cert_count; i++)
		print_cert(j, &d->certs[i], a, out);
}

/* --- as JSON -------------------------------------------------------------- */

static void
put_row(struct json_out *w, struct job *j, const struct caa_row *c)
{
	const struct json *t;

	json_member_time(w, "checked", c->checked_at);
	json_member_str(w, "result", c->result);
	json_member_str(w, "reason", c->reason);
	if (c->detail != NULL)
		json_member_str(w, "detail", c->detail);
	json_member_str(w, "requirements", c->br_version);
	json_member_int(w, "ttl", c->ttl);
	json_member_str(w, "seal", hex_dup(j->arena, c->seal));
	/* Whoever changed the row may have made anything of it. */
	if (caa_trace_parse(j, c->trace, &t) == 0) {
		json_key(w, "trace");
		json_put_raw(w, span_str(c->trace));
	} else {
		job_recover(j);
	}
}

static void
put_check(struct json_out *w, struct job *j, const struct dossier_check *c)
{
	json_object_begin(w);
	json_member_str(w, "id", c->row.id);
	json_member_str(w, "domain", c->row.domain);
	put_row(w, j, &c->row);
	json_key(w, "attempts");
	json_array_begin(w);
	for (size_t i = 0; i < c->round_count; i++) {
		json_object_begin(w);
		json_member_int(w, "attempt", c->rounds[i].attempts);
		put_row(w, j, &c->rounds[i]);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

static void
put_cert(struct json_out *w, struct job *j, const struct cert *c,
    const struct authz *a)
{
	const struct relied *r = relied_of(j, c, a);

	json_object_begin(w);
	json_member_str(w, "id", c->id);
	json_member_str(w, "serial", c->serial);
	json_member_time(w, "issued", c->issued_at);
	if (r != NULL && r->reply.id != NULL)
		json_member_str(w, "reply", r->reply.id);
	if (r != NULL && r->caa.id != NULL)
		json_member_str(w, "caa", r->caa.id);
	if (r != NULL && r->key_seen.id != NULL)
		json_member_str(w, "key_seen", r->key_seen.id);
	json_object_end(w);
}

void
dossier_checks_json(struct json_out *w, struct job *j, const struct authz *a,
    const struct dossier_checks *d)
{
	json_key(w, "caa_checks");
	json_array_begin(w);
	for (size_t i = 0; i < d->check_count; i++)
		put_check(w, j, &d->checks[i]);
	json_array_end(w);
	json_key(w, "certificates");
	json_array_begin(w);
	for (size_t i = 0; i < d->cert_count; i++)
		put_cert(w, j, &d->certs[i], a);
	json_array_end(w);
}
