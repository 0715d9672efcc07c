#include "config.h"

#include "pki/ceremony_key.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "pki/ca_build.h"
#include "pki/ceremony_persons.h"
#include "pki/cryptoki_generate.h"
#include "pki/ossl.h"

#define PASSPHRASE_MAX 1024
#define PIN_MAX 256
#define PLACE_MAX 4096
#define TEXT_MAX 255
#define TOKEN_LABEL_MAX 32 /* of CK_TOKEN_INFO */
#define ID_OCTETS 8
#define ID_OCTETS_MAX 128

static bool
is_root(const struct ceremony_key *k)
{
	return strcmp(k->who, "root") == 0;
}

static const char *
file_of(struct ceremony *c, const struct ceremony_key *k, const char *suffix)
{
	return arena_printf(c->j->arena, "%s-key.%s", k->who, suffix);
}

/* "--root-key-" or "--key-": how the options of this key begin. */
static const char *
options_of(const struct ceremony_key *k)
{
	return is_root(k) ? "--root-key" : "--key";
}

/* --- the file that says where --------------------------------------------- */

struct word {
	const char *name;
	const char **value;
};
#define WORD_COUNT 5

static void
words_of(struct token_place *p, struct word out[WORD_COUNT])
{
	out[0] = (struct word){ "key_module", &p->module };
	out[1] = (struct word){ "key_token", &p->token };
	out[2] = (struct word){ "key_label", &p->label };
	out[3] = (struct word){ "key_id", &p->id };
	out[4] = (struct word){ "key_module_certificate", &p->statement };
}

static struct span
format_place(struct job *j, struct token_place *p)
{
	struct word words[WORD_COUNT];
	struct buf b;

	words_of(p, words);
	buf_init(&b, j->arena, PLACE_MAX);
	for (size_t i = 0; i < WORD_COUNT; i++)
		if (*words[i].value != NULL)
			buf_addf(&b, "%s = \"%s\"\n", words[i].name,
			    *words[i].value);
	return buf_span(&b);
}

/* name = "value" */
static int
take_line(struct job *j, const struct word words[WORD_COUNT], struct span line)
{
	const struct span middle = SPAN(" = \"");
	size_t at = span_find_span(line, 0, middle);
	struct span name = span_cut(line, 0, at);

	for (size_t i = 0; i < WORD_COUNT; i++) {
		if (!span_eq_str(name, words[i].name) || at == line.n ||
		    !span_ends(line, SPAN("\"")) || line.n <= at + middle.n ||
		    *words[i].value != NULL)
			continue;
		*words[i].value = span_dup(
		    j->arena, span_cut(line, at + middle.n, line.n - 1));
		return 0;
	}
	return -1;
}

static int
read_place(struct ceremony *c, const char *name, struct token_place *p)
{
	const char *path = ceremony_path(c, name);
	struct word words[WORD_COUNT];
	struct span text;

	words_of(p, words);
	if (file_read(c->j, path, PLACE_MAX, &text) < 0)
		return -1;
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');

		if (take_line(c->j, words, span_cut(text, at, end)) < 0)
			return job_fail(c->j, ERR_INTERNAL,
			    "%s: was changed; put it back as the ceremony "
			    "wrote it",
			    path);
		at = end + 1;
	}
	if (p->module == NULL || p->token == NULL || p->label == NULL ||
	    p->id == NULL)
		return job_fail(
		    c->j, ERR_INTERNAL, "%s: a line is missing", path);
	return 0;
}

/* --- what was asked for --------------------------------------------------- */

/* It goes into lines of a configuration and of the transcript. */
static bool
is_plain(const char *text, size_t max)
{
	struct span s = span_str(text);

	return s.n > 0 && s.n <= max && !span_has_control(s) &&
	       span_find(s, 0, '"') == s.n && span_find(s, 0, '\\') == s.n &&
	       span_trim(s).n == s.n;
}

