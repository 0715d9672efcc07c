#include "config.h"

#include "src/admin_login.h"

#include <stdlib.h>
#include <string.h>

#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "pki/statement.h"
#include "src/worker.h"

#define EVENT "admin login"
#define DETAIL_MAX (3 * STATEMENT_MAX)

_Static_assert(sizeof((struct admin_login){ 0 }.nonce) == RND_ID_LEN + 1,
    "a nonce is an id");

bool
admin_name_is_good(const char *name)
{
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

	return name[0] >= 'a' && name[0] <= 'z' &&
	       strlen(name) <= ADMIN_NAME_MAX &&
	       name[strspn(name, rest)] == '\0';
}

const char *
admin_actor(struct job *j, const char *name)
{
	return arena_printf(j->arena, "admin:%s", name);
}

const char *
admin_of_actor(const char *actor)
{
	return strncmp(actor, "admin:", 6) == 0 ? actor + 6 : NULL;
}

int
admin_is_required(struct job *j)
{
	if (j->conf->admin_required || j->conf->mode == CONF_MODE_PUBLIC)
		return 1;
	return store_admin_exists(j);
}

/* --- the statement -------------------------------------------------------- */

/* Each argument with its length before it: no two lines have one hash. */
static const char *
line_hash(struct job *j, const struct command_line *line)
{
	struct sha256_ctx *c = sha256_new(j->arena);
	uint8_t hash[SHA256_LEN];

	for (int i = 0; i < line->argc; i++) {
		const char *n =
		    arena_printf(j->arena, "%zu:", strlen(line->argv[i]));

		sha256_add(c, span_str(n));
		sha256_add(c, span_str(line->argv[i]));
	}
	sha256_finish(c, hash);
	return hex_dup(j->arena, span_mem(hash, sizeof(hash)));
}

static int
make_statement(
    struct job *j, struct admin_login *l, const struct command_line *line)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, STATEMENT_MAX);
	buf_add_str(&b, STATEMENT_FIRST_LINE);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "server", j->conf->base_url);
	json_member_str(&w, "admin", l->name);
	json_member_str(&w, "act", l->act->name);
	json_key(&w, "command");
	json_array_begin(&w);
	for (int i = 0; i < line->argc; i++)
		json_put_string(&w, span_str(line->argv[i]));
	json_array_end(&w);
	json_member_str(&w, "command_sha256", line_hash(j, line));
	json_member_str(&w, "nonce", l->nonce);
	json_member_time(&w, "time", j->now);
	json_object_end(&w);
	buf_add_char(&b, '\n');
	if (!buf_ok(&b))
		return job_fail(j, ERR_MALFORMED,
		    "the command line is too long to be signed");
	l->statement = buf_span(&b);
	return 0;
}

/* --- the record ----------------------------------------------------------- */

static const char *
detail(struct job *j, const struct admin_login *l, struct span signature,
    const char *wrong)
{
	uint8_t hash[SHA256_LEN];
	struct json_out w;
	struct buf b, s;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "act", l->act->name);
	if (wrong != NULL) {
		json_member_str(&w, "reason", wrong);
	} else {
		buf_init(&s, j->arena, DETAIL_MAX);
		b64_add(&s, signature);
		sha256(l->key->spki, hash);
		json_member_string(&w, "statement", l->statement);
		json_member_string(&w, "signature", buf_span(&s));
		json_member_str(
		    &w, "key", hex_dup(j->arena, span_mem(hash, sizeof(hash))));
	}
	json_object_end(&w);
	return b.p;
}

static int
record(struct job *j, const struct admin_login *l, struct span signature,
    const char *by, const char *wrong)
{
	return store_audit_add(j, wrong == NULL ? admin_actor(j, l->name) : by,
	    EVENT, admin_actor(j, l->name), wrong == NULL ? "ok" : "refused",
	    detail(j, l, signature, wrong));
}

/* --- begin ---------------------------------------------------------------- */

/* As it is now. */
static int
look_up(struct job *j, struct admin_login *l)
{
	int found = store_admin_by_name(j, l->name, &l->admin);

	l->is_known = found == 1 && admin_is_live(&l->admin);
	return found < 0 ? -1 : 0;
}

