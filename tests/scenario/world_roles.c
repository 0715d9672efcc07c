/* The roles with the relay and the DNS that they meet; and somebody who can
 * write rows. */
#include "config.h"

#include "tests/scenario/world_private.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "db/store.h"
#include "db/store_order.h"
#include "db/store_outbox.h"
#include "db/store_private.h"
#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/seal.h"
#include "mail/submit.h"
#include "src/role_issuer.h"
#include "src/role_sender.h"
#include "src/role_validator.h"

#define STEPS_MAX 500

/* --- somebody who can write rows ------------------------------------------ */

static const struct {
	const char *name, *sql;
} forgeries[] = {
	{ "csr",
	    "UPDATE orders SET csr = (SELECT csr FROM orders WHERE id = $2) "
	    "WHERE id = $1" },
	{ "request",
	    "UPDATE orders SET csr_jws = "
	    "(SELECT csr_jws FROM orders WHERE id = $2) WHERE id = $1" },
	{ "both",
	    "UPDATE orders SET csr = (SELECT csr FROM orders WHERE id = $2), "
	    "csr_jws = (SELECT csr_jws FROM orders WHERE id = $2) "
	    "WHERE id = $1" },
};

struct forgery {
	const char *sql, *id, *from;
};

static int
child_forge(struct world *w, struct job *j, void *ctx, FILE *out)
{
	const struct forgery *f = ctx;

	(void)w;
	(void)out;
	if (store_begin(j) < 0 || store_change_one(j, "order", f->sql,
				      ARGS(v_text(f->id), v_text(f->from))) < 0)
		return -1;
	return store_commit(j);
}

int
world_forge(
    struct world *w, const char *order, const char *kind, const char *from)
{
	const struct known_order *o = world_find(w, order);
	const struct known_order *other = world_find(w, from);
	struct forgery f = { 0 };

	for (size_t i = 0; i < COUNT(forgeries); i++)
		if (strcmp(forgeries[i].name, kind) == 0)
			f.sql = forgeries[i].sql;
	if (o == NULL || other == NULL || f.sql == NULL)
		return world_fail(w, "cannot forge %s", kind);
	f.id = strrchr(o->url, '/') + 1;
	f.from = strrchr(other->url, '/') + 1;
	return world_child(w, ROLE_WEB, child_forge, &f, NULL);
}

/* --- relay, mailbox, DNS ------------------------------------------------- */

static int
count_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

static void
keep_message(const struct world *w, struct span message)
{
	char folder[300], path[400];
	FILE *f;

	snprintf(folder, sizeof(folder), "%s/relay", w->dir);
	snprintf(
	    path, sizeof(path), "%s/%06d.eml", folder, count_files(folder) + 1);
	f = fopen(path, "w");
	assert(f != NULL && fwrite(message.p, 1, message.n, f) == message.n);
	fclose(f);
}

static int
relay_send(void *ctx, struct job *j, const char *from, const char *to,
    struct span message, struct submit_result *out)
{
	static const struct submit_result results[] = {
		[RELAY_ACCEPT] = { .outcome = SUBMIT_ACCEPTED,
		    .code = "250 2.0.0",
		    .answer = "250 2.0.0 queued" },
		[RELAY_TEMPFAIL] = { .outcome = SUBMIT_TEMPORARY,
		    .code = "451 4.3.0",
		    .answer = "451 4.3.0 later" },
		[RELAY_PERMFAIL] = { .outcome = SUBMIT_PERMANENT,
		    .code = "550 5.1.1",
		    .answer = "550 5.1.1 unknown user" },
		[RELAY_UNKNOWN] = { .outcome = SUBMIT_UNKNOWN,
		    .code = "",
		    .answer = "connection lost" },
	};
	const struct world *w = ctx;

	(void)j;
	(void)from;
	(void)to;
	*out = results[w->relay];
	if (w->relay == RELAY_ACCEPT || w->relay == RELAY_UNKNOWN)
		keep_message(w, message);
	return 0;
}

static void
answer_txt(const struct world *w, struct job *j, struct dns_answer *out)
{
	size_t n = strlen(w->key_record);
	char *rdata = arena_alloc(j->arena, n + 1);

	assert(n < 256);
	rdata[0] = (char)n;
	memcpy(rdata + 1, w->key_record, n);
	out->status = DNS_OK;
	out->secure = true;
	out->ttl = 300;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	out->rdata[0] = span_mem(rdata, n + 1);
}