const char *
ceremony_module_problem(const char *path)
{
	if (path[0] != '/' || !is_plain(path, TEXT_MAX))
		return "must be the absolute path of the device's PKCS#11 "
		       "module, such as /usr/lib/softhsm/libsofthsm2.so";
	return access(path, R_OK) == 0 ? NULL : "no such file can be read";
}

const char *
ceremony_token_problem(const char *label)
{
	return is_plain(label, TOKEN_LABEL_MAX)
		   ? NULL
		   : "must be the label of a token, of at most 32 octets";
}

static const char *
id_problem(const char *id)
{
	uint8_t octets[ID_OCTETS_MAX];
	size_t n = strlen(id) / 2;

	return n > 0 && n <= sizeof octets && strlen(id) % 2 == 0 &&
		       hex_parse_fixed(span_str(id), octets, n) == 0
		   ? NULL
		   : "must be the CKA_ID in hexadecimal, such as 0a1b";
}

static int
check_words(struct ceremony *c, const struct ceremony_key *k)
{
	const struct token_place *p = &k->place;
	const struct {
		const char *name, *value, *problem;
	} rows[] = {
		{ "module", p->module, ceremony_module_problem(p->module) },
		{ "token", p->token, ceremony_token_problem(p->token) },
		{ "label", p->label,
		    is_plain(p->label, TEXT_MAX)
			? NULL
			: "must be a text without quotes" },
		{ "id", p->id, id_problem(p->id) },
		{ "module-certificate", p->statement,
		    p->statement == NULL || is_plain(p->statement, TEXT_MAX)
			? NULL
			: "must be a text of at most 255 octets without "
			  "quotes" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].problem != NULL)
			return job_fail(c->j, ERR_INTERNAL, "%s-%s %s: %s",
			    options_of(k), rows[i].name, rows[i].value,
			    rows[i].problem);
	return 0;
}

static bool
has_place(const struct ceremony_token *t)
{
	return t != NULL &&
	       (t->module != NULL || t->token != NULL || t->label != NULL ||
		   t->id != NULL || t->statement != NULL);
}

static const char *
new_id(struct job *j)
{
	uint8_t octets[ID_OCTETS];

	rnd_bytes(octets, sizeof octets);
	return hex_dup(j->arena, span_mem(octets, sizeof octets));
}

static int
plan_new(struct ceremony *c, bool is_rehearsal, struct ceremony_key *k)
{
	const struct ceremony_token *t = c->token;

	if (t->module == NULL || t->token == NULL)
		return job_fail(c->j, ERR_INTERNAL,
		    "%s-module and %s-token belong together: the PKCS#11 "
		    "module of the device and the label of the token in it",
		    options_of(k), options_of(k));
	k->place = (struct token_place){ .module = t->module,
		.token = t->token,
		.label = t->label != NULL ? t->label
			 : is_rehearsal
			     ? arena_printf(c->j->arena, "REHEARSAL %s", k->who)
			     : k->who,
		.id = t->id != NULL ? t->id : new_id(c->j),
		.statement = t->statement };
	k->is_in_token = true;
	return check_words(c, k);
}

/* Nobody must believe that another place than the folder's was meant. */
static int
check_same_place(struct ceremony *c, const struct ceremony_key *k)
{
	const struct ceremony_token *t = c->token;
	const struct token_place *p = &k->place;
	const struct {
		const char *name, *asked, *is;
	} rows[] = {
		{ "module", t->module, p->module },
		{ "token", t->token, p->token },
		{ "label", t->label, p->label },
		{ "id", t->id, p->id },
		{ "module-certificate", t->statement, p->statement },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].asked != NULL &&
		    (rows[i].is == NULL ||
			strcmp(rows[i].asked, rows[i].is) != 0))
			return job_fail(c->j, ERR_CONFLICT,
			    "%s-%s: the key of %s has %s (%s): leave the "
			    "option away, or give another folder",
			    options_of(k), rows[i].name, c->dir,
			    rows[i].is == NULL ? "none" : rows[i].is,
			    ceremony_path(c, file_of(c, k, "token")));
	return 0;
}

