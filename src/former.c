#include "config.h"

#include "src/former.h"

#include "db/store_crl.h"
#include "db/store_destroyed.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/ca.h"
#include "pki/ca_key_end.h"
#include "pki/ca_name.h"
#include "pki/certview.h"
#include "pki/key.h"
#include "src/answers.h"
#include "src/ca_conf.h"
#include "src/ca_left.h"
#include "src/former_rest.h"
#include "src/role_issuer.h"
#include "src/status_place.h"

#include <openssl/evp.h>
#include <string.h>

#define DAY_SECS ((int64_t)86400)

/* An issuer of lists and answers, with what its section says in the place of
 * section issuer. */
struct former {
	/* Why there is no key here: right only if it was destroyed. */
	const char *keyless;
	int64_t told_at; /* of what it cannot say any more; 0: never */
	const char *name;
	struct conf conf;
	struct issuer issuer;
};

/* --- opening -------------------------------------------------------------- */

static int
has_ended(struct job *j, const struct conf_former *c, bool *ended)
{
	struct certview v;
	struct span der;

	if (ca_certificate_read(j, j->arena, c->issuer.ca_certificate, &der) <
	    0)
		return -1;
	*ended = certview_parse(der, &v) == 0 && v.not_after < j->now;
	if (*ended)
		log_warning("former CA has ended",
		    "name=%s next=\"its certificates have ended before it: "
		    "remove the section former_ca\"",
		    c->name);
	return 0;
}

/* PK-207: what was destroyed cannot be loaded; former_start(), which has the
 * database, looks whether it was. */
static int
load_ca(
    struct job *j, struct arena *keep, struct ca_files files, struct former *f)
{
	if (files.key == NULL && files.token == NULL && files.remote == NULL)
		f->keyless = "set ca_key or key_module: where the key is that "
			     "signs its list; neither is for a key that "
			     "countersign key destroy has destroyed";
	else if (ca_load(j, keep, &files, &f->issuer.ca) == 0)
		return 0;
	else
		f->keyless = arena_strdup(keep, j->err.text);
	job_recover(j);
	files.key = NULL;
	files.token = NULL;
	return ca_load(j, keep, &files, &f->issuer.ca);
}

/* L-53: a name is one key's for ever, and a CN one CA's: whoever sees only the
 * name must not take one for the other.  0, or -1 in public mode. */
static int
check_name(struct job *j, const struct issuer *i, const struct former *f)
{
	static const char what[] =
	    "the issuing CA has its CN, and another key (L-53, PK-119): "
	    "give each CA a name of its own";
	const struct ca *old = f->issuer.ca;

	if (i->ca == NULL ||
	    EVP_PKEY_eq(i->ca->signer.public_key, old->signer.public_key) ==
		1 ||
	    !ca_name_is_shared(i->ca->signer.name, old->signer.name))
		return 0;
	if (j->conf->mode == CONF_MODE_PUBLIC)
		return job_fail(j, ERR_INTERNAL, "%s", what);
	log_warning(
	    "two CAs of one name", "former_ca=%s next=\"%s\"", f->name, what);
	return 0;
}

static int
open_one(struct job *j, struct arena *keep, const struct issuer *i,
    const struct conf_former *c, struct former *f)
{
	struct ca_key_facts facts;
	struct ca_files files;

	f->name = c->name;
	f->conf = *j->conf;
	f->conf.issuer = c->issuer;
	f->conf.issuer.max_per_hour = j->conf->issuer.max_per_hour;
	/* Whoever issues now, these are its own. */
	f->conf.external.kind = CONF_EXTERNAL_NONE;
	f->issuer.seal = i->seal;
	f->issuer.linters = i->linters;
	f->issuer.is_former = true;
	/* Rules for new CAs do not end what this one owes. */
	files = ca_conf_files(keep, &f->conf);
	files.is_public = false;
	/* Its answer about a key that is away now says nothing of the next
	 * hour, and of one that was destroyed the database knows. */
	ca_conf_use_signer(&files, i->remote);
	if (ca_key_facts(j, files.certificate, &facts) < 0 ||
	    load_ca(j, keep, files, f) < 0 || check_name(j, i, f) < 0)
		return -1;
	f->issuer.key_sha256 =
	    span_mem(arena_memdup(keep, facts.sha256, SHA256_LEN), SHA256_LEN);
	if (status_ocsp_is_on(&f->conf.issuer))
		f->issuer.answers = answers_new(keep);
	log_info(
	    "former CA", "name=%s key=%s", c->name, ca_key_label(f->issuer.ca));
	return 0;
}