/* Once in each pause: else whoever goes on trying would fill the audit. */
static int
record_pause(struct job *j, const struct admin_login *l, const char *by)
{
	int is_first = store_admin_try_tell(j, l->name);

	return is_first <= 0 ? is_first
			     : record(j, l, SPAN(""), by, ADMIN_TOO_MANY);
}

static int
begin(struct job *j, struct admin_login *l, const char *by, int64_t *until)
{
	int may = store_admin_try(j, l->name, until);

	if (may == 0)
		return record_pause(j, l, by);
	if (may < 0)
		return -1;
	if (look_up(j, l) < 0)
		return -1;
	rnd_id(l->nonce);
	return store_admin_nonce_add(j, l->nonce, l->name) < 0 ? -1 : 1;
}

int
admin_login_begin(struct job *j, const char *name, const struct act_row *act,
    const struct command_line *line, const char *by, struct admin_login *out)
{
	char at[CLOCK_RFC3339_MAX];
	int64_t until = 0;
	int may;

	*out = (struct admin_login){ .name = name, .act = act };
	if (!admin_name_is_good(name))
		return job_fail(j, ERR_MALFORMED,
		    "--admin: a name is of a-z, 0-9, '.', '_' and '-', and "
		    "begins with a letter");
	j->now = clock_now();
	if (store_begin(j) < 0)
		return -1;
	may = begin(j, out, by, &until);
	if (may < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	clock_format_rfc3339(until, at);
	if (may == 0)
		return job_fail(j, ERR_RATE_LIMITED,
		    "too many wrong tries: the next one is looked at from %s "
		    "on",
		    at);
	return make_statement(j, out, line);
}

/* --- finish --------------------------------------------------------------- */

static bool
role_is_enough(const struct admin_login *l)
{
	return l->act->need < NEED_OPERATE || l->admin.role != ADMIN_AUDITOR;
}

/* 1 and which of the two keys has signed, 0: neither, -1. */
static int
signing_key(struct job *j, const struct admin *a, struct span statement,
    struct span signature, const struct admin_key **out)
{
	const struct admin_key *const keys[] = { &a->key, &a->next };
	int is_signed = 0;

	for (size_t i = 0; i < 2 && is_signed == 0; i++) {
		*out = keys[i];
		if (keys[i]->spki.n > 0)
			is_signed = statement_verify(
			    j, keys[i]->spki, statement, signature);
	}
	return is_signed;
}

/* Both factors are looked at in any case.  NULL: all is well; else what is
 * wrong, for the record alone. */
static int
judge(struct job *j, struct admin_login *l, struct span password,
    struct span signature, const char **wrong)
{
	int right = password_check(
	    j, password, l->is_known ? &l->admin.password : NULL);
	int is_signed =
	    right < 0 || !l->is_known
		? right
		: signing_key(j, &l->admin, l->statement, signature, &l->key);
	int is_fresh = store_admin_nonce_use(j, l->nonce, l->name);

	if (right < 0 || is_signed < 0 || is_fresh < 0)
		return -1;
	*wrong = NULL;
	if (!l->is_known)
		*wrong = "there is no such admin, or not any more";
	else if (password.n == 0)
		*wrong = "one factor only: no password";
	else if (signature.n == 0)
		*wrong = "one factor only: no signature";
	else if (!right)
		*wrong = "wrong password";
	else if (!is_signed)
		*wrong = "the signature is not the client key's";
	else if (!is_fresh)
		*wrong = "the statement was used before, or is too old";
	return 0;
}

/* Who gives a new key in place of one whose certificate has expired. */
enum successor { BY_ITSELF, BY_ANOTHER, BY_NOBODY };

/* Where there are two for what needs two nobody names another's key
 * (key_may_be_named()): they make another account. */
static int
find_successor(struct job *j, const struct admin_login *l, enum successor *out)
{
	int pair = store_admin_is_pair(j, NULL);
	int others;

	if (pair < 0)
		return -1;
	others = pair == 1 ? store_admin_is_pair_now(j, l->name)
			   : store_admin_is_other(j, l->name);
	if (others < 0)
		return -1;
	if (others == 0 && l->key->proven_at != 0)
		*out = BY_ITSELF;
	else
		*out = pair == 1 ? BY_NOBODY : BY_ANOTHER;
	return 0;
}

/*
 * Both factors are right: may the key still give this command?  One whose
 * certificate has expired may do one thing, where nobody else can help: name
 * the key that takes its place.  1 / 0 / -1.
 */
static int
key_may(struct job *j, const struct admin_login *l, enum successor *successor)
{
	if (admin_key_is_good(l->key, j->now))
		return 1;
	if (find_successor(j, l, successor) < 0)
		return -1;
	return *successor == BY_ITSELF && l->act == act_row(ACT_ADMIN_KEY);
}

/* What is wrong beyond the factors, in the order in which it is told. */
enum finding { FOUND_NOTHING, FOUND_NOBODY, FOUND_EXPIRED, FOUND_ROLE };

static int
decide(struct job *j, struct admin_login *l, const char **wrong,
    enum finding *found, enum successor *successor)
{
	int may;

	*found = *wrong == NULL ? FOUND_NOTHING : FOUND_NOBODY;
	if (*found == FOUND_NOBODY)
		return 0;
	may = key_may(j, l, successor);
	if (may < 0)
		return -1;
	if (may == 0) {
		*found = FOUND_EXPIRED;
		*wrong = "the client certificate has expired";
	} else if (!role_is_enough(l)) {
		*found = FOUND_ROLE;
		*wrong = "the role does not allow it";
	}
	return store_admin_try_good(j, l->name);
}

/* The first command that a new key has signed: from now on it counts, and the
 * one before does not.  The record of the login was first: who makes the first
 * admin waits for it, or was faster. */
static int
prove(struct job *j, const struct admin_login *l)
{
	uint8_t hash[SHA256_LEN];

	if (l->key != &l->admin.next)
		return 0;
	sha256(l->key->spki, hash);
	if (store_admin_key_prove(j, l->name, l->key->spki) < 0)
		return -1;
	return store_audit_add(j, admin_actor(j, l->name), "admin key in use",
	    admin_actor(j, l->name), "ok",
	    worker_detail(
		j, "key", hex_dup(j->arena, span_mem(hash, sizeof(hash)))));
}

/* Only to whoever has shown both factors is said what is wrong. */
static int
refuse(struct job *j, const struct admin_login *l, enum finding found,
    enum successor successor)
{
	char at[CLOCK_RFC3339_MAX];

	if (found == FOUND_ROLE)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "%s: admin %s has the role auditor, which only reads",
		    l->act->name, l->name);
	if (found == FOUND_NOBODY)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "admin %s: not accepted; both factors are needed, the "
		    "password and the client key",
		    l->name);
	clock_format_rfc3339(l->key->not_after, at);
	if (successor == BY_NOBODY)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "admin %s: the client certificate has expired at %s; two "
		    "other admins must make another account with countersign "
		    "admin add, and end this one with countersign admin "
		    "disable %s",
		    l->name, at, l->name);
	return job_fail(j, ERR_UNAUTHORIZED,
	    "admin %s: the client certificate has expired at %s; %s "
	    "countersign admin key --client-key FILE %s, with the file of a "
	    "new one",
	    l->name, at,
	    successor == BY_ITSELF
		? "no other admin could help, so give, with this key and "
		  "before anything else,"
		: "another admin, an operator or approver, must give",
	    l->name);
}