static int
find_place(struct ceremony *c, bool is_rehearsal, struct ceremony_key *k)
{
	bool is_file = ceremony_has(c, file_of(c, k, "pem"));

	k->is_in_token = ceremony_has(c, file_of(c, k, "token"));
	k->is_there = is_file || k->is_in_token;
	if (is_file && (k->is_in_token || has_place(c->token)))
		return job_fail(c->j, ERR_CONFLICT,
		    "the key of %s is in the file %s: for one in a token give "
		    "another folder",
		    c->dir, file_of(c, k, "pem"));
	if (!k->is_in_token)
		return is_file || !has_place(c->token)
			   ? 0
			   : plan_new(c, is_rehearsal, k);
	if (read_place(c, file_of(c, k, "token"), &k->place) < 0)
		return -1;
	return c->token == NULL ? 0 : check_same_place(c, k);
}

static bool
is_typed(const struct ceremony_token *t)
{
	return t == NULL || t->pin == NULL || strcmp(t->pin, "ask") == 0;
}

/* PK-208 */
static int
check_pin_parts(struct ceremony *c, const struct ceremony_key *k)
{
	if (!is_root(k) || !k->is_in_token || c->second == NULL ||
	    is_typed(c->token) || c->token->quorum != NULL)
		return 0;
	return job_fail(c->j, ERR_INTERNAL,
	    "%s-pin: whoever has it uses the root alone; leave it away, and "
	    "each person types a part of the PIN, or say with %s-quorum how "
	    "the device itself asks for both (PK-208)",
	    options_of(k), options_of(k));
}

/* PK-195 */
static int
check_custody(struct ceremony *c, const struct ceremony_key *k)
{
	if (!k->is_in_token)
		return job_fail(c->j, ERR_INTERNAL,
		    "a key in a file is for private mode: give %s-module and "
		    "%s-token of a device that is certified (FIPS 140-2 or "
		    "140-3 level 3, Common Criteria EAL 4), or say --private "
		    "(PK-195)",
		    options_of(k), options_of(k));
	if (k->place.statement == NULL)
		return job_fail(c->j, ERR_INTERNAL,
		    "%s-module-certificate is missing: which certification "
		    "has the device, such as \"FIPS 140-3 level 3, "
		    "certificate 4711\"? (PK-195)",
		    options_of(k));
	return 0;
}

int
ceremony_key_plan(struct ceremony *c, const char *who, bool is_rehearsal,
    struct ceremony_key *out)
{
	*out = (struct ceremony_key){ .who = who };
	if (find_place(c, is_rehearsal, out) < 0)
		return -1;
	out->place.is_public = !c->is_private && !is_rehearsal;
	if (out->place.is_public && check_custody(c, out) < 0)
		return -1;
	if (c->token != NULL && !out->is_in_token &&
	    (c->token->pin != NULL || c->token->quorum != NULL))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s-pin and %s-quorum are for a key in a token, which "
		    "%s has not",
		    options_of(out), options_of(out), c->dir);
	if (c->token != NULL && c->token->quorum != NULL &&
	    !is_plain(c->token->quorum, TEXT_MAX))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s-quorum: say in at most 255 octets without quotes how "
		    "the device asks for both persons",
		    options_of(out));
	return check_pin_parts(c, out);
}

/* --- the PIN (PK-199) ----------------------------------------------------- */

static int
pin_from_fd(struct ceremony *c, struct ceremony_token *t, struct span *pin)
{
	int64_t fd;

	if (t->from_fd.n == 0) {
		if (span_to_int(span_from(span_str(t->pin), 3), 0, 1023, &fd) <
		    0)
			return job_fail(c->j, ERR_INTERNAL,
			    "%s: must be fd: and the number of an open "
			    "descriptor, such as fd:3",
			    t->pin);
		if (fd_read_secret(
			c->j, (int)fd, t->pin, PIN_MAX, &t->from_fd) < 0)
			return -1;
	}
	*pin = t->from_fd;
	return 0;
}

