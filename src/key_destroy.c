#include "config.h"

#include "src/key_destroy.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_destroyed.h"
#include "db/store_own_key.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/utf8.h"
#include "pki/ca.h"
#include "pki/ca_key_end.h"
#include "pki/certview.h"
#include "pki/keycheck.h"
#include "pki/token_key.h"
#include "src/ca_conf.h"
#include "src/command.h"
#include "src/pins.h"
#include "src/two_persons.h"
#include "src/worker.h"

#define WITNESSES_MAX 500
#define DETAIL_MAX 16384

/* --- records -------------------------------------------------------------- */

/* Of the CA: so PK-22 keeps it as long as what else that key did. */
static const char *
object_of(struct job *j, const struct destroyed_key *k)
{
	return arena_printf(j->arena, "ca:%s", k->ca_label);
}

/* Public key, method and witnesses (PK-207). */
static const char *
detail(struct job *j, const struct destroyed_key *k, const char *more)
{
	struct json_out w;
	struct buf b, key;

	buf_init(&key, j->arena, DETAIL_MAX);
	b64_add(&key, k->spki);
	buf_init(&b, j->arena, 2 * DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "spki_sha256", hex_dup(j->arena, k->spki_sha256));
	json_member_string(&w, "public_key", buf_span(&key));
	json_member_str(&w, "method", k->method);
	json_member_str(&w, "witnesses", k->witnesses);
	json_member_str(&w, "asked_by", k->asked_by);
	if (k->approved_by != NULL)
		json_member_str(&w, "approved_by", k->approved_by);
	json_member_bool(&w, "compromised", k->is_compromised);
	if (more != NULL)
		json_member_str(&w, "note", more);
	json_object_end(&w);
	return b.p;
}

static int
record(struct job *j, const struct destroyed_key *k, const char *event,
    const char *result, const char *more)
{
	return store_audit_add(j, command_operator(j), event, object_of(j, k),
	    result, detail(j, k, more));
}

/* --- may it be ------------------------------------------------------------ */

/* By other CAs, for the same key (PK-134). */
static int
alternates_end(
    struct job *j, const struct ca_key_facts *facts, int64_t *not_after)
{
	const struct conf_list *files = &j->conf->issuer.alternate_chains;

	for (size_t i = 0; i < files->n; i++) {
		struct certview v;
		struct span der;

		if (ca_certificate_read(j, j->arena, files->v[i], &der) < 0)
			return -1;
		if (certview_parse(der, &v) < 0)
			return job_fail(j, ERR_INTERNAL,
			    "%s: not a certificate in strict DER", files->v[i]);
		if (span_eq(v.spki, facts->spki) && v.not_after > *not_after)
			*not_after = v.not_after;
	}
	return 0;
}

/* Until when its own certificates, and those that it has signed, are valid. */
static int
last_use(struct job *j, const struct ca_key_facts *facts, int64_t *out)
{
	*out = 0;
	if (store_destroyed_last_use(j, facts->label, out) < 0)
		return -1;
	if (facts->not_after > *out)
		*out = facts->not_after;
	return alternates_end(j, facts, out);
}

static int
check_unused(struct job *j, const struct ca_key_facts *facts)
{
	char at[CLOCK_RFC3339_MAX];
	int64_t last;

	if (last_use(j, facts, &last) < 0)
		return -1;
	if (last < j->now)
		return 0;
	clock_format_rfc3339(last, at);
	return job_fail(j, ERR_MALFORMED,
	    "a certificate of this key is valid until %s: its revocation lists "
	    "must be signed until then; a key that is compromised is destroyed "
	    "earlier, with --compromised",
	    at);
}

static bool
is_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool
is_same(const struct destroyed_key *a, const struct destroyed_key *b)
{
	return is_text(a->method, b->method) &&
	       is_text(a->witnesses, b->witnesses) &&
	       a->is_compromised == b->is_compromised;
}

/* --- asking and confirming ------------------------------------------------ */

enum step { STEP_ASKED, STEP_BEGUN };

static int
ask(struct job *j, const struct destroyed_key *k)
{
	return store_destroyed_ask(j, k) < 0
		   ? -1
		   : record(j, k, "CA key destruction asked for", "ok", NULL);
}

static int
confirm(
    struct job *j, const struct destroyed_key *asked, struct destroyed_key *k)
{
	k->asked_by = asked->asked_by;
	k->approved_by = command_operator(j);
	if (!is_same(asked, k))
		return job_fail(j, ERR_CONFLICT,
		    "%s has asked for it otherwise (witnesses: %s%s); give the "
		    "same command",
		    asked->asked_by, asked->witnesses,
		    asked->is_compromised ? "; --compromised" : "");
	if (request_may_confirm(j, asked->asked_by) < 0 ||
	    store_destroyed_begin(j, k->spki_sha256, k->approved_by) < 0)
		return -1;
	return record(j, k, "CA key destruction begun", "ok", NULL);
}

/* In a transaction. */
static int
decide(struct job *j, const struct ca_key_facts *facts, struct destroyed_key *k,
    enum step *step)
{
	struct destroyed_key before;
	int found = store_destroyed_by_key(j, k->spki_sha256, &before);
	int is_asked;

