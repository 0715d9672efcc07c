#include "config.h"

#include "src/published.h"

#include "dns/resolver.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "mail/dkim_sign.h"
#include "mail/finding.h"
#include "src/dns_conf.h"
#include "src/privilege.h"
#include "src/single.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* For one key; two of them and what goes before fit into the wait. */
#define ASK_MS 5000
#define WAIT_MS 15000
#define PAUSE_SECS 5
#define PAUSE_MAX_SECS 1800

/* --- asking
 * ---------------------------------------------------------------------------
 */

static void
say_wrong(struct job *j, const struct published_keys *keys,
    const struct dkim_signer *s, const struct finding *f)
{
	enum log_level level =
	    keys->relay_signs ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;
	struct log_quoted detail;

	log_line(level, "DKIM key not published",
	    "code=%s detail=%s record=\"%s\" next=\"publish this record; "
	    "countersign check looks again\"",
	    f->code, log_quote(&detail, span_str(f->detail)),
	    dkim_signer_record(j, s));
}

static enum published
ask_one(struct job *j, const struct published_keys *keys,
    const struct dkim_signer *s, struct resolver *r)
{
	struct log_quoted detail;
	struct finding f;

	if (dkim_signer_check(j, s, keys->domain, r, &f) == 0)
		return PUBLISHED_YES;
	if (f.result == FINDING_REFUSE) {
		say_wrong(j, keys, s, &f);
		return keys->relay_signs ? PUBLISHED_YES : PUBLISHED_NO;
	}
	log_warning("DKIM key not looked up",
	    "code=%s detail=%s next=\"nothing: it is asked for again\"", f.code,
	    log_quote(&detail, span_str(f.detail)));
	job_recover(j);
	return PUBLISHED_UNKNOWN;
}

enum published
published_ask(
    struct job *j, const struct published_keys *keys, struct resolver *r)
{
	enum published worst = PUBLISHED_YES;

	for (size_t i = 0; i < keys->count; i++) {
		enum published one = ask_one(j, keys, keys->signers[i], r);

		if (one > worst)
			worst = one;
	}
	return worst;
}

int64_t
published_pause(unsigned attempts)
{
	int64_t pause = PAUSE_SECS;

	for (unsigned i = 1; i < attempts && pause < PAUSE_MAX_SECS; i++)
		pause *= 2;
	return pause < PAUSE_MAX_SECS ? pause : PAUSE_MAX_SECS;
}

/* --- the child ----------------------------------------------------------- */

static int
load_one(struct job *j, struct arena *keep, struct published_keys *keys,
    const char *file, const char *selector)
{
	const struct dkim_signer *s;

	if (file == NULL)
		return 0;
	if (dkim_signer_load(j, j->arena, file, selector, &s) < 0)
		return -1;
	keys->signers[keys->count] = dkim_signer_public(keep, s);
	return keys->signers[keys->count++] == NULL ? -1 : 0;
}

/* The private halves are wiped with the job, before the DNS is asked. */
static int
load(const struct conf *conf, struct arena *keep, struct published_keys *keys)
{
	const struct conf_sender *s = &conf->sender;
	struct job j;
	int result;

	*keys = (struct published_keys){ .domain = addr_domain_of(s->from),
		.relay_signs = s->relay_signs };
	job_init(&j, NULL, conf);
	result =
	    load_one(&j, keep, keys, s->dkim_rsa_key, s->dkim_rsa_selector);
	if (result == 0)
		result = load_one(&j, keep, keys, s->dkim_ed25519_key,
		    s->dkim_ed25519_selector);
	job_done(&j);
	return result;
}

static int64_t
at_most(int64_t ms)
{
	return ms < ASK_MS ? ms : ASK_MS;
}

static int
prepare(struct job *j, const struct conf *conf, struct resolver **r)
{
	const struct conf_validator *v = &conf->validator;
	struct resolver_conf dns = dns_conf_of(conf, v->dns_config);

	/* The validator may be elsewhere, and its anchor with it. */
	dns.is_public = false;
	dns.try_ms = at_most(dns.try_ms);
	dns.total_ms = at_most(dns.total_ms);
	if (resolver_new(j, &dns, r) < 0)
		return -1;
	return privilege_drop(j, conf->user);
}

static enum published
ask(const struct conf *conf, const struct published_keys *keys,
    struct resolver *r)
{
	enum published answer;
	struct job j;

	job_init(&j, NULL, conf);
	answer = published_ask(&j, keys, r);
	job_done(&j);
	return answer;
}

static void
tell(int fd, enum published answer)
{
	char byte = (char)('0' + answer);

	if (write(fd, &byte, 1) != 1)
		log_warning(
		    "supervisor not told", "error=\"%s\"", strerror(errno));
	close(fd);
}

/* Nobody waits any more: until the DNS knows. */
static void
ask_again(const struct conf *conf, const struct published_keys *keys,
    struct resolver *r)
{
	unsigned attempts = 0;
	enum published answer;

	single_leave();
	do {
		sleep((unsigned)published_pause(++attempts));
		answer = ask(conf, keys, r);
	} while (answer == PUBLISHED_UNKNOWN);
	if (answer == PUBLISHED_YES)
		log_info("DKIM keys are published", "domain=%s", keys->domain);
}

/* What this process cannot read or do is the roles' to say: they start. */
static void
child(const struct conf *conf, int fd)
{
	struct arena *keep = arena_new();
	struct published_keys keys;
	struct resolver *r = NULL;
	enum published answer;
	struct job j;

	privilege_no_dumps();
	signal(SIGPIPE, SIG_IGN);
	job_init(&j, NULL, conf);
	if (load(conf, keep, &keys) < 0 || prepare(&j, conf, &r) < 0) {
		tell(fd, PUBLISHED_YES);
		return;
	}
	/* A change of user cleared the setting, so it is made here. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	answer = ask(conf, &keys, r);
	tell(fd, answer);
	if (answer == PUBLISHED_UNKNOWN)
		ask_again(conf, &keys, r);
	resolver_free(r);
	job_done(&j);
	arena_free(keep);
}

/* --- the parent ---------------------------------------------------------- */

static enum published
wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&p, 1, WAIT_MS) > 0 && read(fd, &byte, 1) == 1)
		return (enum published)(byte - '0');
	log_warning(
	    "DKIM keys not looked up", "next=\"countersign check says more\"");
	return PUBLISHED_UNKNOWN;
}

int
published_check(const struct conf *conf)
{
	const struct conf_sender *s = &conf->sender;
	enum published answer;
	int fds[2];
	pid_t pid;

	if (s->dkim_rsa_key == NULL && s->dkim_ed25519_key == NULL)
		return 0;
	if (pipe(fds) < 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(conf, fds[1]);
		_exit(EXIT_SUCCESS);
	}
	close(fds[1]);
	answer = pid < 0 ? PUBLISHED_UNKNOWN : wait_for(fds[0]);
	close(fds[0]);
	/* One that goes on is reaped by the supervisor. */
	if (pid > 0 && answer != PUBLISHED_UNKNOWN)
		waitpid(pid, NULL, 0);
	if (answer != PUBLISHED_NO)
		return 0;
	log_error("cannot start",
	    "error=\"challenge mails would have DKIM signatures that nobody "
	    "can verify\" next=\"publish the records above, or set "
	    "sender.relay_signs if the relay signs\"");
	return -1;
}