static void
answer_caa(const struct world *w, struct job *j, struct dns_answer *out)
{
	static const char forbid[] = "\0\11issuemail;";

	if (w->caa == CAA_MOOD_FAIL)
		out->status = DNS_TEMPORARY;
	if (w->caa != CAA_MOOD_FORBID)
		return;
	out->status = DNS_OK;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	out->rdata[0] = span_mem(forbid, sizeof(forbid) - 1);
}

static int
dns_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const struct world *w = ctx;

	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name
	};
	if (w->dns != DNS_MOOD_OK)
		out->status =
		    w->dns == DNS_MOOD_BOGUS ? DNS_BOGUS : DNS_TEMPORARY;
	else if (type == DNS_TYPE_CAA)
		answer_caa(w, j, out);
	else if (type == DNS_TYPE_TXT &&
		 strcmp(name, "s1._domainkey.user.test") == 0)
		answer_txt(w, j, out);
	return 0;
}

/* --- the roles ----------------------------------------------------------- */

static int
load_seal(struct job *j, const struct seal_key **seal)
{
	return seal_key_load(j, j->arena, j->conf->seal_key_file, seal);
}

/* A step as src/worker.c makes it: a job of its own. */
static int
drain(struct job *outer, int (*step)(void *, struct job *), void *role)
{
	int result = 1;
	struct job j;

	for (int i = 0; result > 0 && i < STEPS_MAX; i++) {
		job_init(&j, outer->store, outer->conf);
		result = step(role, &j);
		if (result < 0)
			job_fail(outer, ERR_INTERNAL, "%s", j.err.text);
		job_done(&j);
	}
	if (result > 0)
		return job_fail(outer, ERR_INTERNAL, "never idle");
	return result;
}

/* A role that starts after a stop (each runs in a new process here). */
static int
recover(const struct world *w, struct job *j, int (*f)(struct job *))
{
	return w->crash->stopped ? f(j) : 0;
}

static int
child_sender(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct sender s = { .submit = submit_new_custom(relay_send, w) };
	int result = recover(w, j, store_outbox_recover);

	(void)ctx;
	(void)out;
	if (result == 0)
		result = drain(j, sender_step, &s);
	submit_free(s.submit);
	return result;
}

static int
take_file(
    struct world *w, struct validator *v, struct job *outer, const char *name)
{
	struct received m = { .source = "imap://acme@ca.test/INBOX",
		.uidvalidity = 1 };
	enum verdict verdict;
	long long uid, arrival;
	struct job j;
	int result;

	assert(sscanf(name, "%lld-%lld.eml", &uid, &arrival) == 2);
	m.uid = uid;
	m.arrival = arrival;
	job_init(&j, outer->store, outer->conf);
	result =
	    file_read(&j, arena_printf(j.arena, "%s/inbox/%s", w->dir, name),
		1 << 20, &m.raw);
	if (result == 0)
		result = validator_take(v, &j, &m, &verdict);
	if (result < 0)
		job_fail(outer, ERR_INTERNAL, "%s", j.err.text);
	job_done(&j);
	return result;
}

static int
child_validator(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct validator v = { .resolver = resolver_new_custom(dns_query, w) };
	struct file_list *files = arena_alloc(j->arena, sizeof(*files));
	int result = load_seal(j, &v.seal);

	if (result == 0)
		result = recover(w, j, validator_recover);

	(void)ctx;
	(void)out;
	world_list_files(w, "inbox", files);
	for (int i = 0; result == 0 && i < files->count; i++)
		result = take_file(w, &v, j, files->names[i]);
	if (result == 0)
		result = drain(j, validator_step, &v);
	resolver_free(v.resolver);
	smime_source_close(&v.smime);
	return result;
}

static int
child_issuer(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct issuer i = { .ca = world_ca };

	(void)w;
	(void)ctx;
	(void)out;
	return load_seal(j, &i.seal) < 0 ||
		       recover(w, j, store_order_recover) < 0
		   ? -1
		   : drain(j, issuer_step, &i);
}

int
world_roles(struct world *w)
{
	/* Twice, for what one role leaves to one before it. */
	for (int round = 0; round < 2; round++)
		if (world_child(w, ROLE_SENDER, child_sender, NULL, NULL) < 0 ||
		    world_child(
			w, ROLE_VALIDATOR, child_validator, NULL, NULL) < 0 ||
		    world_child(w, ROLE_ISSUER, child_issuer, NULL, NULL) < 0)
			return -1;
	return 0;
}
