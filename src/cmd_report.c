/* countersign report (PK-184). */
#include "config.h"

#include "acme/report.h"
#include "acme/revoke.h"
#include "db/store_cert.h"
#include "db/store_notice.h"
#include "db/store_report.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "lib/utf8.h"
#include "pki/key_proof.h"
#include "src/command.h"
#include "src/report_change.h"
#include "src/report_due.h"
#include "src/worker.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)64 * 1024)
#define JSON_MAX (8 * TEXT_MAX)
#define LIST_MAX 1000

struct options {
	const char *config;
	const char *from, *received, *serial, *key, *proof, *cause;
	bool revoke, no_action, now, all, json;
};

static const char usage[] =
    "usage: countersign report add [--from MAILBOX] [--received TIME]\n"
    "           [--serial NUMBER | --key SHA256] [-f FILE] TEXT\n"
    "       countersign report add --proof FILE [--from MAILBOX]\n"
    "           [--received TIME] [-f FILE]\n"
    "       countersign report list [--all] [--json] [-f FILE]\n"
    "       countersign report show [--json] [-f FILE] NUMBER\n"
    "       countersign report answer [-f FILE] NUMBER TEXT\n"
    "       countersign report decide --revoke --cause CAUSE [--now] [-f "
    "FILE]\n"
    "           NUMBER TEXT\n"
    "       countersign report decide --no-action [-f FILE] NUMBER TEXT\n"
    "       countersign report close [-f FILE] NUMBER\n"
    "\n"
    "Problem reports: what somebody says is wrong with a certificate.  Within\n"
    "24 hours from when it came each needs a preliminary answer and a "
    "decision;\n"
    "the issuer's log has an alarm after 12 hours, and when it is overdue.\n"
    "add --proof: a key is proven to be compromised; it is blocked, every\n"
    "certificate with it that has not expired is revoked, and the report is "
    "closed.\n"
    "list: those that are open, the most urgent first, and the time left.\n"
    "answer, decide: TEXT goes by mail to the reporter and to the mailboxes "
    "of\n"
    "the certificates; name nobody in it.\n"
    "TEXT is a file; - is standard input.\n"
    "\n"
    "  --from MAILBOX     of who reported it\n"
    "  --received TIME    when it came, as 2027-01-31T12:00:00Z; else now\n"
    "  --serial NUMBER    of the certificate that it is about\n"
    "  --key SHA256       or of the key (of its SubjectPublicKeyInfo)\n"
    "  --proof FILE       the private key in PEM, or a certificate request "
    "whose\n"
    "                     commonName begins with \"" KEY_PROOF_NAME "\"\n"
    "  --revoke           revoke, by an incident, in the time that CAUSE "
    "gives,\n"
    "                     counted from when the report came\n"
    "  --cause CAUSE      as countersign incident --help lists them\n"
    "  --now              revoke at once\n"
    "  --no-action        revoke nothing\n"
    "  --all              closed ones too\n"
    "  --json             as one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

/* --- what is given ------------------------------------------------------- */

static int
read_text(struct job *j, const char *path, size_t max, const char **out)
{
	struct span text;

	if (file_read(j, strcmp(path, "-") == 0 ? "/dev/stdin" : path, max,
		&text) < 0)
		return -1;
	text = span_trim(text);
	if (text.n == 0)
		return job_fail(j, ERR_MALFORMED, "%s: there is no text", path);
	if (memchr(text.p, '\0', text.n) != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "%s: this is no text: it has NUL octets", path);
	if (!utf8_is_valid(text))
		return job_fail(j, ERR_MALFORMED,
		    "%s: is not UTF-8; save it in that encoding", path);
	*out = span_dup(j->arena, text);
	return 0;
}

static int
read_number(struct job *j, const char *text, int64_t *out)
{
	if (span_to_int(span_str(text), 1, INT64_MAX, out) == 0)
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "%s: give the number of a report, as countersign report list shows "
	    "it",
	    text);
}

static int
read_reporter(struct job *j, const char *text, const char **out)
{
	const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	struct addr a;

	*out = NULL;
	if (text == NULL)
		return 0;
	if (addr_parse(j, span_str(text), &policy, &a) < 0)
		return job_context(j, "--from");
	*out = a.canonical;
	return 0;
}

static int
read_subject(struct job *j, const struct options *o, struct report *r)
{
	char *octets = arena_alloc(j->arena, SHA256_LEN);
	struct cert c;
	int found;

	if (o->serial != NULL && o->key != NULL)
		return job_fail(
		    j, ERR_MALFORMED, "give one of --serial and --key");
	if (o->key != NULL) {
		if (hex_parse_fixed(span_str(o->key), octets, SHA256_LEN) < 0)
			return job_fail(j, ERR_MALFORMED,
			    "--key %s: give 64 hexadecimal digits", o->key);
		r->spki_sha256 = span_mem(octets, SHA256_LEN);
	}
	if (o->serial == NULL)
		return 0;
	found = store_cert_by_number(j, command_serial(j, o->serial), &c);
	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "--serial %s: there is no such certificate", o->serial);
	r->cert_id = c.id;
	return found < 0 ? -1 : 0;
}