int
admin_login_finish(struct job *j, struct admin_login *l, struct span password,
    struct span signature, const char *by)
{
	enum finding found = FOUND_NOTHING;
	const char *wrong = NULL;
	enum successor successor = BY_NOBODY;

	j->now = clock_now();
	if (store_begin(j) < 0)
		return -1;
	/* Minutes may lie between the statement and its signature: who was
	 * disabled in them, or has other keys now, is judged as that. */
	if (look_up(j, l) < 0 || judge(j, l, password, signature, &wrong) < 0 ||
	    decide(j, l, &wrong, &found, &successor) < 0 ||
	    record(j, l, signature, by, wrong) < 0 ||
	    ((found == FOUND_NOTHING || found == FOUND_ROLE) &&
		prove(j, l) < 0))
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	return found == FOUND_NOTHING ? 0 : refuse(j, l, found, successor);
}

int
admin_login_missing(struct job *j, const struct act_row *act, const char *by)
{
	struct admin_login l = { .name = "none", .act = act };

	return worker_record(j, by, EVENT, "admin:", "refused",
	    detail(j, &l, SPAN(""), "no admin was named"));
}

/* --- verifying afterwards ------------------------------------------------- */

#define PAGE 500

struct nonces {
	const char **v;
	size_t n, room;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
is_repeated(struct nonces *n)
{
	if (n->n < 2)
		return false;
	qsort(n->v, n->n, sizeof(*n->v), compare);
	for (size_t i = 1; i < n->n; i++)
		if (strcmp(n->v[i - 1], n->v[i]) == 0)
			return true;
	return false;
}

static void
add_nonce(struct nonces *n, const char *nonce)
{
	if (n->n == n->room) {
		n->room = n->room == 0 ? 64 : 2 * n->room;
		n->v = xrealloc(n->v, n->room * sizeof(*n->v));
	}
	n->v[n->n++] = nonce;
}

#define KEYS_MAX 1000

struct keys {
	const char *name;
	struct admin_key *v;
	size_t n;
};

/* The key that the record names, if this admin has, or had, it; or NULL. */
static const struct admin_key *
named_key(const struct keys *keys, struct span hex)
{
	uint8_t named[SHA256_LEN], hash[SHA256_LEN];

	if (hex_parse_fixed(hex, named, sizeof(named)) < 0)
		return NULL;
	for (size_t i = 0; i < keys->n; i++) {
		sha256(keys->v[i].spki, hash);
		if (memcmp(hash, named, sizeof(hash)) == 0)
			return &keys->v[i];
	}
	return NULL;
}

/* 1: it is as it was accepted; 0; -1 cannot be read. */
static int
verify_row(struct job *j, const struct keys *keys, const struct audit_row *r,
    struct nonces *nonces)
{
	struct span statement = { NULL, 0 }, text = { NULL, 0 },
		    signature = { NULL, 0 }, name = { NULL, 0 },
		    nonce = { NULL, 0 }, hex = { NULL, 0 };
	const struct json *detail, *said;
	const struct admin_key *key;

