#include "config.h"

#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "lib/seal.h"
#include "pki/key.h"
#include "src/audit_look.h"
#include "src/audit_sample.h"
#include "src/ca_conf.h"
#include "src/cmd_audit.h"
#include "src/command.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/role_linter.h"
#include "src/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500
#define TEXT_MAX ((size_t)16 * 1024 * 1024)

struct request {
	int64_t since, until;
	uint8_t seed[SAMPLE_SEED_LEN];
	bool json;
};

static int
read_time(struct job *j, const char *option, const char *text, int64_t *out)
{
	if (rfc3339_parse(span_str(text), out) == 0)
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "--%s %s: must be a time, as 2027-01-31T12:00:00Z", option, text);
}

static int
read_request(struct job *j, const struct audit_options *o, struct request *r)
{
	*r = (struct request){ .until = j->now, .json = o->json };
	if (o->since == NULL)
		return job_fail(j, ERR_MALFORMED, "--since: say from when on");
	if (read_time(j, "since", o->since, &r->since) < 0 ||
	    (o->until != NULL &&
		read_time(j, "until", o->until, &r->until) < 0))
		return -1;
	/* Of what is still to come there could be more the next time. */
	if (r->until > j->now || r->since >= r->until)
		return job_fail(j, ERR_MALFORMED,
		    "--since must be before --until, and that not in the "
		    "future");
	if (o->seed == NULL) {
		rnd_bytes(r->seed, sizeof(r->seed));
		return 0;
	}
	if (strlen(o->seed) != 2 * sizeof(r->seed) ||
	    hex_parse_fixed(span_str(o->seed), r->seed, sizeof(r->seed)) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "--seed %s: must be 32 hexadecimal digits", o->seed);
	return 0;
}

/* --- drawing -------------------------------------------------------------- */

/* Through all of them a page at a time, each page in a job of its own: how
 * many there are, and into the sample if there is one. */
static int
walk(struct job *j, const struct request *r, struct sample *s, size_t *count)
{
	char id[RND_ID_LEN + 1] = "";
	struct cert_place after = { .id = NULL };
	const char **ids;
	size_t n;
	int result;

	*count = 0;
	do {
		struct job page;

		job_init(&page, j->store, j->conf);
		result = store_cert_page(
		    &page, r->since, r->until, &after, PAGE, &ids, &n);
		for (size_t i = 0; result == 0 && i < n; i++) {
			if (strlen(ids[i]) != RND_ID_LEN)
				continue; /* no program of ours made it */
			++*count;
			if (s != NULL)
				sample_add(s, ids[i]);
		}
		if (result < 0)
			job_fail(j, page.err.kind, "%s", page.err.text);
		if (after.id != NULL && after.id != id) {
			snprintf(id, sizeof(id), "%s", after.id);
			after.id = id;
		}
		job_done(&page);
	} while (result == 0 && n > 0);
	return result;
}

static int
draw(struct job *j, const struct request *r, struct sample *s, size_t *of)
{
	size_t count, size;

	if (walk(j, r, NULL, of) < 0)
		return -1;
	size = sample_size(*of);
	sample_init(
	    s, r->seed, arena_calloc(j->arena, size + 1, sizeof(*s->v)), size);
	if (walk(j, r, s, &count) < 0)
		return -1;
	sample_sort(s);
	return 0;
}

/* --- what is recorded and printed ----------------------------------------- */

static void
describe(struct job *j, const struct request *r, const struct sample *s,
    size_t of, struct json_out *w)
{
	json_object_begin(w);
	json_member_str(
	    w, "seed", hex_dup(j->arena, span_mem(r->seed, sizeof(r->seed))));
	json_member_time(w, "since", r->since);
	json_member_time(w, "until", r->until);
	json_member_int(w, "certificates", (int64_t)of);
	json_member_int(w, "drawn", (int64_t)s->n);
	json_object_end(w);
}

static int
record(struct job *j, const char *result, const char *detail)
{
	return worker_record(j, command_operator(j), "audit sample",
	    "certificates", result, detail);
}

static void
print_head(const struct request *r, const struct sample *s, size_t of,
    const char *detail)
{
	char since[CLOCK_RFC3339_MAX], until[CLOCK_RFC3339_MAX];

	if (r->json) {
		puts(detail);
		return;
	}
	clock_format_rfc3339(r->since, since);
	clock_format_rfc3339(r->until, until);
	printf("%zu of %zu certificates issued from %s to %s, seed ", s->n, of,
	    since, until);
	for (size_t i = 0; i < sizeof(r->seed); i++)
		printf("%02x", r->seed[i]);
	putchar('\n');
}

/* --- looking -------------------------------------------------------------- */

/* Each in a job of its own. */
static int
look_at_all(struct job *j, const struct audit_look *l, const struct sample *s,
    bool json, size_t *findings)
{
	int result = 0;

	*findings = 0;
	for (size_t i = 0; i < s->n && result >= 0; i++) {
		struct job one;
		struct buf b;

		job_init(&one, j->store, j->conf);
		buf_init(&b, one.arena, TEXT_MAX);
		result = audit_look(l, &one, s->v[i].id, json, &b);
		if (result < 0)
			job_fail(j, one.err.kind, "%s", one.err.text);
		else
			fputs(b.p, stdout);
		*findings += result > 0;
		job_done(&one);
	}
	return result < 0 ? -1 : 0;
}

/* Certificate and lists; an auditor holds neither the CA's key nor the
 * seal's. */
static int
prepare(struct command *c, struct issuer *i, struct audit_look *l)
{
	struct ca_files files = ca_conf_certificates(c->conf);
	const struct seal_key *seal;

	*i = (struct issuer){ .ca = NULL };
	*l = (struct audit_look){ .issuer = i, .linters_fd = -1 };
	if (ca_load(&c->job, c->keep, &files, &i->ca) < 0 ||
	    former_open_to_look(&c->job, c->keep, i) < 0)
		return -1;
	if (seal_key_load(&c->job, c->keep, c->conf->seal_key_file, &seal) ==
	    0) {
		l->seal = seal;
		return 0;
	}
	l->seal_why =
	    arena_printf(c->keep, "not checked (%s)", c->job.err.text);
	job_recover(&c->job);
	return 0;
}

static int
run(struct command *c, const struct request *r, int fd, size_t *findings)
{
	struct job *j = &c->job;
	struct audit_look l;
	struct issuer issuer;
	struct sample s;
	struct json_out w;
	struct buf b;
	size_t of;

	if (prepare(c, &issuer, &l) < 0 || draw(j, r, &s, &of) < 0)
		return -1;
	l.linters_fd = fd;
	buf_init(&b, c->keep, 1000);
	json_out_init(&w, &b);
	describe(j, r, &s, of, &w);
	/* Before anybody knows what is in it. */
	if (record(j, "drawn", b.p) < 0)
		return -1;
	print_head(r, &s, of, b.p);
	if (look_at_all(j, &l, &s, r->json, findings) < 0)
		return -1;
	return record(j, *findings > 0 ? "findings" : "ok",
	    arena_printf(c->keep, "{\"certificates\":%zu}", *findings));
}

int
cmd_audit_sample(struct command *c, const struct audit_options *o)
{
	struct request r;
	pid_t linters = 0;
	int fd = -1, result;
	size_t findings = 0;

	result = read_request(&c->job, o, &r);
	/* Before this process knows any secret. */
	if (result == 0 && c->conf->linter_count > 0)
		result = linter_start(&c->job, &linters, &fd);
	if (result == 0)
		result = run(c, &r, fd, &findings);
	linter_stop(linters, fd);
	return result < 0 ? -1 : findings > 0;
}
