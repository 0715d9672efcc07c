#include "config.h"

#include "acme/limit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "acme/problem.h"
#include "acme/request.h"
#include "db/store_authz.h"
#include "db/store_bucket.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/netaddr.h"
#include "lib/orgdomain.h"
#include "lib/rate.h"

#define DAY ((int64_t)86400)
#define ALARM_EVERY 60
#define EVERYBODY "server" /* the subject of what counts for all */

#define AT(member) offsetof(struct conf_limits, member)

static const struct {
	const char *name;
	const char *words; /* for the client: never whose use it was */
	size_t offset;
	bool window;     /* no day sees more than its figure (AC-189) */
	bool of_account; /* external account binding can set it */
} table[] = {
	[LIMIT_NEW_ACCOUNTS] = { "new_accounts",
	    "new accounts of one client address", AT(new_accounts), false,
	    false },
	[LIMIT_NEW_ACCOUNTS_NET] = { "new_accounts_net",
	    "new accounts of one network", AT(new_accounts_net), false, false },
	[LIMIT_NEW_ORDERS] = { "new_orders", "new orders of one account",
	    AT(new_orders), false, true },
	[LIMIT_MAILS_TO_MAILBOX] = { "mails_to_mailbox",
	    "challenge mails to one mailbox", AT(mails_to_mailbox), true,
	    false },
	[LIMIT_MAILS_TO_KNOWN_MAILBOX] = { "mails_to_known_mailbox",
	    "challenge mails to one mailbox", AT(mails_to_known_mailbox), true,
	    true },
	[LIMIT_MAILS_TO_DOMAIN] = { "mails_to_domain",
	    "challenge mails to one domain", AT(mails_to_domain), false,
	    false },
	[LIMIT_MAILS_BY_ACCOUNT] = { "mails_by_account",
	    "challenge mails of one account", AT(mails_by_account), false,
	    true },
	[LIMIT_MAILS_BY_ADDRESS] = { "mails_by_address",
	    "challenge mails of one client address", AT(mails_by_address),
	    false, true },
	[LIMIT_MAILS_TOTAL] = { "mails_total", "challenge mails of this server",
	    AT(mails_total), false, false },
	[LIMIT_CERTIFICATES] = { "certificates", "certificates for one mailbox",
	    AT(certificates), false, true },
	[LIMIT_FAILED_VALIDATIONS] = { "failed_validations",
	    "failed validations of one mailbox", AT(failed_validations), false,
	    true },
	[LIMIT_KEY_REPORTS] = { "key_reports",
	    "reports by one client address of keys without a certificate",
	    AT(key_reports), false, false },
	[LIMIT_KEY_REPORTS_TOTAL] = { "key_reports_total",
	    "reports of keys without a certificate", AT(key_reports_total),
	    false, false },
};

#define LIMIT_COUNT COUNT(table)

struct limit_use {
	enum limit limit;
	const char *subject;
	int64_t n;
	bool only_asked;
};

/* Validations that would wait: of one mailbox, or (NULL) of the account. */
struct limit_pending {
	struct limit_pending *next;
	const char *account_id;
	const char *mailbox;
	int64_t max;
	int64_t more;
	const char *words;
};

static const struct conf_rates *
rates_of(const struct conf_limits *conf, enum limit limit)
{
	const char *base = (const char *)conf;

	return (const struct conf_rates *)(const void *)(base +
							 table[limit].offset);
}

static bool
is_window(enum limit limit, const struct conf_rate *r)
{
	return table[limit].window && r->secs >= DAY &&
	       r->count <= WINDOW_COUNT_MAX;
}

/* --- collecting ----------------------------------------------------------- */

void
limits_init(struct limits *l, struct job *j, const struct conf_limits *conf)
{
	*l = (struct limits){ .job = j, .conf = conf };
}

static void
grow(struct limits *l)
{
	size_t room = l->room == 0 ? 16 : 2 * l->room;
	struct limit_use *more =
	    arena_calloc(l->job->arena, room, sizeof(*more));

	if (l->count > 0)
		memcpy(more, l->uses, l->count * sizeof(*more));
	l->uses = more;
	l->room = room;
}

/* Equal subjects of one limit are one use: they share the bucket. */
static void
add(struct limits *l, enum limit limit, const char *subject, int64_t n,
    bool only_asked)
{
	if (rates_of(l->conf, limit)->n == 0)
		return;
	for (size_t i = 0; i < l->count; i++) {
		struct limit_use *u = &l->uses[i];

		if (u->limit == limit && u->only_asked == only_asked &&
		    strcmp(u->subject, subject) == 0) {
			u->n += n;
			return;
		}
	}
	if (l->count == l->room)
		grow(l);
	l->uses[l->count++] = (struct limit_use){ limit,
		arena_strdup(l->job->arena, subject), n, only_asked };
}

