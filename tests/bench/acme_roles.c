/*
 * countersignd with another mail layer: the supervisor, web and issuer are
 * the real ones; sender and validator are the real ones but for their
 * transports.  What the sender submits goes to a process that plays all
 * mailbox owners, whose signed replies the validator takes; DNS is a table.
 *
 *	COUNTERSIGND=PROGRAM acme_roles -f CONFIG
 *
 * The supervisor starts each role by running this program again: it becomes
 * PROGRAM for web and issuer.  Three sockets, inherited under fixed names,
 * join the parts.
 */
#include "config.h"

#include "db/store.h"
#include "db/store_challenge.h"
#include "db/store_reply.h"
#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "mail/dkim_sign.h"
#include "mail/reply.h"
#include "src/conf_file.h"
#include "src/privilege.h"
#include "src/role_sender.h"
#include "src/role_validator.h"
#include "src/supervisor.h"
#include "src/wake.h"
#include "src/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DOMAIN "user.test"
#define SELECTOR "bench"
#define SOURCE "bench://replies"
#define MAIL_MAX 32768
#define BATCH 100
#define IDLE_MS 10000

/* Inherited ends of the two ways, above what the supervisor opens. */
enum fixed_fd { FD_SUBMITTED = 200, FD_TO_USER, FD_REPLIES, FD_FROM_USER };

static int
fail_errno(struct job *j, const char *what)
{
	return job_fail(j, ERR_INTERNAL, "%s: %s", what, strerror(errno));
}

/* --- the mailbox owners -------------------------------------------------- */

struct user {
	const struct dkim_signer *signer;
	unsigned long count;
};

/* What stands between `name` and the end of its line. */
static struct span
header_line(struct span mail, struct span name)
{
	size_t from = span_find_span(mail, 0, name) + name.n;

	return span_cut(mail, from, span_find(mail, from, '\r'));
}

/* Whose mail it is: token-part2 and account, which the user's client knows. */
static int
find_challenge(struct job *j, struct span part1, struct challenge_subject *out)
{
	uint8_t hash[SHA256_LEN];
	int found;

	sha256(part1, hash);
	found =
	    store_challenge_by_part1_hash(j, span_mem(hash, sizeof(hash)), out);
	if (found == 0)
		return job_fail(j, ERR_INTERNAL,
		    "a challenge mail about nothing: %.*s", (int)part1.n,
		    part1.p);
	return found < 0 ? -1 : 0;
}

static struct span
write_reply(struct user *u, struct job *j, struct span mail,
    const struct challenge_subject *s)
{
	struct span part1 = header_line(mail, SPAN("\r\nSubject: ACME: "));
	struct span id = header_line(mail, SPAN("\r\nMessage-ID: "));
	char digest[B64URL_LEN(SHA256_LEN) + 1];
	uint8_t octets[SHA256_LEN];
	struct buf b;

	reply_digest(part1, span_str(s->authz.challenge.token_part2),
	    span_str(s->account_thumbprint), octets);
	b64url_format(digest, span_mem(octets, sizeof(octets)));
	buf_init(&b, j->arena, MAIL_MAX);
	buf_addf(&b,
	    "From: %s\r\nTo: %s\r\nSubject: Re: ACME: %.*s\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
	    "Message-ID: <%lu@" DOMAIN ">\r\nIn-Reply-To: %.*s\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
	    "-----BEGIN ACME RESPONSE-----\r\n%s\r\n"
	    "-----END ACME RESPONSE-----\r\n",
	    s->authz.mailbox, s->authz.challenge.from, (int)part1.n, part1.p,
	    ++u->count, (int)id.n, id.p, digest);
	return buf_span(&b);
}

static int
answer(struct user *u, struct job *j, struct span mail)
{
	struct challenge_subject s;
	struct span reply;

	if (find_challenge(
		j, header_line(mail, SPAN("\r\nSubject: ACME: ")), &s) < 0)
		return -1;
	reply = write_reply(u, j, mail, &s);
	if (dkim_sign(j, reply, DOMAIN, &u->signer, 1, j->now, j->now + 86400,
		&reply) < 0)
		return -1;
	if (send(FD_FROM_USER, reply.p, reply.n, MSG_NOSIGNAL) < 0)
		return fail_errno(j, "reply not delivered");
	return 0;
}

/* Until the supervisor ends. */
static void
user_run(struct user *u, const struct conf *conf, struct store *store)
{
	static char mail[MAIL_MAX];
	ssize_t n;

	while ((n = recv(FD_TO_USER, mail, sizeof(mail), 0)) > 0) {
		struct job j;

		job_init(&j, store, conf);
		if (answer(u, &j, span_mem(mail, (size_t)n)) < 0)
			log_error("no reply", "error=\"%s\"", j.err.text);
		job_done(&j);
	}
}

