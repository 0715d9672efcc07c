#include "config.h"

#include "src/rehearsal_sign.h"

#include "db/store_copy.h"
#include "db/store_crl.h"
#include "db/store_ocsp.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/seal.h"
#include "pki/crl.h"
#include "src/answers.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No ceiling stands in the way: what is asked is how long it takes. */
#define NO_CEILING 1000000
#define NO_ANSWERS_CEILING INT64_C(10000000000)
/* The list is not made before this pause is over, which takes no work: the
 * incident's one is dated so much later. */
#define PAUSE_SECS 301
#define FOLDER "countersign-rehearsal-XXXXXX"

struct rehearsal_signer {
	struct arena *keep;
	struct conf conf;
	struct issuer issuer; /* with the test key */
	const struct ca *real;
	char *folder;
};

/* --- its place ------------------------------------------------------------ */

static int
make_folder(struct job *j, struct rehearsal_signer *s)
{
	const char *tmp = getenv("TMPDIR");
	struct conf_issuer *c = &s->conf.issuer;

	s->folder = arena_strdup(
	    s->keep, arena_printf(s->keep, "%s/" FOLDER,
			 tmp != NULL && tmp[0] == '/' ? tmp : "/tmp"));
	if (mkdtemp(s->folder) == NULL) {
		const char *name = s->folder;

		s->folder = NULL;
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", name, strerror(errno));
	}
	c->crl_file = arena_printf(s->keep, "%s/list.crl", s->folder);
	c->ocsp_folder = arena_printf(s->keep, "%s/ocsp", s->folder);
	return 0;
}

/* Nothing else was put there. */
static void
remove_folder(struct rehearsal_signer *s)
{
	const struct conf_issuer *c = &s->conf.issuer;

	if (s->folder == NULL)
		return;
	for (int64_t k = 0; k < c->crl_shards; k++)
		(void)unlink(status_shard_file(s->keep, c, k));
	for (int64_t k = 0; k < OCSP_SEGMENTS; k++)
		(void)unlink(status_segment_file(s->keep, c, k));
	(void)rmdir(c->ocsp_folder);
	(void)rmdir(s->folder);
}

static int
load(struct job *j, struct rehearsal_signer *s)
{
	struct conf_issuer *c = &s->conf.issuer;
	const struct ca_files files = { .certificate =
					    j->conf->issuer.ca_certificate,
		.chain = j->conf->issuer.ca_chain };

	s->conf = *j->conf;
	/* Nothing of it is published, and their parent is not ours. */
	s->conf.linter_count = 0;
	c->max_per_hour = NO_CEILING;
	c->max_lists_per_hour = NO_CEILING;
	c->max_responders_per_hour = NO_CEILING;
	c->max_answers_per_hour = NO_ANSWERS_CEILING;
	if (ca_rehearsal(j, s->keep, &files, &s->real, &s->issuer.ca) < 0)
		return -1;
	if (seal_key_load(j, s->keep, s->conf.seal_key_file, &s->issuer.seal) <
	    0)
		return job_context(j,
		    "what is signed is proven first, for which the seal key is "
		    "needed: run it as root, or as the issuer's user");
	if (status_ocsp_is_on(c))
		s->issuer.answers = answers_new(s->keep);
	return make_folder(j, s);
}

int
rehearsal_signer_new(struct job *j, struct rehearsal_signer **out)
{
	struct rehearsal_signer *s;

	*out = NULL;
	if (j->conf->external.kind != CONF_EXTERNAL_NONE)
		return 0;
	s = xcalloc(1, sizeof(*s));
	s->keep = arena_new();
	if (load(j, s) < 0) {
		rehearsal_signer_free(s);
		return -1;
	}
	*out = s;
	return 0;
}

void
rehearsal_signer_free(struct rehearsal_signer *s)
{
	if (s == NULL)
		return;
	answers_free(s->issuer.answers);
	remove_folder(s);
	arena_free(s->keep);
	free(s);
}

/* --- the issuer's steps --------------------------------------------------- */

typedef int step_fn(struct issuer *i, struct job *j);

/* Until there is nothing to do, each in a job of its own: there may be many. */
static int
run_all(struct job *j, struct rehearsal_signer *s, step_fn *step)
{
	struct job one;
	int result;

	do {
		job_init(&one, j->store, &s->conf);
		one.now = j->now;
		result = step(&s->issuer, &one);
		j->err = one.err;
		job_done(&one);
	} while (result > 0);
	return result;
}

/* --- before --------------------------------------------------------------- */

/* As if the test key had signed what the CA's key has. */
static int
sign_anew(struct job *j, const struct rehearsal_signer *s, int64_t shard)
{
	const char *label = ca_key_label(s->real);
	struct crl_input l;
	struct span der;
	struct crl row;
	int found = store_crl_latest(j, label, shard, &row);

	if (found <= 0)
		return found;
	if (crl_read(j, s->real, row.der, &l) < 0 ||
	    crl_sign(j, s->issuer.ca, &l, &der) < 0 || store_begin(j) < 0)
		return -1;
	if (store_copy_set_list(j, label, row.number, der) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
drop_answers(struct job *j, const struct rehearsal_signer *s)
{
	if (store_begin(j) < 0)
		return -1;
	if (store_copy_drop_answers(j, ca_key_label(s->real)) < 0)
		return worker_undo(j);
	return store_commit(j);
}

int
rehearsal_sign_before(
    struct job *j, struct rehearsal_signer *s, struct rehearsal_signed *out)
{
	int64_t from = clock_mono_ms();

	*out = (struct rehearsal_signed){ 0 };
	if (s == NULL)
		return 0;
	for (int64_t k = 0; k < s->conf.issuer.crl_shards; k++)
		if (sign_anew(j, s, k) < 0)
			return -1;
	if (drop_answers(j, s) < 0 || run_all(j, s, answers_step) < 0 ||
	    run_all(j, s, issuer_list_step) < 0)
		return -1;
	out->prepare_ms = clock_mono_ms() - from;
	return 0;
}

/* --- after ---------------------------------------------------------------- */

static int64_t
answers_so_far(const struct rehearsal_signer *s, int64_t now)
{
	return s->issuer.answers == NULL
		   ? 0
		   : answers_signed(s->issuer.answers, now);
}

int
rehearsal_sign_after(
    struct job *j, struct rehearsal_signer *s, struct rehearsal_signed *out)
{
	int64_t from, before;

	if (s == NULL)
		return 0;
	before = answers_so_far(s, j->now);
	j->now += PAUSE_SECS;
	from = clock_mono_ms();
	if (run_all(j, s, answers_step) < 0)
		return -1;
	out->answers_ms = clock_mono_ms() - from;
	out->answers = answers_so_far(s, j->now) - before;
	from = clock_mono_ms();
	if (run_all(j, s, issuer_list_step) < 0)
		return -1;
	out->lists_ms = clock_mono_ms() - from;
	return store_crl_count_since(
	    j, ca_key_label(s->real), j->now, NO_CEILING, &out->lists);
}
