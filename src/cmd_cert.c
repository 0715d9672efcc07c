#include "config.h"

#include "acme/certid.h"
#include "acme/revoke.h"
#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "lib/rnd.h"
#include "pki/issue.h"
#include "src/command.h"
#include "src/incident_open.h"
#include "src/worker.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1024 * 1024)
#define KEY_SECS 86400
/* Of its incident: the operator knows why. */
#define CAUSE "operator"

struct options {
	const char *config;
	const char *reason, *replace_by;
	bool json;
	bool revoke;
};

static const char usage[] =
    "usage: countersign cert [--json] [-f FILE] SERIAL|ID\n"
    "       countersign cert revoke [--reason N] [--replace-by TIME] [--json]\n"
    "           [-f FILE] SERIAL|ID\n"
    "\n"
    "Tells about one certificate, by its serial number (hexadecimal) or id.\n"
    "With revoke (or --revoke) it is revoked first; it is on the revocation "
    "list\n"
    "within 10 minutes.\n"
    "\n"
    "  --json             as one JSON object\n"
    "  --reason N         0 unspecified (the default), 1 keyCompromise,\n"
    "                     3 affiliationChanged, 4 superseded,\n"
    "                     5 cessationOfOperation, 9 privilegeWithdrawn;\n"
    "                     1 also blocks the key and revokes every other\n"
    "                     certificate with it\n"
    "  --replace-by TIME  revoke it at that time, as 2027-01-31T12:00:00Z, "
    "and\n"
    "                     move its renewal window before that now: an incident "
    "of\n"
    "                     this one certificate\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

/* 0, or -1 after the usage was printed. */
static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "json", &o->json, NULL },
		{ "revoke", &o->revoke, NULL },
		{ "reason", NULL, &o->reason },
		{ "replace-by", NULL, &o->replace_by },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, -1) < 0)
		return -1;
	if (optind < argc && strcmp(argv[optind], "revoke") == 0) {
		o->revoke = true;
		optind++;
	}
	if (command_counts(argc, argv, usage, 1) < 0)
		return -1;
	return o->revoke || (o->reason == NULL && o->replace_by == NULL)
		   ? 0
		   : command_misused(usage, "--%s is for cert revoke",
			 o->reason != NULL ? "reason" : "replace-by");
}

/* --- which one ------------------------------------------------------------ */

static int
find(struct job *j, const char *text, struct cert *out)
{
	int found = 0;

	if (strlen(text) == RND_ID_LEN)
		found = store_cert_by_id(j, text, NULL, out);
	if (found == 0)
		found = store_cert_by_number(j, command_serial(j, text), out);
	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: there is no certificate with this serial number or "
		    "id; "
		    "countersign order --json ID names that of an order",
		    text);
	return found < 0 ? -1 : 0;
}

/* --- revocation ----------------------------------------------------------- */

/* PK-179: 9 is the operator's.  2 is for certificates of CAs only (PK-158):
 * the issuer could make no list with it. */
static int
read_reason(struct job *j, const char *text, int64_t *out)
{
	*out = 0;
	if (text == NULL)
		return 0;
	if (span_to_int(span_str(text), 0, 99, out) < 0 ||
	    revoke_reason_name(*out) == NULL)
		return job_fail(j, ERR_BAD_REVOCATION_REASON,
		    "--reason %s: 0, 1, 3, 4, 5 or 9 can stand on the list of "
		    "this CA",
		    text);
	return 0;
}

static int
change(struct job *j, const struct cert *c, const struct revocation *r,
    struct revoked_sum *others)
{
	const struct key_hash key = { c->spki_sha256, c->bare_sha256 };
	bool compromised = r->reason == REASON_KEY_COMPROMISE;
	int changed = revoke_certificate(j, c, r, compromised);

	*others = (struct revoked_sum){ .count = 0 };
	if (changed == 0)
		return job_fail(
		    j, ERR_ALREADY_REVOKED, "%s is already revoked", c->serial);
	if (changed < 0 ||
	    (compromised && revoke_key(j, &key, r, r->by, others) < 0))
		return -1;
	return 0;
}

static int
read_moment(struct job *j, const struct cert *c, const char *text,
    int64_t reason, int64_t *at)
{
	if (rfc3339_parse(span_str(text), at) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "--replace-by %s: give a time as 2027-01-31T12:00:00Z",
		    text);
	if (*at <= j->now)
		return job_fail(j, ERR_MALFORMED,
		    "--replace-by %s: this is in the past; without it the "
		    "certificate is revoked at once",
		    text);
	if (*at > c->not_after)
		return job_fail(j, ERR_MALFORMED,
		    "--replace-by %s: the certificate ends before", text);
	/* Section 15.1 of the requirements. */
	if (reason == REASON_KEY_COMPROMISE && *at > j->now + KEY_SECS)
		return job_fail(j, ERR_MALFORMED,
		    "--replace-by %s: a compromised key leaves 24 hours", text);
	return 0;
}