int
ceremony_pin(struct ceremony *c, struct ceremony_token *t, const char *who,
    const char *token, struct span *pin)
{
	int result;

	if (!is_typed(t))
		result = strncmp(t->pin, "fd:", 3) == 0
			     ? pin_from_fd(c, t, pin)
			     : file_read_pin(c->j, t->pin, PIN_MAX, pin);
	else if (strcmp(who, "root") == 0)
		result = ceremony_ask_pin_parts(c, token, pin);
	else
		result = c->ask(c->context, c->j,
		    arena_printf(c->j->arena, "PIN of token %s: ", token), true,
		    pin);
	if (result == 0 && pin->n == 0)
		return job_fail(
		    c->j, ERR_INTERNAL, "the PIN of token %s is empty", token);
	return result;
}

/* --- a token -------------------------------------------------------------- */

static int
say_token(struct ceremony *c, const struct ceremony_key *k,
    const struct token_made *made)
{
	const struct token_place *p = &k->place;

	if (transcript_add(c->j, &c->transcript,
		"%s key: token %s (%s), module %s; its certification: %s",
		k->who, p->token, made->device, p->module,
		p->statement != NULL ? p->statement : "nothing was stated") < 0)
		return -1;
	if (is_root(k) && c->token != NULL && c->token->quorum != NULL &&
	    transcript_add(c->j, &c->transcript,
		"root key: its device asks for two persons: %s",
		c->token->quorum) < 0)
		return -1;
	return transcript_add(c->j, &c->transcript, "%s key: attributes: %s",
	    k->who, made->attributes);
}

/* PK-198: a device may make something else than was asked for. */
static int
check_made(struct ceremony *c, const struct ceremony_key *k,
    const struct token_made *made)
{
	if (made->wrong == 0)
		return 0;
	if (k->place.is_public)
		return job_fail(c->j, ERR_REFUSED,
		    "token %s: %zu attributes of key %s are not as they must "
		    "be (PK-198): %s",
		    k->place.token, made->wrong, k->place.label,
		    made->attributes);
	return transcript_add(c->j, &c->transcript,
	    "WARNING: %zu attributes of the %s key are not as they should be "
	    "(PK-198)",
	    made->wrong, k->who);
}

/* Whoever reads "made" takes this folder for the one that knows all that the
 * key has signed. */
static int
say_not_made(struct ceremony *c, const struct ceremony_key *k)
{
	const char *line = arena_printf(c->j->arena,
	    "%s key: not made here, it was in the folder before", k->who);

	return transcript_says(&c->transcript, line)
		   ? 0
		   : transcript_add(c->j, &c->transcript, "%s", line);
}

/* Once, also when the act was stopped in between. */
static int
say_made(struct ceremony *c, const struct ceremony_key *k, const char *where,
    const char *key_type)
{
	const char *begin = arena_printf(c->j->arena, "%s key: made", k->who);

	if (key_type == NULL || transcript_says(&c->transcript, begin))
		return 0;
	if (k->is_restored ||
	    transcript_says(&c->transcript,
		arena_printf(c->j->arena, "%s key: not made", k->who)))
		return say_not_made(c, k);
	return transcript_add(
	    c->j, &c->transcript, "%s %s, %s", begin, where, key_type);
}

static bool
is_certified(struct ceremony *c, const struct ceremony_key *k)
{
	return ceremony_has(c, is_root(k) ? "root.pem" : "issuing.csr") ||
	       (!is_root(k) && ceremony_has(c, "issuing.pem"));
}