static int
user_main(const struct conf *conf, const struct dkim_signer *signer)
{
	struct user u = { .signer = signer };
	struct store *store = NULL;
	struct job j;
	int result;

	log_open("user", LOG_LEVEL_INFO);
	job_init(&j, NULL, conf);
	result = privilege_drop(&j, conf->user);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (result == 0)
		result = store_open(&j, conf->database, &store);
	if (result < 0)
		log_error("no mailbox owners", "error=\"%s\"", j.err.text);
	else
		user_run(&u, conf, store);
	store_close(store);
	job_done(&j);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- the sender ---------------------------------------------------------- */

static int
submit_to_user(void *ctx, struct job *j, const char *from, const char *to,
    struct span message, struct submit_result *out)
{
	(void)ctx;
	(void)from;
	(void)to;
	if (send(FD_SUBMITTED, message.p, message.n, MSG_NOSIGNAL) < 0)
		return fail_errno(j, "mail not handed over");
	*out = (struct submit_result){ .outcome = SUBMIT_ACCEPTED,
		.code = "250 2.0.0",
		.answer = "250 2.0.0 queued" };
	return 0;
}

static int
open_sender(struct job *j, struct role_env *env)
{
	struct sender *s;

	if (sender_ops.open(j, env) < 0)
		return -1;
	s = env->role;
	submit_free(s->submit);
	s->submit = submit_new_custom(submit_to_user, NULL);
	return 0;
}

/* --- the validator ------------------------------------------------------- */

/* A TXT record's strings hold at most 255 octets each. */
static struct span
txt_rdata(struct job *j, struct span text)
{
	struct buf b;

	buf_init(&b, j->arena, 2 * text.n + 1);
	for (size_t at = 0; at < text.n; at += 255) {
		struct span part = span_cut(text, at, at + 255);

		buf_add_char(&b, (char)part.n);
		buf_add(&b, part);
	}
	return buf_span(&b);
}

/* The key of the mailbox owners' domain, and no CAA record anywhere. */
static int
dns_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name
	};
	if (type != DNS_TYPE_TXT ||
	    strcmp(name, SELECTOR "._domainkey." DOMAIN) != 0)
		return 0;
	out->status = DNS_OK;
	out->secure = true;
	out->ttl = 300;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	out->rdata[0] = txt_rdata(j, span_str(ctx));
	return 0;
}

static int
open_validator(struct job *j, struct role_env *env)
{
	struct validator *v;

	if (validator_ops.open(j, env) < 0)
		return -1;
	v = env->role;
	resolver_free(v->resolver);
	v->resolver =
	    resolver_new_custom(dns_query, getenv("BENCH_DKIM_RECORD"));
	return 0;
}

static int
take_reply(
    struct validator *v, struct role_env *env, struct span raw, int64_t uid)
{
	struct received m = {
		.source = SOURCE, .uidvalidity = 1, .uid = uid, .raw = raw
	};
	enum verdict verdict;
	struct job j;
	int result;

	job_init(&j, env->store, env->conf);
	result = validator_take(v, &j, &m, &verdict);
	if (result < 0) {
		store_rollback(&j);
		log_error("reply not judged", "error=\"%s\"", j.err.text);
	} else {
		wake_send(j.wake);
	}
	job_done(&j);
	return result;
}

/* As what follows a batch in the mailbox. */
static int
dispose(struct role_env *env)
{
	int64_t *uids;
	size_t count;
	struct job j;
	int result = 0;

	job_init(&j, env->store, env->conf);
	if (store_reply_undisposed(&j, SOURCE, 1, BATCH, &uids, &count) < 0)
		result = -1;
	else if (count > 0 &&
		 (store_begin(&j) < 0 ||
		     store_reply_disposed(&j, SOURCE, 1, uids, count) < 0 ||
		     store_commit(&j) < 0))
		result = worker_undo(&j);
	job_done(&j);
	return result;
}

static int
ingest(struct validator *v, struct role_env *env, int64_t *uid)
{
	static char mail[MAIL_MAX];
	ssize_t n;

	for (int i = 0; i < BATCH; i++) {
		n = recv(FD_REPLIES, mail, sizeof(mail), MSG_DONTWAIT);
		if (n <= 0)
			return i == 0 ? 0 : dispose(env);
		if (take_reply(v, env, span_mem(mail, (size_t)n), ++*uid) < 0)
			return -1;
	}
	return dispose(env);
}

static void
wait_for_mail(struct role_env *env)
{
	struct pollfd p[] = { { .fd = FD_REPLIES, .events = POLLIN },
		{ .fd = wake_fd(ROLE_VALIDATOR), .events = POLLIN } };
	int64_t ms = worker_timeout(env, validator_next_due);

	poll(p, 2, ms < IDLE_MS ? (int)ms : IDLE_MS);
	wake_drain(ROLE_VALIDATOR);
}