/* No key: what is loaded can only verify. */
static int
look_at_one(struct job *j, struct arena *keep, const struct issuer *i,
    const struct conf_former *c, struct former *f)
{
	struct ca_files files;

	f->name = c->name;
	f->conf = *j->conf;
	f->conf.issuer = c->issuer;
	f->issuer.seal = i->seal;
	f->issuer.is_former = true;
	files = ca_conf_certificates(&f->conf);
	files.is_public = false;
	return ca_load(j, keep, &files, &f->issuer.ca);
}

static int
open_all(struct job *j, struct arena *keep, struct issuer *i,
    int (*open)(struct job *, struct arena *, const struct issuer *,
	const struct conf_former *, struct former *))
{
	const struct conf *conf = j->conf;

	i->formers =
	    arena_calloc(keep, conf->former_count, sizeof(struct former));
	for (size_t k = 0; k < conf->former_count; k++) {
		const struct conf_former *c = &conf->formers[k];
		bool ended = false;

		if (has_ended(j, c, &ended) < 0 ||
		    (!ended && open(j, keep, i, c,
				   &i->formers[i->former_count]) < 0)) {
			job_context(j, "former_ca %s", c->name);
			return -1;
		}
		i->former_count += !ended;
	}
	return 0;
}

int
former_open(struct job *j, struct arena *keep, struct issuer *i)
{
	return open_all(j, keep, i, open_one);
}

int
former_open_to_look(struct job *j, struct arena *keep, struct issuer *i)
{
	return open_all(j, keep, i, look_at_one);
}

static const struct former *
find(const struct issuer *i, const char *ca_label)
{
	for (size_t n = 0; n < i->former_count; n++)
		if (strcmp(ca_key_label(i->formers[n].issuer.ca), ca_label) ==
		    0)
			return &i->formers[n];
	return NULL;
}

const struct issuer *
former_of(const struct issuer *i, const char *ca_label)
{
	const struct former *f = find(i, ca_label);

	return f != NULL ? &f->issuer : NULL;
}

const struct conf_issuer *
former_conf(const struct issuer *i, const char *ca_label)
{
	const struct former *f = find(i, ca_label);

	return f != NULL ? &f->conf.issuer : NULL;
}

bool
former_key(
    const struct issuer *i, size_t k, const struct ca **ca, struct span *sha256)
{
	for (size_t n = 0; n < i->former_count; n++) {
		const struct former *f = &i->formers[n];

		if (f->keyless != NULL || f->issuer.is_gone || k-- > 0)
			continue;
		*ca = f->issuer.ca;
		*sha256 = f->issuer.key_sha256;
		return true;
	}
	return false;
}

void
former_close(struct issuer *i)
{
	for (size_t k = 0; k < i->former_count; k++)
		answers_free(i->formers[k].issuer.answers);
	i->former_count = 0;
}

/* --- each under its own configuration ------------------------------------- */

/* The copy in this process signs nothing either: 1, 0, -1. */
static int
look_for_end(struct former *f, struct job *j)
{
	int gone =
	    f->issuer.is_gone ? 1 : store_destroyed_is(j, f->issuer.key_sha256);

	if (gone == 1 && !f->issuer.is_gone)
		log_warning("former CA's key was destroyed",
		    "name=%s next=\"its last list and answers are served until "
		    "they end; then remove the section former_ca\"",
		    f->name);
	f->issuer.is_gone = gone == 1;
	return gone;
}

static int
start_one(struct former *f, struct job *j)
{
	int gone = look_for_end(f, j);

	if (gone != 0)
		return gone < 0 ? -1 : 0;
	if (f->keyless != NULL)
		return job_fail(j, ERR_INTERNAL, "%s", f->keyless);
	return issuer_list_start(&f->issuer, j);
}

int
former_start(const struct issuer *i, struct job *j)
{
	const struct conf *conf = j->conf;
	int result = 0;

	for (size_t k = 0; k < i->former_count && result == 0; k++) {
		struct former *f = &i->formers[k];

		j->conf = &f->conf;
		result = start_one(f, j);
		if (result < 0)
			job_context(j, "former_ca %s", f->name);
	}
	j->conf = conf;
	return result;
}

int
former_each(const struct issuer *i, struct job *j,
    int (*one)(const struct issuer *former, struct job *j, void *arg),
    void *arg)
{
	const struct conf *conf = j->conf;
	int result = 0;

	for (size_t k = 0; k < i->former_count && result == 0; k++) {
		const struct former *f = &i->formers[k];

		j->conf = &f->conf;
		result = one(&f->issuer, j, arg);
		if (result < 0)
			job_context(j, "former_ca %s", f->name);
	}
	j->conf = conf;
	return result;
}

/* Until the last list is out: then there is nothing to answer, either. */
static int
due_of(const struct former *f, struct job *j, int64_t *at)
{
	int64_t answers_at;

	if (issuer_list_due(&f->issuer, j, at) < 0)
		return -1;
	if (*at == INT64_MAX)
		return 0;
	if (answers_due(&f->issuer, j, &answers_at) < 0)
		return -1;
	if (answers_at < *at)
		*at = answers_at;
	return 0;
}