/* PK-185: the incident of one certificate. */
static int
revoke_later(struct job *j, const struct cert *c, const struct options *o,
    int64_t reason)
{
	const struct incident_selector s = { .cert_id = c->id };
	struct incident_opened opened;
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	char at[CLOCK_RFC3339_MAX];
	struct incident i = { .id = id,
		.cause = CAUSE,
		.selector =
		    arena_printf(j->arena, "{\"certificate\":\"%s\"}", c->id),
		.reason = reason,
		.known_at = j->now,
		.opened_by = command_operator(j) };

	if (read_moment(j, c, o->replace_by, reason, &i.deadline) < 0)
		return -1;
	if (c->revoked_at != 0)
		return job_fail(
		    j, ERR_ALREADY_REVOKED, "%s is already revoked", c->serial);
	rnd_id(id);
	if (incident_open(j, &i, &s, false, &opened) < 0)
		return -1;
	clock_format_rfc3339(i.deadline, at);
	fprintf(stderr,
	    "countersign: incident %s: the certificate is revoked by %s\n", id,
	    at);
	return 0;
}

static int
revoke(struct job *j, const struct cert *c, const struct options *o)
{
	struct revocation r = { .by = command_operator(j) };
	struct revoked_sum others;

	if (read_reason(j, o->reason, &r.reason) < 0)
		return -1;
	if (j->now > c->not_after) /* PK-189 */
		return job_fail(
		    j, ERR_UNAUTHORIZED, "%s has expired", c->serial);
	if (o->replace_by != NULL)
		return revoke_later(j, c, o, r.reason);
	if (store_begin(j) < 0)
		return -1;
	if (change(j, c, &r, &others) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	if (others.count > 0 || others.goes_on)
		fprintf(stderr,
		    "countersign: other certificates with this key that were "
		    "revoked: %s\n",
		    revoked_sum_text(j, &others));
	return 0;
}

/* --- what there is to tell ------------------------------------------------ */

static const char *
status_of(const struct job *j, const struct cert *c)
{
	if (c->revoked_at != 0)
		return "revoked";
	return j->now > c->not_after ? "expired" : "valid";
}

static void
print_time(const char *what, int64_t at)
{
	char time[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(at, time);
	printf("  %s: %s\n", what, time);
}

static void
print_text(struct job *j, const struct cert *c, const struct cert_facts *f,
    int64_t deadline)
{
	printf("certificate %s: %s\n", c->serial, status_of(j, c));
	for (size_t i = 0; i < f->mailbox_count; i++)
		printf("  mailbox: %s\n", f->mailboxes[i]);
	printf("  id: %s\n  order: %s\n  account: %s\n  profile: %s\n", c->id,
	    c->order_id, c->account_id, c->profile);
	print_time("valid from", c->not_before);
	print_time("valid to", c->not_after);
	printf("  key (SHA-256): %s\n  renewal information: %s\n",
	    hex_dup(j->arena, c->spki_sha256),
	    certid_format(j, c->ca_label, c->serial));
	if (deadline != 0)
		print_time("will be revoked", deadline);
	if (c->revoked_at == 0)
		return;
	print_time("revoked", c->revoked_at);
	printf("  reason: %s\n  revoked by: %s\n",
	    revoke_reason_name(c->reason) != NULL
		? revoke_reason_name(c->reason)
		: "?",
	    c->revoked_by != NULL ? c->revoked_by : "?");
}

static void
print_json(struct job *j, const struct cert *c, const struct cert_facts *f,
    int64_t deadline)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "certificate", c->id);
	json_member_str(&w, "serial", c->serial);
	json_member_str(&w, "status", status_of(j, c));
	json_key(&w, "mailboxes");
	json_array_begin(&w);
	for (size_t i = 0; i < f->mailbox_count; i++)
		json_put_string(&w, span_str(f->mailboxes[i]));
	json_array_end(&w);
	json_member_str(&w, "order", c->order_id);
	json_member_str(&w, "account", c->account_id);
	json_member_str(&w, "profile", c->profile);
	json_member_time(&w, "not_before", c->not_before);
	json_member_time(&w, "not_after", c->not_after);
	json_member_str(&w, "spki_sha256", hex_dup(j->arena, c->spki_sha256));
	json_member_str(&w, "certid", certid_format(j, c->ca_label, c->serial));
	if (deadline != 0)
		json_member_time(&w, "revoke_at", deadline);
	if (c->revoked_at != 0) {
		json_member_time(&w, "revoked", c->revoked_at);
		json_member_int(&w, "reason", c->reason);
		if (c->revoked_by != NULL)
			json_member_str(&w, "revoked_by", c->revoked_by);
	}
	json_object_end(&w);
	puts(b.p);
}

static int
run(struct job *j, const struct options *o, const char *text)
{
	struct cert_facts facts;
	int64_t deadline = 0;
	struct cert c;

	if (find(j, text, &c) < 0 || (o->revoke && revoke(j, &c, o) < 0) ||
	    store_cert_by_id(j, c.id, NULL, &c) < 0 ||
	    cert_facts(j, c.der, &facts) < 0 ||
	    store_incident_deadline(j, c.id, &deadline) < 0)
		return -1;
	if (c.revoked_at != 0)
		deadline = 0;
	if (o->json)
		print_json(j, &c, &facts, deadline);
	else
		print_text(j, &c, &facts, deadline);
	return 0;
}

int
cmd_cert(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, &o) < 0 ||
	    command_open(
		&c, o.config, o.revoke ? ACT_CERT_REVOKE : ACT_CERT_SHOW) < 0)
		return EXIT_FAILURE;
	return command_end(&c, run(&c.job, &o, argv[optind]));
}