/* As role_validator.c: between two steps it looks for mail. */
static int
run_validator(struct role_env *env)
{
	unsigned failures = 0;
	struct job j;
	int64_t uid;

	job_init(&j, env->store, env->conf);
	if (store_reply_last_uid(&j, SOURCE, 1, &uid) < 0)
		uid = -1;
	job_done(&j);
	if (uid < 0)
		return -1;
	role_ready();
	while (!role_is_stopping()) {
		bool more;

		role_tend(env);
		more = worker_once(env, validator_step, &failures) > 0;
		if (ingest(env->role, env, &uid) < 0)
			return -1;
		if (!more)
			wait_for_mail(env);
	}
	return 0;
}

/* --- starting ------------------------------------------------------------ */

static const char *
value_of(char **argv, const char *option)
{
	for (char **a = argv; *a != NULL; a++)
		if (strcmp(*a, option) == 0)
			return a[1];
	return NULL;
}

/* "3,4,5,6" */
static void
read_wake(const char *text, int fds[ROLE_COUNT])
{
	char *end;

	for (int i = 0; i < ROLE_COUNT; i++) {
		fds[i] = (int)strtol(text, &end, 10);
		text = end + (*end == ',');
	}
}

/* The command line is the supervisor's. */
static int
role_run(char **argv, const char *name)
{
	struct role_ops ops;
	struct role_start start = { .conf_file = value_of(argv, "--config"),
		.intake = "imap" };

	if (strcmp(name, "web") == 0 || strcmp(name, "issuer") == 0) {
		for (int fd = FD_SUBMITTED; fd <= FD_FROM_USER; fd++)
			close(fd);
		execv(getenv("COUNTERSIGND"), argv);
		perror("acme_roles: COUNTERSIGND");
		return EXIT_FAILURE;
	}
	if (strcmp(name, "sender") == 0) {
		ops = sender_ops;
		ops.open = open_sender;
	} else {
		ops = validator_ops;
		ops.open = open_validator;
		ops.run = run_validator;
	}
	read_wake(value_of(argv, "--wake"), start.wake);
	start.ready_fd = (int)strtol(value_of(argv, "--ready"), NULL, 10);
	return role_main(&ops, &start);
}

static int
make_way(struct job *j, int write_end, int read_end)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0 ||
	    dup2(fds[0], write_end) < 0 || dup2(fds[1], read_end) < 0)
		return fail_errno(j, "no socket");
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* The domain's key; its record reaches the validator by the environment. */
static int
make_signer(
    struct job *j, struct arena *keep, const struct dkim_signer **signer)
{
	char dir[] = "/tmp/countersign-bench-XXXXXX";
	const char *path;
	int result = -1;

	if (mkdtemp(dir) == NULL)
		return fail_errno(j, dir);
	path = arena_printf(j->arena, "%s/dkim.pem", dir);
	if (dkim_key_create(j, path, false) == 0 &&
	    dkim_signer_load(j, keep, path, SELECTOR, signer) == 0)
		result = setenv(
		    "BENCH_DKIM_RECORD", dkim_signer_record(j, *signer), 1);
	unlink(path);
	rmdir(dir);
	return result;
}

static int
prepare(struct job *j, struct arena *keep, const struct dkim_signer **signer)
{
	if (getenv("COUNTERSIGND") == NULL)
		return job_fail(j, ERR_INTERNAL, "COUNTERSIGND is not set");
	if (make_way(j, FD_SUBMITTED, FD_TO_USER) < 0 ||
	    make_way(j, FD_FROM_USER, FD_REPLIES) < 0)
		return -1;
	return make_signer(j, keep, signer);
}

static int
start(const struct conf *conf, struct span text, struct arena *keep)
{
	const struct dkim_signer *signer;
	struct job j;
	pid_t pid;
	int result;

	job_init(&j, NULL, conf);
	result = prepare(&j, keep, &signer);
	if (result < 0)
		log_error("cannot start", "error=\"%s\"", j.err.text);
	job_done(&j);
	if (result < 0)
		return EXIT_FAILURE;
	pid = fork();
	if (pid == 0)
		_exit(user_main(conf, signer));
	log_info("mailbox owners", "pid=%d", (int)pid);
	return pid < 0 ? EXIT_FAILURE : supervisor_main(conf, text, NULL);
}

int
main(int argc, char **argv)
{
	const char *role = value_of(argv, "--role");
	const char *file = value_of(argv, "-f");
	struct arena *keep;
	const struct conf *conf;
	struct span text = { NULL, 0 };
	int status = EXIT_FAILURE;

	(void)argc;
	if (role != NULL)
		return role_run(argv, role);
	log_open("supervisor", LOG_LEVEL_INFO);
	if (file == NULL) {
		fputs("usage: acme_roles -f CONFIG\n", stderr);
		return EXIT_FAILURE;
	}
	keep = arena_new();
	if (conf_load_once(
		keep, file, conf_report_stderr, NULL, &text, &conf) == 0)
		status = start(conf, text, keep);
	arena_free(keep);
	return status;
}