	if (found < 0)
		return -1;
	if (found == 1 && before.destroyed_at != 0)
		return job_fail(
		    j, ERR_CONFLICT, "the key was destroyed before");
	*step = STEP_BEGUN;
	if (found == 1 && before.begun_at != 0) {
		/* Both have agreed; it did not come to its end. */
		*k = before;
		return 0;
	}
	if (!k->is_compromised && check_unused(j, facts) < 0)
		return -1;
	is_asked = found == 1 && before.asked_at >= j->now - DESTROY_ASKED_SECS
		       ? request_stands(j, before.asked_by)
		       : 0;
	if (is_asked != 0)
		return is_asked < 0 ? -1 : confirm(j, &before, k);
	*step = STEP_ASKED;
	k->asked_by = command_operator(j);
	return ask(j, k);
}

/* --- doing it ------------------------------------------------------------- */

/* PK-65: also where no issuer has run since the record began. */
static int
put_own_key(struct job *j, const struct destroyed_key *k)
{
	uint8_t bare[SHA256_LEN];
	bool has_bare = spki_bare_sha256(k->spki, bare) == 0;

	return store_own_key_put(j,
	    &(struct key_hash){
		k->spki_sha256, span_mem(bare, has_bare ? SHA256_LEN : 0) },
	    arena_printf(j->arena, "CA %s, destroyed", k->ca_label));
}

static int
finish(struct job *j, const struct ca_key_facts *facts,
    const struct destroyed_key *k, bool was_gone)
{
	int64_t ended_at;

	if (store_begin(j) < 0)
		return -1;
	if (last_use(j, facts, &ended_at) < 0 || put_own_key(j, k) < 0 ||
	    store_destroyed_finish(
		j, k, ended_at > j->now ? ended_at : j->now) < 0 ||
	    record(j, k, "CA key destroyed", "ok",
		was_gone ? "the key was not there any more" : NULL) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* The failure is on record too; the error stays what it was. */
static void
note_failure(struct job *j, const struct destroyed_key *k)
{
	struct err why = j->err;

	job_recover(j);
	(void)worker_record(j, command_operator(j), "CA key destroyed",
	    object_of(j, k), "failed", detail(j, k, why.text));
	job_recover(j);
	j->err = why;
}

/* PK-199: one that is in no file is asked for when it is needed. */
static int
destroy(struct job *j, struct ca_files *files, const struct destroyed_key *k,
    bool *was_gone)
{
	struct span pin;
	int asked = pins_ask(j, &j->conf->issuer.key, &pin);

	if (asked > 0)
		ca_conf_use_pin(j->arena, files, pin, true);
	if (asked == 0 && files->token != NULL &&
	    files->token->pin_file == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "the PIN of the token is in no file: give the command at a "
		    "terminal, which asks for it");
	return asked < 0 ? -1
			 : ca_key_destroy(j, files, k->begun_at != 0, was_gone);
}

static int
carry_out(struct job *j, struct ca_files *files,
    const struct ca_key_facts *facts, const struct destroyed_key *k)
{
	bool was_gone = false;

	if (destroy(j, files, k, &was_gone) < 0) {
		note_failure(j, k);
		return job_context(j,
		    "not destroyed; the issuer refuses it already, and the "
		    "same command tries again");
	}
	j->now = clock_now();
	return finish(j, facts, k, was_gone);
}

static int
check_input(struct job *j, const struct key_destroy *in)
{
	if (in->witnesses == NULL || strlen(in->witnesses) > WITNESSES_MAX ||
	    !utf8_is_valid(span_str(in->witnesses)) ||
	    span_has_control(span_str(in->witnesses)))
		return job_fail(j, ERR_MALFORMED,
		    "--witnesses: say who is there and sees it, in one line "
		    "of UTF-8 with at most %d octets",
		    WITNESSES_MAX);
	return 0;
}

int
key_destroy(
    struct job *j, const struct key_destroy *in, struct key_destroyed *out)
{
	struct ca_files files = ca_conf_files(j->arena, j->conf);
	struct ca_key_facts facts = { .label = NULL };
	struct destroyed_key k;
	enum step step = STEP_ASKED;

	if (check_input(j, in) < 0 ||
	    ca_key_facts(j, files.certificate, &facts) < 0)
		return -1;
	k = (struct destroyed_key){ .spki_sha256 =
					span_mem(facts.sha256, SHA256_LEN),
		.spki = facts.spki,
		.ca_label = facts.label,
		.method = ca_key_destroy_method(&files),
		.witnesses = in->witnesses,
		.is_compromised = in->is_compromised };
	if (store_begin(j) < 0)
		return -1;
	if (decide(j, &facts, &k, &step) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	*out = (struct key_destroyed){ .key = object_of(j, &k),
		.method = k.method,
		.is_done = step == STEP_BEGUN,
		.is_file = files.token == NULL };
	return out->is_done ? carry_out(j, &files, &facts, &k) : 0;
}
