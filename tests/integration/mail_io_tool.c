/*
 * The resolver, submission and the mailbox by hand, for test_mail_io.py.
 *
 *	mail_io_tool dns CONFIG ANCHOR          NAME TYPE on each line of stdin
 *	mail_io_tool send SERVER… FROM TO       the message on stdin
 *	mail_io_tool check SERVER…              the relay's login
 *	mail_io_tool box SERVER…                commands on stdin, see below
 *
 * SERVER… is HOST PORT none|starttls|implicit CA-FILE USER PASSWORD-FILE, with
 * "-" for a user that is none.  One line of words is printed for each thing
 * done; what failed begins with "failed".
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "mail/fetch.h"
#include "mail/submit.h"

static struct job job;

static int
failed(void)
{
	printf("failed %s %s\n", err_kind_name(job.err.kind), job.err.text);
	job_recover(&job);
	return 1;
}

static enum conf_tls
tls_mode(const char *word)
{
	if (strcmp(word, "none") == 0)
		return CONF_TLS_NONE;
	return strcmp(word, "starttls") == 0 ? CONF_TLS_STARTTLS
					     : CONF_TLS_IMPLICIT;
}

static int64_t
number(const char *word)
{
	int64_t n = 0;

	if (word == NULL ||
	    span_to_int(span_str(word), 0, UINT32_MAX, &n) < 0) {
		fprintf(stderr, "a number is missing\n");
		exit(2);
	}
	return n;
}

static struct span
read_password(const char *path)
{
	struct span password = { NULL, 0 };

	if (strcmp(path, "-") != 0 &&
	    file_read_secret(&job, path, 1000, &password) < 0)
		exit(failed());
	return password;
}

/* --- dns ----------------------------------------------------------------- */

static enum dns_type
type_of(const char *word)
{
	static const struct {
		const char *name;
		enum dns_type type;
	} types[] = { { "A", DNS_TYPE_A }, { "MX", DNS_TYPE_MX },
		{ "TXT", DNS_TYPE_TXT }, { "CAA", DNS_TYPE_CAA } };

	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(types[i].name, word) == 0)
			return types[i].type;
	return DNS_TYPE_A;
}

static int
dns(char **argv)
{
	struct resolver_conf conf = { argv[0], argv[1], 5000, 20000, false };
	struct resolver *r = NULL;
	char name[256], type[16];

	if (resolver_new(&job, &conf, &r) < 0)
		return failed();
	while (scanf("%255s %15s", name, type) == 2) {
		int64_t begin = clock_mono_ms();
		struct dns_answer a;

		if (resolver_query(r, &job, name, type_of(type), &a) < 0) {
			failed();
			continue;
		}
		printf("%s %s %zu %s %" PRId64 " %s\n",
		    dns_status_name(a.status), a.secure ? "secure" : "insecure",
		    a.count, a.canonical, clock_mono_ms() - begin,
		    a.why == NULL ? "" : a.why);
		fflush(stdout);
	}
	resolver_free(r);
	return 0;
}

/* --- smtp ---------------------------------------------------------------- */

static struct span
read_all(void)
{
	struct buf b;
	char chunk[4096];
	size_t n;

	buf_init(&b, job.arena, 1 << 20);
	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		buf_add_mem(&b, chunk, n);
	return buf_span(&b);
}

static int
smtp(char **argv, bool only_check)
{
	static const char *const outcomes[] = { "accepted", "temporary",
		"permanent", "unknown", "cut off" };
	struct submit_conf conf = { .host = argv[0],
		.port = number(argv[1]),
		.tls = tls_mode(argv[2]),
		.ca_file = argv[3],
		.user = strcmp(argv[4], "-") == 0 ? NULL : argv[4],
		.password = read_password(argv[5]),
		.timeout_ms = 30000 };
	struct submit_result result;
	struct submit *s = NULL;
	int status = 0;

	if (submit_new(&job, &conf, &s) < 0)
		return failed();
	if (only_check)
		status = submit_check(s, &job, NULL) < 0 ? failed() : 0;
	else if (submit_send(s, &job, argv[6], argv[7], read_all(), &result) <
		 0)
		status = failed();
	else
		printf("%s %s | %s\n", outcomes[result.outcome], result.code,
		    result.answer);
	submit_free(s);
	return status;
}

/* --- imap ---------------------------------------------------------------- */

static int
box_list(struct fetch *f, uint32_t after)
{
	struct fetch_item *items;
	size_t count;

	if (fetch_list(f, &job, after, 100, &items, &count) < 0)
		return failed();
	printf("items");
	for (size_t i = 0; i < count; i++)
		printf(" %" PRIu32 ":%" PRIu32 ":%" PRId64, items[i].uid,
		    items[i].size, items[i].internal_date);
	printf("\n");
	return 0;
}