/* PK-156: once a day, while certificates outlive the last list. */
static void
tell_of_rest(struct former *f, struct job *j)
{
	struct former_rest r;
	struct log_text q;
	const char *problem;

	if (f->told_at != 0 && j->now < f->told_at + DAY_SECS)
		return;
	f->told_at = j->now;
	if (former_rest(j, ca_key_label(f->issuer.ca), &f->conf.issuer, &r) < 0)
		return;
	problem = former_rest_problem(j, &r);
	if (problem != NULL)
		log_error("former CA says nothing more", "name=%s next=%s",
		    f->name, log_text(&q, problem));
}

/* What was signed is served as long as it is good. */
static int
serve_rest(struct former *f, struct job *j)
{
	int result;

	tell_of_rest(f, j);
	job_recover(j);
	result = issuer_list_restore(&f->issuer, j);
	return result != 0 ? result : answers_restore(&f->issuer, j);
}

static int
step_of(struct former *f, struct job *j)
{
	int64_t at;
	int result = look_for_end(f, j);

	if (result != 0)
		return result < 0 ? -1 : serve_rest(f, j);
	result = issuer_list_step(&f->issuer, j);
	if (result != 0 || due_of(f, j, &at) < 0)
		return result != 0 ? result : -1;
	return at == INT64_MAX ? 0 : answers_step(&f->issuer, j);
}

/* PK-156: once a day.  Who has no section has nobody else who tells. */
static void
tell_of_left(struct issuer *i, struct job *j)
{
	const char **known =
	    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	    arena_calloc(j->arena, i->former_count + 1, sizeof(*known));
	struct ca_end left[CA_LEFT_MAX];
	size_t count, n = 0;

	if (i->left_told_at != 0 && j->now < i->left_told_at + DAY_SECS)
		return;
	i->left_told_at = j->now;
	known[n++] = ca_key_label(i->ca);
	for (size_t k = 0; k < i->former_count; k++)
		known[n++] = ca_key_label(i->formers[k].issuer.ca);
	if (ca_left_find(j, known, n, left, &count) < 0)
		return;
	for (size_t k = 0; k < count; k++)
		log_error("CA without a section", "ca=%s next=\"%s\"",
		    left[k].ca_label, ca_left_text(j, &left[k]));
}

/* None that fails keeps another one's from being made. */
int
former_step(struct issuer *i, struct job *j)
{
	const struct conf *conf = j->conf;
	struct err why = { .kind = ERR_NONE };
	int result = 0;

	tell_of_left(i, j);
	job_recover(j);
	for (size_t k = 0; k < i->former_count && result <= 0; k++) {
		struct former *f = &i->formers[k];

		/* These may change while we run. */
		f->conf.linters = conf->linters;
		f->conf.linter_count = conf->linter_count;
		f->conf.allow_lints = conf->allow_lints;
		f->conf.allow_lint_count = conf->allow_lint_count;
		j->conf = &f->conf;
		result = step_of(f, j);
		if (result < 0 && why.kind == ERR_NONE) {
			job_context(j, "former_ca %s", f->name);
			why = j->err;
		}
		job_recover(j);
	}
	j->conf = conf;
	if (result > 0 || why.kind == ERR_NONE)
		return result > 0 ? 1 : 0;
	j->err = why;
	return -1;
}

/* One that is over is not put out any more, and is an alarm of its own. */
static int
lists_are_out(const struct former *f, struct job *j)
{
	const struct conf_issuer *conf = &f->conf.issuer;

	for (int64_t s = 0; s < conf->crl_shards; s++) {
		const char *file = status_shard_file(j->arena, conf, s);
		struct crl last;
		int found =
		    store_crl_head(j, ca_key_label(f->issuer.ca), s, &last);

		if (found < 0)
			return -1;
		if (found == 1 && last.next_update > j->now &&
		    (f->issuer.written[s] != last.number ||
			!file_is_regular(file)))
			return 0;
	}
	return 1;
}

int
former_lists_are_out(const struct issuer *i, struct job *j)
{
	int result = 1;

	for (size_t k = 0; k < i->former_count && result == 1; k++)
		result = lists_are_out(&i->formers[k], j);
	return result;
}

int
former_due(const struct issuer *i, struct job *j, int64_t *at)
{
	const struct conf *conf = j->conf;
	int result = 0;

	*at = INT64_MAX;
	for (size_t k = 0; k < i->former_count && result == 0; k++) {
		int64_t one;

		if (i->formers[k].issuer.is_gone)
			continue;
		j->conf = &i->formers[k].conf;
		result = due_of(&i->formers[k], j, &one);
		if (result == 0 && one < *at)
			*at = one;
	}
	j->conf = conf;
	return result;
}