static int
take_from_token(
    struct ceremony *c, struct ceremony_key *k, const char *key_type)
{
	struct job *j = c->j;
	struct token_made made;

	k->place.is_by_hand = is_typed(c->token);
	if (ceremony_pin(c, c->token, k->who, k->place.token, &k->place.pin) <
	    0)
		return -1;
	if (!k->is_there && (token_make_free(j, &k->place, key_type) < 0 ||
				ceremony_write(c, file_of(c, k, "token"), 0444,
				    format_place(j, &k->place), false) < 0))
		return -1;
	if (token_make(
		j, &k->place, is_certified(c, k) ? NULL : key_type, &made) < 0)
		return -1;
	k->pkey = made.public_key;
	if (say_made(c, k,
		arena_printf(j->arena, "in the token %s, label %s, id %s",
		    k->place.token, k->place.label, k->place.id),
		key_type) < 0 ||
	    say_token(c, k, &made) < 0 || check_made(c, k, &made) < 0 ||
	    token_key_open(j, j->arena, &k->place, k->pkey, &k->signing) < 0)
		return -1;
	return 0;
}

/* --- a file --------------------------------------------------------------- */

static int
make_passphrase(struct ceremony *c)
{
	return ceremony_write(
	    c, "ca-passphrase", 0400, ca_key_passphrase(c->j->arena), false);
}

static int
take_passphrase(struct ceremony *c, struct ceremony_key *k)
{
	if (is_root(k))
		return ceremony_ask_passphrase(c, !k->is_there, &k->passphrase);
	if (!k->is_there && !ceremony_has(c, "ca-passphrase") &&
	    make_passphrase(c) < 0)
		return -1;
	return file_read_secret(c->j, ceremony_path(c, "ca-passphrase"),
	    PASSPHRASE_MAX, &k->passphrase);
}

static int
make_file(struct ceremony *c, struct ceremony_key *k, const char *key_type)
{
	struct job *j = c->j;
	struct span pem;

	k->pkey = ca_key_generate(j->arena, key_type);
	if (k->pkey == NULL)
		return ossl_fail(j, "making a key");
	return ca_key_check(j, k->pkey) < 0 ||
		       ca_key_seal(j, k->pkey, k->passphrase, &pem) < 0
		   ? -1
		   : ceremony_write(c, file_of(c, k, "pem"), 0400, pem, false);
}

static int
take_from_file(struct ceremony *c, struct ceremony_key *k, const char *key_type)
{
	if (take_passphrase(c, k) < 0)
		return -1;
	if ((k->is_there
		    ? ca_key_open(c->j, ceremony_path(c, file_of(c, k, "pem")),
			  k->passphrase, &k->pkey)
		    : make_file(c, k, key_type)) < 0)
		return -1;
	return say_made(c, k, "in a file", key_type);
}

/* --- either --------------------------------------------------------------- */

int
ceremony_key_take(
    struct ceremony *c, struct ceremony_key *k, const char *key_type)
{
	if (!k->is_there && key_type == NULL)
		return job_fail(
		    c->j, ERR_INTERNAL, "%s: no %s key here", c->dir, k->who);
	if ((k->is_in_token ? take_from_token : take_from_file)(
		c, k, key_type) < 0)
		return -1;
	return ceremony_key_check(c, k->pkey, key_type);
}

int
ceremony_key_signer(struct ceremony *c, const struct ceremony_key *k,
    enum ca_role role, struct span name, struct signer *s, struct span *spki)
{
	if (ca_signer_make(c->j, k->pkey, role, name, s, spki) < 0)
		return -1;
	if (k->is_in_token)
		s->key = k->signing;
	return 0;
}

int
ceremony_key_close(struct ceremony *c, const struct ceremony_key *k)
{
	if (!k->is_in_token)
		return 0;
	token_key_close(k->signing);
	return transcript_add(c->j, &c->transcript,
	    "%s key: the session with token %s is closed", k->who,
	    k->place.token);
}