static int
box_message(struct fetch *f, uint32_t uid, size_t max)
{
	struct span message;
	int found = fetch_message(f, &job, uid, max, &message);

	if (found < 0)
		return failed();
	printf("message %d %zu\n", found, found ? message.n : 0);
	if (found)
		fwrite(message.p, 1, message.n, stdout);
	return 0;
}

static int
box_wait(struct fetch *f, int64_t ms)
{
	bool new_mail;

	if (fetch_wait(f, &job, -1, ms, &new_mail) < 0)
		return failed();
	printf(new_mail ? "new\n" : "nothing\n");
	return 0;
}

/* Milliseconds from the end of the wait to the message in memory: what fetch.c
 * has in ER-34, but for the one exchange that ends IDLE. */
static int
box_latency(struct fetch *f, uint32_t after)
{
	struct fetch_item *items;
	struct span message;
	size_t count;
	bool new_mail;
	int64_t begin;

	if (fetch_wait(f, &job, -1, 60000, &new_mail) < 0)
		return failed();
	begin = clock_mono_ms();
	if (fetch_list(f, &job, after, 100, &items, &count) < 0 ||
	    (count > 0 &&
		fetch_message(f, &job, items[0].uid, 262144, &message) < 0))
		return failed();
	printf("latency %zu %" PRId64 "\n", count, clock_mono_ms() - begin);
	return 0;
}

/* Loads all that is above a UID, so many at once, and does nothing with it. */
static int
box_sweep(struct fetch *f, uint32_t after, size_t at_once)
{
	struct fetch_body bodies[FETCH_MESSAGES_MAX];
	struct fetch_item *items;
	int64_t begin = clock_mono_ms();
	size_t count, all = 0, octets = 0;

	do {
		arena_clear(job.arena);
		if (fetch_list(f, &job, after, 200, &items, &count) < 0)
			return failed();
		for (size_t i = 0; i < count; i += at_once) {
			size_t n = count - i < at_once ? count - i : at_once;

			if (fetch_messages(
				f, &job, items + i, n, 262144, bodies) < 0)
				return failed();
			for (size_t k = 0; k < n; k++)
				octets += bodies[k].raw.n;
			all += n;
		}
		if (count > 0)
			after = items[count - 1].uid;
	} while (fetch_has_more(f));
	printf("sweep %zu %" PRId64 " %zu\n", all, clock_mono_ms() - begin,
	    octets);
	return 0;
}

static int
box_command(struct fetch *f, char *line)
{
	char *save = NULL;
	const char *word = strtok_r(line, " \n", &save);
	uint32_t uid;

	if (word == NULL)
		return 0;
	if (strcmp(word, "connect") == 0) {
		if (fetch_connect(f, &job) < 0)
			return failed();
		printf("connected %" PRIu32 " %s\n", fetch_uidvalidity(f),
		    fetch_source(f));
		return 0;
	}
	if (strcmp(word, "check") == 0) {
		if (fetch_check(f, &job) < 0)
			return failed();
		puts("good");
		return 0;
	}
	uid = (uint32_t)number(strtok_r(NULL, " \n", &save));
	if (strcmp(word, "list") == 0)
		return box_list(f, uid);
	if (strcmp(word, "message") == 0)
		return box_message(
		    f, uid, (size_t)number(strtok_r(NULL, " \n", &save)));
	if (strcmp(word, "sweep") == 0)
		return box_sweep(
		    f, uid, (size_t)number(strtok_r(NULL, " \n", &save)));
	if (strcmp(word, "wait") == 0)
		return box_wait(f, uid);
	if (strcmp(word, "latency") == 0)
		return box_latency(f, uid);
	if (fetch_dispose(f, &job, &uid, 1) < 0)
		return failed();
	printf("disposed\n");
	return 0;
}

static int
box(char **argv)
{
	struct fetch_conf conf = { .host = argv[0],
		.port = number(argv[1]),
		.tls = tls_mode(argv[2]),
		.ca_file = argv[3],
		.user = argv[4],
		.password = read_password(argv[5]),
		.folder = "INBOX",
		.disposal = CONF_DISPOSAL_MOVE,
		.processed_folder = "Processed",
		.timeout_ms = 30000 };
	struct fetch *f = NULL;
	char line[256];

	if (fetch_new(&job, &conf, &f) < 0)
		return failed();
	while (fgets(line, sizeof(line), stdin) != NULL) {
		box_command(f, line);
		fflush(stdout);
	}
	fetch_free(f);
	return 0;
}

int
main(int argc, char **argv)
{
	int status = 2;

	job_init(&job, NULL, NULL);
	if (argc == 4 && strcmp(argv[1], "dns") == 0)
		status = dns(argv + 2);
	else if (argc == 10 && strcmp(argv[1], "send") == 0)
		status = smtp(argv + 2, false);
	else if (argc == 8 && strcmp(argv[1], "check") == 0)
		status = smtp(argv + 2, true);
	else if (argc == 8 && strcmp(argv[1], "box") == 0)
		status = box(argv + 2);
	job_done(&job);
	return status;
}
