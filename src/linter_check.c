#include "config.h"

#include "src/linter_check.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/ocsp_answer.h"
#include "pki/returned.h"
#include "src/linters.h"
#include "src/role_linter.h"
#include "src/status_place.h"

#include <sys/types.h>

#define SAMPLE_MAX ((size_t)64 * 1024)
#define LIST_MAX ((size_t)16 * 1024 * 1024)

/* One of each: they are not ours to sign here, and need not be good. */
struct samples {
	struct span certificate, list, answer;
};

/* The one certificate that is always there. */
static int
take_certificate(struct job *j, struct span *der)
{
	struct span pem;

	if (file_read(j, j->conf->issuer.ca_certificate, SAMPLE_MAX, &pem) < 0)
		return -1;
	return returned_leaf(j, pem, der) == 0
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "%s: cannot be read",
			 j->conf->issuer.ca_certificate);
}

/* Empty before the first one is out. */
static void
take_list(struct job *j, struct span *der)
{
	const struct conf_issuer *c = &j->conf->issuer;
	const char *file =
	    c->crl_file != NULL ? status_shard_file(j->arena, c, 0) : NULL;

	*der = SPAN("");
	if (file == NULL || !file_is_regular(file) ||
	    file_read_regular(j, file, LIST_MAX, der) < 0) {
		job_recover(j);
		*der = SPAN("");
	}
}

/* One that nobody has signed. */
static void
make_answer(struct job *j, struct span certificate, struct span *der)
{
	static const uint8_t signature[OCSP_SIGNATURE_LEN] = { 1,
		[OCSP_SIGNATURE_LEN / 2] = 1 };
	static const uint8_t key_hash[OCSP_KEY_HASH_LEN];
	const struct ocsp_ca ca = { .name_sha1 = { 0 } };
	const struct ocsp_status status = {
		.serial = { 1 }, .serial_len = 1, .this_update = j->now
	};
	struct buf tbs, response;

	buf_init(&tbs, j->arena, SAMPLE_MAX);
	buf_init(&response, j->arena, 2 * SAMPLE_MAX);
	ocsp_add_tbs(&tbs, &ca, OCSP_SHA256, &status, key_hash);
	ocsp_add_response(&response, buf_span(&tbs), signature, certificate);
	*der = buf_span(&response);
}

static struct span
sample_of(const struct samples *s, enum lint_object what)
{
	if (what == LINT_CRL || what == LINT_ROOT_CRL)
		return s->list;
	return what == LINT_OCSP ? s->answer : s->certificate;
}

/* What was told of each: that it judges, and that it does not. */
struct told {
	const struct conf *conf;
	bool v[LINTERS_MAX][2];
};

static bool
is_news(struct told *t, const struct lint_answer *a)
{
	for (size_t i = 0; i < t->conf->linter_count && i < LINTERS_MAX; i++) {
		bool *told = &t->v[i][a->has_failed];

		if (*told || !span_eq_str(a->name, t->conf->linters[i].name))
			continue;
		*told = true;
		return true;
	}
	return false;
}

static void
ask_each(struct job *j, int fd, const struct samples *samples,
    linter_check_fn *tell, void *ctx)
{
	struct lint_answer *answers =
	    arena_calloc(j->arena, LINTERS_MAX, sizeof(*answers));
	struct told told = { .conf = j->conf };

	for (enum lint_object what = 0; what < LINT_OBJECTS; what++) {
		const struct linters_question q = { .fd = fd,
			.object = what,
			.der = sample_of(samples, what),
			.is_ours = true };
		size_t count = q.der.n > 0 ? linters_ask(j, &q, answers) : 0;

		for (size_t i = 0; i < count; i++)
			if (is_news(&told, &answers[i]))
				tell(ctx, &answers[i]);
	}
}

int
linter_check(struct job *j, linter_check_fn *tell, void *ctx)
{
	struct samples samples;
	pid_t pid;
	int fd;

	if (take_certificate(j, &samples.certificate) < 0)
		return -1;
	take_list(j, &samples.list);
	make_answer(j, samples.certificate, &samples.answer);
	if (linter_start(j, &pid, &fd) < 0)
		return -1;
	ask_each(j, fd, &samples, tell, ctx);
	linter_stop(pid, fd);
	return 0;
}

const char *
linter_check_left(struct arena *a, const struct conf *c)
{
	const bool has_key = c->external.kind == CONF_EXTERNAL_NONE;
	const bool has_ocsp = has_key && status_ocsp_is_on(&c->issuer);
	const struct {
		enum lint_object what;
		bool is_made;
	} made[] = { { LINT_STRICT, true }, { LINT_CRL, has_key },
		{ LINT_RESPONDER, has_ocsp }, { LINT_OCSP, has_ocsp } };
	struct buf b;

	buf_init(&b, a, SAMPLE_MAX);
	for (size_t i = 0; i < COUNT(made); i++)
		if (made[i].is_made && linters_count(c, made[i].what) == 0)
			buf_addf(&b, "%s%s", b.n > 0 ? ", " : "",
			    linter_kind(made[i].what));
	return b.n > 0 ? b.p : NULL;
}
