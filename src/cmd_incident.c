/* countersign incident (PK-185, PK-186, PK-187). */
#include "config.h"

#include "db/store_audit.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "db/store_recheck.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "lib/rnd.h"
#include "pki/profile.h"
#include "src/command.h"
#include "src/database.h"
#include "src/incident_lint.h"
#include "src/incident_open.h"
#include "src/rehearsal.h"
#include "src/role_issuer.h"
#include "src/two_persons.h"
#include "src/worker.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 8192
#define LIST_MAX 1000
#define HOUR ((int64_t)3600)

struct options {
	const char *config;
	const char *cause, *known;
	const char *profile, *domain, *account, *key, *rules, *from, *to;
	const char *lint;
	bool now, dry_run, json;
};

static const char usage[] =
    "usage: countersign incident open --cause CAUSE --known TIME SELECTOR…\n"
    "           [--now] [--dry-run] [-f FILE]\n"
    "       countersign incident rehearse --cause CAUSE SELECTOR… [-f FILE]\n"
    "       countersign incident show [--json] [-f FILE] ID\n"
    "       countersign incident confirm [-f FILE] ID\n"
    "       countersign incident cancel [-f FILE] ID\n"
    "       countersign incident list [-f FILE]\n"
    "\n"
    "open: freezes a set of certificates that must be revoked.  Their "
    "renewal\n"
    "windows move at once, and the issuer revokes what is left of them, "
    "without\n"
    "a further order, so that the lists show it at the deadline.\n"
    "rehearse: the same on a copy of the database, which is thrown away, and\n"
    "how long each step takes.  No mail is sent; OCSP answers and lists are\n"
    "signed by a test key.\n"
    "list, show: all of them; one, and how far it is.\n"
    "confirm: what the issuer's daily look at all certificates has found is a\n"
    "draft, which has no effect before.\n"
    "cancel: before the deadline; two admins, of whom one is an approver, "
    "give\n"
    "the same command.\n"
    "\n"
    "  --cause CAUSE      request, unauthorized, key-compromise, weak-key,\n"
    "                     validation (24 hours); key-quality, misuse, terms,\n"
    "                     name, misissued (5 days)\n"
    "  --known TIME       when the CA knew: the deadline counts from there\n"
    "  --now              the deadline is now\n"
    "  --dry-run          only tell how many certificates it would be\n"
    "SELECTOR: unexpired certificates for which all of these hold\n"
    "  --profile NAME     of this profile\n"
    "  --domain DOMAIN    with a mailbox of the domain or of one below it\n"
    "  --account ID       of this account\n"
    "  --key SHA256       with this key (of its SubjectPublicKeyInfo)\n"
    "  --rules VERSION    issued by this version of the requirements\n"
    "  --from, --to TIME  issued from then, to then\n"
    "  --lint ID          in place of these: which this lint (L-31, or with "
    "the name\n"
    "                     of a section linter: zlint:e_x) refuses today, each "
    "by the\n"
    "                     profile that it was issued under\n"
    "\n"
    "  --json             as one JSON object\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG ")\n"
    "TIME is as 2027-01-31T12:00:00Z.\n";

/* --- open ---------------------------------------------------------------- */

static int
read_time(struct job *j, const char *option, const char *text, int64_t *out)
{
	*out = 0; /* no limit */
	if (text == NULL ||
	    (rfc3339_parse(span_str(text), out) == 0 && *out > 0))
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "--%s %s: give a time as 2027-01-31T12:00:00Z", option, text);
}

static const char *
lower(struct job *j, const char *text)
{
	char *out = arena_strdup(j->arena, text);

	for (char *p = out; *p != '\0'; p++)
		*p = ascii_lower(*p);
	return out;
}

static int
read_key(struct job *j, const char *text, struct span *out)
{
	char *octets = arena_alloc(j->arena, SHA256_LEN);

	if (hex_parse_fixed(span_str(lower(j, text)), octets, SHA256_LEN) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "--key %s: give the SHA-256 of the key, 64 hexadecimal "
		    "digits, as countersign cert prints it",
		    text);
	*out = span_mem(octets, SHA256_LEN);
	return 0;
}