	if (r->detail == NULL ||
	    json_parse_object(j, span_str(r->detail), "record", &detail) < 0 ||
	    json_get_string(j, detail, "statement", &statement) != 1 ||
	    json_get_string(j, detail, "signature", &text) != 1 ||
	    json_get_string(j, detail, "key", &hex) != 1 ||
	    b64_parse_fws(j->arena, text, &signature) < 0)
		return 0;
	if (!span_starts(statement, SPAN(STATEMENT_FIRST_LINE)) ||
	    json_parse_object(j,
		span_from(statement, strlen(STATEMENT_FIRST_LINE)), "statement",
		&said) < 0 ||
	    json_get_string(j, said, "admin", &name) != 1 ||
	    json_get_string(j, said, "nonce", &nonce) != 1 ||
	    !span_eq_str(name, keys->name))
		return 0;
	add_nonce(nonces, span_dup(j->arena, nonce));
	key = named_key(keys, hex);
	return key == NULL
		   ? 0
		   : statement_verify(j, key->spki, statement, signature);
}

static int
verify_page(struct job *j, const struct keys *keys,
    const struct audit_row *rows, size_t count, struct nonces *nonces)
{
	for (size_t i = 0; i < count; i++) {
		const struct audit_row *r = &rows[i];
		int good;

		if (strcmp(r->event, EVENT) != 0 ||
		    strcmp(r->result, "ok") != 0)
			continue;
		good = verify_row(j, keys, r, nonces);
		if (good == 1)
			continue;
		job_recover(j);
		return job_fail(j, ERR_SPOILED,
		    "audit record %lld: the login of admin %s does not hold "
		    "the signature of a key of that admin's",
		    (long long)r->seq, keys->name);
	}
	return 0;
}

int
admin_verify(struct job *j, const char *admin, size_t *count)
{
	struct keys keys = { .name = admin };
	struct nonces nonces = { NULL, 0, 0 };
	struct audit_row *rows;
	size_t n = PAGE;
	int64_t after = 0;
	int result = store_admin_key_list(j, admin, KEYS_MAX, &keys.v, &keys.n);

	while (result == 0 && n == PAGE) {
		result = store_audit_list_after(
		    j, admin_actor(j, admin), after, PAGE, &rows, &n);
		if (result == 0 && n > 0) {
			after = rows[n - 1].seq;
			result = verify_page(j, &keys, rows, n, &nonces);
		}
	}
	if (result == 0 && is_repeated(&nonces))
		result = job_fail(j, ERR_SPOILED,
		    "admin %s: two records hold one statement", admin);
	*count = nonces.n;
	free(nonces.v);
	return result;
}