static int
read_received(struct job *j, const char *text, int64_t *out)
{
	*out = j->now;
	if (text != NULL && (rfc3339_parse(span_str(text), out) < 0 ||
				*out <= 0 || *out > j->now))
		return job_fail(j, ERR_MALFORMED,
		    "--received %s: give a time that has passed, as "
		    "2027-01-31T12:00:00Z",
		    text);
	return 0;
}

static int
report_add(struct job *j, const struct options *o, const char *path)
{
	struct report r = { .entered_by = command_operator(j) };

	if (o->proof != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "--proof says what the report is about: give no TEXT");
	if (read_reporter(j, o->from, &r.reporter) < 0 ||
	    read_received(j, o->received, &r.received_at) < 0 ||
	    read_subject(j, o, &r) < 0 ||
	    read_text(j, path, TEXT_MAX, &r.text) < 0)
		return -1;
	if (store_begin(j) < 0)
		return -1;
	if (report_enter(j, &r) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("report %" PRId64 "\n", r.number);
	return 0;
}

static int
enter_proof(struct job *j, const struct key_proof *proof, struct report *r,
    struct revoked_sum *revoked)
{
	if (store_begin(j) < 0)
		return -1;
	if (report_enter_proof(j, proof, r, revoked) < 0 ||
	    report_settle(j, r, r->entered_by) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
report_add_proof(struct job *j, const struct options *o)
{
	struct report r = { .entered_by = command_operator(j) };
	struct key_proof proof;
	struct span file;
	struct revoked_sum revoked;

	if (o->proof == NULL)
		return job_fail(
		    j, ERR_MALFORMED, "report add needs TEXT, or --proof FILE");
	if (o->serial != NULL || o->key != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "--proof tells which key it is: give it without --serial "
		    "and --key");
	if (read_reporter(j, o->from, &r.reporter) < 0 ||
	    read_received(j, o->received, &r.received_at) < 0 ||
	    file_read(j, o->proof, KEY_PROOF_FILE_MAX, &file) < 0)
		return -1;
	if (key_proof_read(j, file, &proof) < 0)
		return job_context(j, "%s", o->proof);
	if (enter_proof(j, &proof, &r, &revoked) < 0)
		return -1;
	printf("report %" PRId64 "\nblocked %s; certificates revoked: %s\n",
	    r.number, hex_dup(j->arena, r.spki_sha256),
	    revoked_sum_text(j, &revoked));
	return 0;
}

/* --- list, show ---------------------------------------------------------- */

static void
member(struct json_out *w, const char *name, const char *value)
{
	if (value != NULL)
		json_member_str(w, name, value);
}

static void
moment(struct json_out *w, const char *name, int64_t at)
{
	if (at != 0)
		json_member_time(w, name, at);
}

static void
add_mails(struct json_out *w, const char *name, const struct notice_counts *n)
{
	json_key(w, name);
	json_object_begin(w);
	json_member_int(w, "all", n->all);
	json_member_int(w, "sent", n->sent);
	json_member_int(w, "failed", n->failed);
	json_member_int(w, "bounced", n->bounced);
	json_object_end(w);
}

struct mails {
	struct notice_counts answer, decision;
};

static int
count_mails(struct job *j, const struct report *r, struct mails *m)
{
	if (store_notice_count(j, notice_of_report(j, r->number, NOTICE_ANSWER),
		&m->answer) < 0)
		return -1;
	return store_notice_count(
	    j, notice_of_report(j, r->number, NOTICE_DECISION), &m->decision);
}

static int
print_json(struct job *j, const struct report *r, const struct mails *m)
{
	struct json_out w;
	struct buf b;
	int64_t due = report_due(r);

	buf_init(&b, j->arena, JSON_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_int(&w, "report", r->number);
	json_member_str(&w, "state", report_state(r));
	member(&w, "from", r->reporter);
	member(&w, "certificate", r->cert_id);
	if (r->spki_sha256.n > 0)
		json_member_str(&w, "key", hex_dup(j->arena, r->spki_sha256));
	member(&w, "proof", r->proof_kind);
	json_member_time(&w, "received", r->received_at);
	json_member_time(&w, "entered", r->entered_at);
	json_member_str(&w, "entered_by", r->entered_by);
	json_member_time(&w, "answer_due", r->received_at + REPORT_ANSWER_SECS);
	if (due != 0)
		json_member_int(&w, "seconds_left", due - j->now);
	moment(&w, "answered", r->answered_at);
	member(&w, "answered_by", r->answered_by);
	moment(&w, "decided", r->decided_at);
	member(&w, "decided_by", r->decided_by);
	member(&w, "decision", r->decision);
	member(&w, "cause", r->cause);
	moment(&w, "deadline", r->deadline);
	member(&w, "incident", r->incident_id);
	moment(&w, "closed", r->closed_at);
	member(&w, "closed_by", r->closed_by);
	if (m != NULL) {
		add_mails(&w, "answer_mails", &m->answer);
		add_mails(&w, "decision_mails", &m->decision);
		json_member_str(&w, "text", r->text);
	}
	json_object_end(&w);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "report: too long");
	puts(b.p);
	return 0;
}

/* A stranger's words do nothing to the terminal. */
static void
print_text(const char *text)
{
	struct span s = span_str(text);
	uint32_t c = 0;

	for (size_t at = 0, from = 0; at < s.n; from = at) {
		int found = utf8_next(s, &at, &c);

		if (found == 1 && utf8_is_shown(c))
			fwrite(s.p + from, 1, at - from, stdout);
		else
			putchar('?');
		if (found != 1)
			at = from + 1;
	}
	putchar('\n');
}

static void
print_time(const char *name, int64_t at, const char *by)
{
	char text[CLOCK_RFC3339_MAX];

	if (at == 0)
		return;
	clock_format_rfc3339(at, text);
	printf("  %s: %s%s%s\n", name, text, by == NULL ? "" : " by ",
	    by == NULL ? "" : by);
}

static void
print_mails(const char *name, const struct notice_counts *n)
{
	if (n->all > 0)
		printf("  %s mails: %" PRId64 " (sent: %" PRId64
		       ", failed: %" PRId64 ", bounced: %" PRId64
		       ")\n  could not be told: %" PRId64 "\n",
		    name, n->all, n->sent, n->failed, n->bounced,
		    n->failed + n->bounced);
}

static int
report_show(struct job *j, const struct options *o, const char *number)
{
	struct report r = { .number = 0 };
	struct mails m;
	int64_t n;

	if (read_number(j, number, &n) < 0 || report_find(j, n, &r) < 0 ||
	    count_mails(j, &r, &m) < 0)
		return -1;
	if (o->json)
		return print_json(j, &r, &m);
	printf("report %" PRId64 ": %s; time left: %s\n", r.number,
	    report_state(&r), report_left(j, &r));
	printf("  from: %s\n", r.reporter == NULL ? "-" : r.reporter);
	if (r.cert_id != NULL)
		printf("  certificate: %s\n", r.cert_id);
	if (r.spki_sha256.n > 0)
		printf("  key: %s\n", hex_dup(j->arena, r.spki_sha256));
	if (r.proof_kind != NULL)
		printf("  proof: %s\n", r.proof_kind);
	print_time("received", r.received_at, NULL);
	print_time("entered", r.entered_at, r.entered_by);
	print_time("answer due", r.received_at + REPORT_ANSWER_SECS, NULL);
	print_time("answered", r.answered_at, r.answered_by);
	print_mails("answer", &m.answer);
	print_time("decided", r.decided_at, r.decided_by);
	if (r.decision != NULL)
		printf("  decision: %s%s%s\n", r.decision,
		    r.cause == NULL ? "" : ", ",
		    r.cause == NULL ? "" : r.cause);
	print_mails("decision", &m.decision);
	print_time("deadline", r.deadline, NULL);
	if (r.incident_id != NULL)
		printf("  incident: %s\n", r.incident_id);
	print_time("closed", r.closed_at, r.closed_by);
	putchar('\n');
	print_text(r.text);
	return 0;
}

static int
report_list(struct job *j, const struct options *o)
{
	struct report *list;
	size_t count;

	if (store_report_list(
		j, o->all, REPORT_ANSWER_SECS, LIST_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (o->json) {
			if (print_json(j, &list[i], NULL) < 0)
				return -1;
		} else
			printf("%" PRId64 "  %s  time left: %s  %s %s\n",
			    list[i].number, report_state(&list[i]),
			    report_left(j, &list[i]),
			    list[i].reporter == NULL ? "entered by" : "from",
			    list[i].reporter == NULL ? list[i].entered_by
						     : list[i].reporter);
	}
	command_tell_cut(count, LIST_MAX);
	if (count == 0 && !o->json)
		puts(o->all ? "there has been no report" : "no report is open");
	return 0;
}

/* --- answer, decide, close ----------------------------------------------- */

static int
change_answer(struct job *j, const char *number, const char *path)
{
	const char *words = NULL;
	int64_t n;

	if (read_number(j, number, &n) < 0 ||
	    read_text(j, path, REPORT_WORDS_MAX, &words) < 0 ||
	    report_answer(j, n, command_operator(j), words) < 0)
		return -1;
	puts("answered");
	return 0;
}

static int
change_decide(struct job *j, const struct options *o, const char *number,
    const char *path)
{
	struct report_decision d = { .cause = o->cause, .now = o->now };
	struct report r = { .number = 0 };
	int64_t n;

	if (o->revoke == o->no_action)
		return job_fail(
		    j, ERR_MALFORMED, "give one of --revoke and --no-action");
	if (o->revoke != (o->cause != NULL) || (o->now && !o->revoke))
		return job_fail(j, ERR_MALFORMED,
		    "--revoke needs --cause, and may have --now; --no-action "
		    "has neither");
	if (read_number(j, number, &n) < 0 ||
	    read_text(j, path, REPORT_WORDS_MAX, &d.words) < 0 ||
	    report_decide(j, n, command_operator(j), &d, &r) < 0)
		return -1;
	if (o->no_action) {
		puts("decided: no action");
		return 0;
	}
	printf("decided: incident %s\n", r.incident_id);
	print_time("deadline", r.deadline, NULL);
	return 0;
}

static int
change_close(struct job *j, const char *number)
{
	int64_t n;

	if (read_number(j, number, &n) < 0 ||
	    report_close(j, n, command_operator(j)) < 0)
		return -1;
	puts("closed");
	return 0;
}

/* --- the command --------------------------------------------------------- */

static int
run(struct job *j, const struct options *o, int argc, char **argv)
{
	const char *verb = argv[0];

	if (argc == 2 && strcmp(verb, "add") == 0)
		return report_add(j, o, argv[1]);
	if (argc == 1 && strcmp(verb, "add") == 0)
		return report_add_proof(j, o);
	if (argc == 1 && strcmp(verb, "list") == 0)
		return report_list(j, o);
	if (argc == 2 && strcmp(verb, "show") == 0)
		return report_show(j, o, argv[1]);
	if (argc == 3 && strcmp(verb, "answer") == 0)
		return change_answer(j, argv[1], argv[2]);
	if (argc == 3 && strcmp(verb, "decide") == 0)
		return change_decide(j, o, argv[1], argv[2]);
	if (argc == 2 && strcmp(verb, "close") == 0)
		return change_close(j, argv[1]);
	return job_fail(j, ERR_MALFORMED,
	    "report %s: give add TEXT, list, show NUMBER, answer NUMBER TEXT, "
	    "decide NUMBER TEXT or close NUMBER",
	    verb);
}

static const char *
options_of(const char *verb)
{
	static const char *const all[][2] = {
		{ "add", "from received serial key proof" },
		{ "list", "all json" },
		{ "show", "json" },
		{ "decide", "revoke cause now no-action" },
	};

	for (size_t i = 0; i < COUNT(all); i++)
		if (strcmp(verb, all[i][0]) == 0)
			return all[i][1];
	return "";
}

static enum act
act_of(const char *verb)
{
	if (strcmp(verb, "add") == 0)
		return ACT_REPORT_ADD;
	if (strcmp(verb, "answer") == 0)
		return ACT_REPORT_ANSWER;
	if (strcmp(verb, "decide") == 0)
		return ACT_REPORT_DECIDE;
	if (strcmp(verb, "close") == 0)
		return ACT_REPORT_CLOSE;
	return ACT_REPORT_SHOW;
}

int
cmd_report(int argc, char **argv)
{
	struct options o = { .config = NULL };
	const struct command_option options[] = {
		{ "from", NULL, &o.from },
		{ "received", NULL, &o.received },
		{ "serial", NULL, &o.serial },
		{ "key", NULL, &o.key },
		{ "proof", NULL, &o.proof },
		{ "cause", NULL, &o.cause },
		{ "revoke", &o.revoke, NULL },
		{ "no-action", &o.no_action, NULL },
		{ "now", &o.now, NULL },
		{ "all", &o.all, NULL },
		{ "json", &o.json, NULL },
		{ NULL, NULL, NULL },
	};
	struct command c;

	if (command_parse(argc, argv, usage, options, &o.config, -1) < 0)
		return EXIT_FAILURE;
	if (optind == argc) {
		command_misused(
		    usage, "give add, list, show, answer, decide or close");
		return EXIT_FAILURE;
	}
	if (command_takes_only(
		options, argv[optind], options_of(argv[optind])) < 0 ||
	    command_open(&c, o.config, act_of(argv[optind])) < 0)
		return EXIT_FAILURE;
	return command_end(&c, run(&c.job, &o, argc - optind, argv + optind));
}