void
limits_add(struct limits *l, enum limit limit, const char *subject, int64_t n)
{
	add(l, limit, subject, n, false);
}

void
limits_ask(struct limits *l, enum limit limit, const char *subject, int64_t n)
{
	add(l, limit, subject, n, true);
}

static void
exhausted(struct limits *l, int64_t wait, const char *words)
{
	if (wait <= l->wait)
		return;
	l->wait = wait;
	l->words = words;
}

static const char *
pair(struct limits *l, const char *account_id, const char *mailbox)
{
	return arena_printf(l->job->arena, "%s %s", account_id, mailbox);
}

/* AC-183: the validations themselves are counted; `more` of them, this request
 * asks for. */
static void
add_pending(struct limits *l, const char *account_id, const char *mailbox,
    int64_t max, int64_t more, const char *words)
{
	struct limit_pending *p;

	if (max == 0)
		return;
	p = arena_alloc(l->job->arena, sizeof(*p));
	*p = (struct limit_pending){ l->pending,
		arena_strdup(l->job->arena, account_id),
		mailbox == NULL ? NULL : arena_strdup(l->job->arena, mailbox),
		max, more, words };
	l->pending = p;
}

/* A stranger who uses the shared budget up must not keep the holder from
 * renewing (AC-189). */
void
limits_add_mailbox(
    struct limits *l, const char *account_id, const char *mailbox)
{
	const char *counted = addr_counted(l->job, mailbox);
	int known = store_authz_was_valid(l->job, account_id, mailbox);

	if (known < 0)
		l->failed = true;
	else if (known > 0)
		limits_add(l, LIMIT_MAILS_TO_KNOWN_MAILBOX,
		    pair(l, account_id, counted), 1);
	else
		limits_add(l, LIMIT_MAILS_TO_MAILBOX, counted, 1);
}

void
limits_add_mail_of_incident(struct limits *l, const char *account_id,
    const char *client_address, const char *mailbox)
{
	const char *domain = addr_domain_of(mailbox);
	const char *organisation = orgdomain_of(domain);
	char address[NETADDR_MAX];

	limits_add(l, LIMIT_MAILS_TO_DOMAIN, domain, 1);
	if (strcmp(organisation, domain) != 0)
		limits_add(l, LIMIT_MAILS_TO_DOMAIN, organisation, 1);
	(void)netaddr_counted(client_address, 64, address);
	limits_add(l, LIMIT_MAILS_BY_ACCOUNT, account_id, 1);
	limits_add(l, LIMIT_MAILS_BY_ADDRESS, address, 1);
	limits_add(l, LIMIT_MAILS_TOTAL, EVERYBODY, 1);
	limits_ask(
	    l, LIMIT_FAILED_VALIDATIONS, pair(l, account_id, mailbox), 1);
	add_pending(l, account_id, mailbox, l->conf->pending_per_mailbox, 1,
	    "pending validations of one mailbox");
	add_pending(l, account_id, NULL, l->conf->pending_authorizations,
	    ++l->mails, "pending validations of one account");
}

void
limits_add_mail(struct limits *l, const char *account_id,
    const char *client_address, const char *mailbox)
{
	limits_add_mailbox(l, account_id, mailbox);
	limits_add_mail_of_incident(l, account_id, client_address, mailbox);
}

void
limits_add_account(struct limits *l, const char *client_address)
{
	char address[NETADDR_MAX], net[NETADDR_MAX];

	(void)netaddr_counted(client_address, 64, address);
	limits_add(l, LIMIT_NEW_ACCOUNTS, address, 1);
	(void)netaddr_counted(client_address, 48, net);
	if (strcmp(net, address) != 0)
		limits_add(l, LIMIT_NEW_ACCOUNTS_NET, net, 1);
}

void
limits_add_key_report(struct limits *l, const char *client_address)
{
	char address[NETADDR_MAX];

	(void)netaddr_counted(client_address, 64, address);
	limits_add(l, LIMIT_KEY_REPORTS, address, 1);
	limits_add(l, LIMIT_KEY_REPORTS_TOTAL, EVERYBODY, 1);
}

void
limits_add_certificate(struct limits *l, const char *mailbox)
{
	limits_add(l, LIMIT_CERTIFICATES, mailbox, 1);
}

/* Strangers are not told how many certificates a mailbox has: they learn it,
 * if ever, at finalize. */
void
limits_ask_certificate(
    struct limits *l, const char *account_id, const char *mailbox)
{
	int known = store_authz_was_valid(l->job, account_id, mailbox);

	if (known < 0)
		l->failed = true;
	else if (known > 0)
		limits_ask(l, LIMIT_CERTIFICATES, mailbox, 1);
}

/* --- taking --------------------------------------------------------------- */