/* An incident without any limit would be everything: that is said with --from
 * and the CA's first day. */
static bool
is_selected(const struct options *o)
{
	return o->profile != NULL || o->domain != NULL || o->account != NULL ||
	       o->key != NULL || o->rules != NULL || o->from != NULL ||
	       o->to != NULL;
}

static int
read_selector(
    struct job *j, const struct options *o, struct incident_selector *s)
{
	if (o->lint != NULL && is_selected(o))
		return job_fail(j, ERR_MALFORMED,
		    "--lint selects by itself: give no other selector");
	if (o->lint != NULL)
		return incident_lint_select(j, o->lint, s);
	*s = (struct incident_selector){ .profile = o->profile,
		.account_id = o->account,
		.br_version = o->rules };
	if (!is_selected(o))
		return job_fail(j, ERR_MALFORMED,
		    "say which certificates: --profile, --domain, --account, "
		    "--key, --rules, --from, --to, or --lint");
	if (o->profile != NULL && command_profile(j, o->profile) < 0)
		return -1;
	if ((o->domain != NULL &&
		command_domain(j, o->domain, &s->domain) < 0) ||
	    read_time(j, "from", o->from, &s->from) < 0 ||
	    read_time(j, "to", o->to, &s->to) < 0)
		return -1;
	return o->key == NULL ? 0 : read_key(j, o->key, &s->spki_sha256);
}

static void
member(struct json_out *w, const char *name, const char *value)
{
	if (value != NULL)
		json_member_str(w, name, value);
}

static const char *
selector_json(struct job *j, const struct options *o)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	member(&w, "profile", o->profile);
	member(&w, "domain", o->domain);
	member(&w, "account", o->account);
	member(&w, "key", o->key);
	member(&w, "rules", o->rules);
	member(&w, "from", o->from);
	member(&w, "to", o->to);
	member(&w, "lint", o->lint);
	json_object_end(&w);
	return buf_ok(&b) ? b.p : NULL;
}

static int
read_incident(struct job *j, const struct options *o, struct incident *i)
{
	const struct incident_cause *cause;
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);

	if (incident_cause_read(j, o->cause, &cause) < 0)
		return -1;
	rnd_id(id);
	*i = (struct incident){ .id = id,
		.cause = cause->name,
		.selector = selector_json(j, o),
		.reason = cause->reason,
		.opened_by = command_operator(j) };
	if (i->selector == NULL)
		return job_fail(j, ERR_MALFORMED, "the selector is too long");
	if (o->known == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "--known: say when the CA knew; the deadline counts from "
		    "there");
	if (read_time(j, "known", o->known, &i->known_at) < 0)
		return -1;
	if (i->known_at > j->now)
		return job_fail(j, ERR_MALFORMED,
		    "--known %s: this is in the future", o->known);
	i->deadline = o->now ? j->now : i->known_at + cause->hours * HOUR;
	/* Nothing takes a revocation back, and a year is soon mistyped. */
	if (i->deadline <= j->now && !o->now && !o->dry_run)
		return job_fail(j, ERR_MALFORMED,
		    "--known %s: the deadline has passed, so all would be "
		    "revoked at once; if that is meant, add --now",
		    o->known);
	return 0;
}

static int
open_selected(struct job *j, const struct options *o)
{
	char deadline[CLOCK_RFC3339_MAX];
	struct incident_selector s;
	struct incident i = { .cause = "" };
	struct incident_opened opened;

	if (read_incident(j, o, &i) < 0 || read_selector(j, o, &s) < 0 ||
	    incident_open(j, &i, &s, o->dry_run, &opened) < 0)
		return -1;
	clock_format_rfc3339(i.deadline, deadline);
	printf("%s%s: certificates: %" PRId64 "; deadline: %s",
	    o->dry_run ? "not opened" : "incident ", o->dry_run ? "" : i.id,
	    opened.certificates, deadline);
	if (opened.dropped > 0)
		printf("; authorizations dropped: %zu", opened.dropped);
	putchar('\n');
	return 0;
}