/* One rate of one use, and its row. */
struct step {
	const struct limit_use *use;
	const struct conf_rate *rate;
	struct bucket bucket;
};

static int
compare_steps(const void *a, const void *b)
{
	const struct step *x = a, *y = b;
	int order = strcmp(x->bucket.name, y->bucket.name);

	return order != 0 ? order
			  : strcmp(x->bucket.subject, y->bucket.subject);
}

/* In the order in which everybody locks them. */
static struct step *
make_steps(struct limits *l, size_t *count)
{
	struct step *steps = arena_calloc(
	    l->job->arena, l->count * CONF_RATES_MAX + 1, sizeof(*steps));

	*count = 0;
	for (size_t i = 0; i < l->count; i++) {
		const struct limit_use *u = &l->uses[i];
		const struct conf_rates *rates = rates_of(l->conf, u->limit);

		for (size_t k = 0; k < rates->n; k++)
			steps[(*count)++] = (struct step){ u, &rates->v[k],
				{ .name = arena_printf(l->job->arena,
				      "%s/%" PRId64, table[u->limit].name,
				      rates->v[k].secs),
				    .subject = u->subject } };
	}
	qsort(steps, *count, sizeof(*steps), compare_steps);
	return steps;
}

/* Seconds, rounded up. */
static int64_t
wait_for(const struct job *j, enum limit limit, const struct conf_rate *rate,
    const struct bucket *b, int64_t n)
{
	if (is_window(limit, rate))
		return window_wait(rate, b->takes, j->now, n);
	return (bucket_wait(rate, b->full_at_ms, j->now * 1000, n) + 999) /
	       1000;
}

static void
weigh(struct limits *l, const struct step *s)
{
	int64_t wait =
	    wait_for(l->job, s->use->limit, s->rate, &s->bucket, s->use->n);

	exhausted(l, wait, table[s->use->limit].words);
	if (wait > 0 && s->use->limit == LIMIT_MAILS_TOTAL)
		l->total_used_up = true;
}

static int
look(struct limits *l, struct step *s)
{
	if (store_bucket_read(l->job, &s->bucket) < 0)
		return -1;
	weigh(l, s);
	return 0;
}

static int
look_at_pending(struct limits *l)
{
	for (const struct limit_pending *p = l->pending; p != NULL;
	     p = p->next) {
		int64_t until;
		int found;

		/* An account's own limit may be below what one order can
		 * hold. */
		if (p->more > p->max) {
			exhausted(l, DAY, p->words);
			continue;
		}
		found = store_authz_pending_over(l->job, p->account_id,
		    p->mailbox, p->max - p->more, &until);
		if (found < 0)
			return -1;
		if (found > 0)
			exhausted(l, until - l->job->now, p->words);
	}
	return 0;
}

/* The same when nobody else can make the account's validations.  All of one
 * request are one account's. */
static int
look_at_pending_again(struct limits *l)
{
	struct bucket lock = { .name = "pending" };

	if (l->pending == NULL)
		return 0;
	lock.subject = l->pending->account_id;
	if (store_bucket_lock(l->job, &lock) < 0)
		return -1;
	return look_at_pending(l);
}

/* Nobody else takes from it until this transaction has ended. */
static int
look_again(struct limits *l, struct step *s)
{
	if (s->use->only_asked)
		return 0;
	if (store_bucket_lock(l->job, &s->bucket) < 0)
		return -1;
	weigh(l, s);
	return 0;
}

static int
take(struct limits *l, struct step *s)
{
	struct job *j = l->job;
	struct bucket *b = &s->bucket;

	if (s->use->only_asked)
		return 0;
	if (is_window(s->use->limit, s->rate)) {
		b->takes = window_take(j, s->rate, b->takes, j->now, s->use->n);
		b->full_at_ms = (j->now + s->rate->secs) * 1000;
	} else {
		b->takes = NULL;
		b->full_at_ms = bucket_take(
		    s->rate, b->full_at_ms, j->now * 1000, s->use->n);
	}
	return store_bucket_write(j, b);
}

/* Somebody must look, but not a hundred times a second. */
static void
alarm_total(const struct limits *l)
{
	static atomic_llong last;
	long long before = atomic_load(&last);

	if (!l->total_used_up ||
	    (l->job->now >= before && l->job->now < before + ALARM_EVERY) ||
	    !atomic_compare_exchange_strong(&last, &before, l->job->now))
		return;
	log_error("challenge mails stopped",
	    "next=\"limits.mails_total is used up: look who orders "
	    "(countersign orders, countersign limits), or raise it\"");
}

static int
refuse(struct limits *l, struct response *resp)
{
	struct problem_extra *extra =
	    arena_alloc(l->job->arena, sizeof(*extra));

	alarm_total(l);
	extra->retry_after = l->wait;
	if (l->conf->help_url != NULL) {
		extra->link = l->conf->help_url;
		extra->link_rel = "help";
	}
	resp->problem = extra;
	return job_fail(l->job, ERR_RATE_LIMITED,
	    "%s: try again in %" PRId64 " seconds", l->words, l->wait);
}

static int
for_each(struct limits *l, struct step *steps, size_t count,
    int (*what)(struct limits *l, struct step *s))
{
	for (size_t i = 0; i < count; i++)
		if (what(l, &steps[i]) < 0)
			return -1;
	return 0;
}

/* A refusal writes nothing, not even for a moment: it is what a flood mostly
 * gets. */
static int
take_all(struct limits *l, struct response *resp)
{
	size_t count;
	struct step *steps = make_steps(l, &count);

	if (l->failed || look_at_pending(l) < 0 ||
	    for_each(l, steps, count, look) < 0)
		return -1;
	if (l->wait > 0)
		return refuse(l, resp);
	if (!store_is_exclusive(l->job) &&
	    (look_at_pending_again(l) < 0 ||
		for_each(l, steps, count, look_again) < 0))
		return -1;
	if (l->wait > 0)
		return refuse(l, resp);
	if (for_each(l, steps, count, take) < 0)
		return -1;
	/* As many old rows go as new ones may have come. */
	return store_bucket_sweep(l->job, (int64_t)count + 1);
}

/* AC-191: what cannot be counted is not done, and another time may do. */
int
limits_take(struct limits *l, struct response *resp)
{
	struct job *j = l->job;
	struct err why;

	if (take_all(l, resp) == 0)
		return 0;
	if (j->err.kind != ERR_INTERNAL)
		return -1;
	why = j->err;
	job_recover(j);
	return job_fail(j, ERR_BUSY, "limits: %s", why.text);
}

int
limits_note_failure(struct job *j, const char *account_id, const char *mailbox)
{
	struct limits l;
	struct step *steps;
	size_t count;

	limits_init(&l, j, &j->conf->limits);
	limits_add(
	    &l, LIMIT_FAILED_VALIDATIONS, pair(&l, account_id, mailbox), 1);
	steps = make_steps(&l, &count);
	if (for_each(&l, steps, count, look_again) < 0)
		return -1;
	return for_each(&l, steps, count, take);
}

/* --- an account's own ----------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} counts[] = {
	{ "pending_authorizations", AT(pending_authorizations) },
	{ "pending_per_mailbox", AT(pending_per_mailbox) },
};

/* What is not understood must not leave a limit empty: that is no limit. */
static int
set_rates(struct conf_rates *out, struct span value)
{
	struct conf_rates rates;

	if (rates_parse(value, &rates) < 0)
		return -1;
	*out = rates;
	return 0;
}

int
limits_set(struct conf_limits *l, struct span name, struct span value)
{
	char *base = (char *)l;

	for (size_t i = 0; i < COUNT(counts); i++)
		if (span_eq_str(name, counts[i].name))
			return span_to_int(value, 1, 100000,
			    (int64_t *)(void *)(base + counts[i].offset));
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		if (table[i].of_account && span_eq_str(name, table[i].name))
			return set_rates(
			    (struct conf_rates *)(void *)(base +
							  table[i].offset),
			    value);
	return -1;
}

const struct conf_limits *
limits_of_account(
    struct job *j, const struct conf_limits *server, const char *json)
{
	struct conf_limits *own;
	const struct json *object;

	if (json == NULL)
		return server;
	if (json_parse_object(j, span_str(json), "limits", &object) < 0) {
		job_recover(j);
		return server;
	}
	own = arena_memdup(j->arena, server, sizeof(*server));
	for (size_t i = 0; i < json_count(object); i++) {
		const char *name = json_name_at(object, i);

		(void)limits_set(
		    own, span_str(name), json_string(json_get(object, name)));
	}
	return own;
}

/* --- for people ----------------------------------------------------------- */

int
limits_explain(struct job *j, const struct conf_limits *conf,
    const struct bucket *b, const char **words, const struct conf_rate **rate,
    int64_t *wait)
{
	struct span name = span_str(b->name);
	size_t slash = span_find(name, 0, '/');
	int64_t secs;

	if (span_to_int(span_from(name, slash + 1), 1, INT64_MAX, &secs) < 0)
		return -1;
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		const struct conf_rates *rates = rates_of(conf, (enum limit)i);

		if (!span_eq_str(span_cut(name, 0, slash), table[i].name))
			continue;
		for (size_t k = 0; k < rates->n; k++) {
			if (rates->v[k].secs != secs)
				continue;
			*words = table[i].words;
			*rate = &rates->v[k];
			*wait = wait_for(j, (enum limit)i, *rate, b, 1);
			return 0;
		}
	}
	return -1;
}