/* --- rehearse ------------------------------------------------------------ */

static void
print_rehearsal(const struct rehearsal *r)
{
	const struct rehearsal_signed *s = &r->sign;

	printf("rehearsed on a copy: certificates: %" PRId64
	       "; revoked: %" PRId64 "; mails: %" PRId64 "\n  copying: %" PRId64
	       " ms\n  opening: %" PRId64 " ms\n  revoking: %" PRId64 " ms\n",
	    r->certificates, r->revoked, r->mails, r->copy_ms, r->open_ms,
	    r->revoke_ms);
	printf("  signing OCSP answers: %" PRId64 " ms (%" PRId64
	       ")\n  signing lists: %" PRId64 " ms (%" PRId64
	       ")\nwith a test key, after %" PRId64
	       " ms for what was signed before the incident\n",
	    s->answers_ms, s->answers, s->lists_ms, s->lists, s->prepare_ms);
}

static int
rehearse(struct job *j, const struct options *o)
{
	char now[CLOCK_RFC3339_MAX];
	struct options at_once = *o;
	struct incident_selector s;
	struct store_login login;
	struct rehearsal r;
	struct incident i;

	if (o->known != NULL || o->now || o->dry_run)
		return job_fail(j, ERR_MALFORMED,
		    "rehearse: give --cause and a selector only");
	clock_format_rfc3339(j->now, now);
	at_once.known = now;
	at_once.now = true;
	if (read_incident(j, &at_once, &i) < 0 || read_selector(j, o, &s) < 0 ||
	    database_login(j, DATABASE_OWNER, &login) < 0 ||
	    rehearsal_run(j, &login, &i, &s, &r) < 0)
		return -1;
	print_rehearsal(&r);
	return 0;
}

/* --- show, list ---------------------------------------------------------- */

static int
find(struct job *j, const char *id, struct incident *out)
{
	int found = store_incident_by_id(j, id, out);

	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: there is no such incident; countersign incident list "
		    "shows them",
		    id);
	return found < 0 ? -1 : 0;
}

struct progress {
	int64_t revoked, replaced, unlisted;
	struct notice_counts notices;
};

static void
add_time(struct json_out *w, const char *name, int64_t at)
{
	if (at != 0)
		json_member_time(w, name, at);
}

static int
print_json(struct job *j, const struct incident *i, const struct progress *p)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, 2 * TEXT_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "incident", i->id);
	json_member_str(&w, "status", issuer_incident_status(j, i));
	json_member_str(&w, "cause", i->cause);
	json_key(&w, "selector");
	json_put_raw(&w, span_str(i->selector));
	json_member_int(&w, "reason", i->reason);
	json_member_time(&w, "known", i->known_at);
	json_member_time(&w, "deadline", i->deadline);
	json_member_time(&w, "opened", i->opened_at);
	json_member_str(&w, "opened_by", i->opened_by);
	json_member_int(&w, "certificates", i->cert_count);
	json_member_int(&w, "revoked", p->revoked);
	json_member_int(&w, "replaced", p->replaced);
	json_member_int(&w, "unlisted", p->unlisted);
	json_member_int(&w, "notices", p->notices.all);
	json_member_int(&w, "notices_sent", p->notices.sent);
	json_member_int(&w, "notices_failed", p->notices.failed);
	json_member_int(&w, "notices_bounced", p->notices.bounced);
	member(&w, "cancel_asked_by", i->cancel_asked_by);
	member(&w, "cancelled_by", i->cancelled_by);
	add_time(&w, "cancelled", i->cancelled_at);
	add_time(&w, "finished", i->finished_at);
	add_time(&w, "late", i->late_at);
	json_object_end(&w);
	puts(b.p);
	return 0;
}

/* What was found, for the operator to judge. */
static int
print_findings(struct job *j, const struct incident *i)
{
	struct recheck_finding *list;
	size_t count;

	if (store_recheck_list(j, i->id, LIST_MAX, &list, &count) < 0)
		return -1;
	for (size_t k = 0; k < count; k++)
		printf("  found: certificate %s: %s\n", list[k].cert_id,
		    list[k].detail);
	return 0;
}

static int
incident_show(struct job *j, const struct options *o, const char *id)
{
	char deadline[CLOCK_RFC3339_MAX];
	struct progress p;
	struct incident i;

	if (find(j, id, &i) < 0 ||
	    store_incident_progress(j, i.id, &p.revoked, &p.replaced) < 0 ||
	    store_incident_unlisted(j, i.id, &p.unlisted) < 0 ||
	    store_notice_count(j, i.id, &p.notices) < 0)
		return -1;
	if (o->json)
		return print_json(j, &i, &p);
	clock_format_rfc3339(i.deadline, deadline);
	printf("incident %s: %s\n  cause: %s\n  certificates: %s\n"
	       "  deadline: %s\n  opened by: %s\n  how many: %" PRId64
	       "\n  revoked: %" PRId64 "\n  replaced: %" PRId64
	       "\n  mails: %" PRId64 " (sent: %" PRId64 ", failed: %" PRId64
	       ", bounced: %" PRId64 ")\n  could not be told: %" PRId64 "\n",
	    i.id, issuer_incident_status(j, &i), i.cause, i.selector, deadline,
	    i.opened_by, i.cert_count, p.revoked, p.replaced, p.notices.all,
	    p.notices.sent, p.notices.failed, p.notices.bounced,
	    p.notices.failed + p.notices.bounced);
	if (p.unlisted > 0)
		printf("  on no list, since the CA's key was destroyed: "
		       "%" PRId64 "\n",
		    p.unlisted);
	if (i.cancel_asked_by != NULL)
		printf("  cancelling asked for by: %s\n", i.cancel_asked_by);
	if (i.cancelled_by != NULL)
		printf("  cancelled by: %s\n", i.cancelled_by);
	return print_findings(j, &i);
}

static int
incident_list(struct job *j)
{
	char deadline[CLOCK_RFC3339_MAX];
	struct incident *list;
	const char *advice;
	size_t count;

	if (store_incident_list(j, LIST_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		clock_format_rfc3339(list[i].deadline, deadline);
		printf("%s  %s  %s  deadline %s  certificates: %" PRId64 "\n",
		    list[i].id, issuer_incident_status(j, &list[i]),
		    list[i].cause, deadline, list[i].cert_count);
	}
	command_tell_cut(count, LIST_MAX);
	if (count == 0)
		puts("there has been no incident");
	if (rehearsal_advice(j, &advice) < 0)
		return -1;
	if (advice != NULL)
		printf("warning: %s\n", advice);
	return 0;
}

/* --- cancel -------------------------------------------------------------- */

/* *asks: nobody has in a way that counts, so this one does. */
static int
cancel(struct job *j, const struct incident *i, const char *by, bool *asks)
{
	int first = request_is_first(j, i->cancel_asked_by);

	if (first < 0)
		return -1;
	*asks = first == 1;
	if (i->opening_at != 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: the incident is being opened, and has no effect yet; "
		    "if the command that does has ended, the issuer undoes it "
		    "within minutes",
		    i->id);
	if (i->cancelled_at != 0 || i->finished_at != 0)
		return job_fail(j, ERR_MALFORMED, "%s: the incident is %s",
		    i->id, issuer_incident_status(j, i));
	if (!*asks && request_may_confirm(j, i->cancel_asked_by) < 0)
		return job_context(j, "%s", i->id);
	if ((*asks ? store_incident_ask_cancel(j, i->id, by)
		   : store_incident_cancel(j, i->id, by)) < 0 ||
	    (!*asks && store_notice_cancel(j, i->id) < 0))
		return -1;
	return store_audit_add(j, by,
	    *asks ? "incident: cancelling asked for" : "incident cancelled",
	    arena_printf(j->arena, "incident:%s", i->id), "ok", NULL);
}

static int
incident_cancel(struct job *j, const char *id)
{
	struct incident i;
	bool asks = false;

	if (store_begin(j) < 0)
		return -1;
	if (find(j, id, &i) < 0 ||
	    cancel(j, &i, command_operator(j), &asks) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	puts(asks ? "asked for; another admin must give the same command"
		  : "cancelled");
	return 0;
}

/* --- drafts -------------------------------------------------------------- */

static int
confirm_draft(struct job *j, const char *id)
{
	struct incident i;

	if (store_begin(j) < 0)
		return -1;
	if (find(j, id, &i) < 0 ||
	    incident_confirm(j, &i, command_operator(j)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	puts("confirmed");
	return 0;
}

/* --- the command --------------------------------------------------------- */

static int
run(struct job *j, const struct options *o, int argc, char **argv)
{
	const char *verb = argv[0];

	if (argc == 1 && strcmp(verb, "open") == 0)
		return open_selected(j, o);
	if (argc == 1 && strcmp(verb, "rehearse") == 0)
		return rehearse(j, o);
	if (argc == 1 && strcmp(verb, "list") == 0)
		return incident_list(j);
	if (argc == 2 && strcmp(verb, "show") == 0)
		return incident_show(j, o, argv[1]);
	if (argc == 2 && strcmp(verb, "confirm") == 0)
		return confirm_draft(j, argv[1]);
	if (argc == 2 && strcmp(verb, "cancel") == 0)
		return incident_cancel(j, argv[1]);
	return job_fail(j, ERR_MALFORMED,
	    "incident %s: give open, rehearse, list, show ID, confirm ID or "
	    "cancel "
	    "ID",
	    verb);
}

static const char *
options_of(const char *verb)
{
	if (strcmp(verb, "open") == 0 || strcmp(verb, "rehearse") == 0)
		return "cause known profile domain account key rules from to "
		       "lint now dry-run";
	return strcmp(verb, "show") == 0 ? "json" : "";
}

static enum act
act_of(const struct options *o, const char *verb)
{
	if (strcmp(verb, "open") == 0 && !o->dry_run)
		return ACT_INCIDENT_OPEN;
	if (strcmp(verb, "confirm") == 0)
		return ACT_INCIDENT_CONFIRM;
	if (strcmp(verb, "cancel") == 0)
		return ACT_INCIDENT_CANCEL;
	return ACT_INCIDENT_SHOW;
}

int
cmd_incident(int argc, char **argv)
{
	struct options o = { .config = NULL };
	const struct command_option options[] = {
		{ "cause", NULL, &o.cause },
		{ "known", NULL, &o.known },
		{ "profile", NULL, &o.profile },
		{ "domain", NULL, &o.domain },
		{ "account", NULL, &o.account },
		{ "key", NULL, &o.key },
		{ "rules", NULL, &o.rules },
		{ "from", NULL, &o.from },
		{ "to", NULL, &o.to },
		{ "lint", NULL, &o.lint },
		{ "now", &o.now, NULL },
		{ "dry-run", &o.dry_run, NULL },
		{ "json", &o.json, NULL },
		{ NULL, NULL, NULL },
	};
	struct command c;

	if (command_parse(argc, argv, usage, options, &o.config, -1) < 0)
		return EXIT_FAILURE;
	if (optind == argc) {
		command_misused(usage, "give open, rehearse, list, show, "
				       "confirm or cancel");
		return EXIT_FAILURE;
	}
	if (command_takes_only(
		options, argv[optind], options_of(argv[optind])) < 0 ||
	    command_open(&c, o.config, act_of(&o, argv[optind])) < 0)
		return EXIT_FAILURE;
	return command_end(&c, run(&c.job, &o, argc - optind, argv + optind));
}
