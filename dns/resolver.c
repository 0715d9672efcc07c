#include "config.h"

#include "dns/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

/* After unbound.h, which it needs. */
#include <unbound-event.h>

#include "dns/packet.h"
#include "dns/resolver_public.h"
#include "dns/unbound_loop.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"

#define ANCHOR_MAX ((size_t)1024 * 1024)

struct resolver {
	resolver_query_fn *custom;
	void *custom_ctx;
	/* Its cache (answers, keys, servers) lives as long as the process:
	 * ER-34 counts on it. */
	struct ub_ctx *ub;
	struct unbound_loop *loop;
	FILE *log;
	char log_line[200]; /* the library's last word */
	char name[300];
	int64_t total_ms;
};

/* --- the context --------------------------------------------------------- */

/* What the library logs goes to our log; the last line is kept, because it
 * says which line of a configuration file is wrong. */
static ssize_t
take_log(void *cookie, const char *text, size_t n)
{
	struct resolver *r = cookie;
	struct span line = span_trim_fws(span_mem(text, n));
	struct log_quoted q;

	/* "[time] libunbound[pid:thread] level: what" */
	for (int i = 0; i < 2; i++) {
		size_t at = span_find_span(line, 0, SPAN("] "));

		if (at < line.n)
			line = span_from(line, at + 2);
	}
	if (line.n == 0)
		return (ssize_t)n;
	snprintf(r->log_line, sizeof(r->log_line), "%.*s", (int)line.n, line.p);
	log_debug("resolver library", "text=%s", log_quote(&q, line));
	return (ssize_t)n;
}

static int
set_option(
    struct resolver *r, struct job *j, const char *name, const char *value)
{
	int e = ub_ctx_set_option(r->ub, name, value);

	if (e != 0)
		return job_fail(j, ERR_INTERNAL, "resolver: option %s %s: %s",
		    name, value, ub_strerror(e));
	return 0;
}

static void
ignore_answer(void *arg, int rcode, void *packet, int packet_len, int security,
    /* NOLINTNEXTLINE(readability-non-const-parameter): the library's type */
    char *why_bogus, int was_ratelimited)
{
	(void)arg;
	(void)rcode;
	(void)packet;
	(void)packet_len;
	(void)security;
	(void)why_bogus;
	(void)was_ratelimited;
}

/* The library reads trust anchors and opens sockets with the first question:
 * one that it answers itself shows now what is wrong. */
static int
start(struct resolver *r, struct job *j, const struct resolver_conf *conf)
{
	int id = 0;
	int e = ub_resolve_event(
	    r->ub, "localhost", DNS_TYPE_A, 1, NULL, ignore_answer, &id);

	if (e != 0)
		return job_fail(j, ERR_INTERNAL,
		    "resolver: %s: %s (configuration %s, trust anchor %s; see "
		    "whether that is a file of DS or DNSKEY records, as "
		    "/usr/share/dns/root.key)",
		    ub_strerror(e), r->log_line,
		    conf->config_file == NULL ? "none" : conf->config_file,
		    conf->trust_anchor == NULL ? "none" : conf->trust_anchor);
	if (id != 0)
		ub_cancel(r->ub, id);
	return 0;
}

/*
 * Reads a configuration file.  What is wrong with it the library writes to
 * standard error and nowhere else: for the time of the call that is a file of
 * ours, whose first line goes into the error.
 */
static int
read_config(struct resolver *r, struct job *j, const char *path)
{
	char said[200] = "";
	int own = dup(STDERR_FILENO);
	int file = memfd_create("resolver", MFD_CLOEXEC);
	int e;

	fflush(stderr);
	if (file >= 0 && own >= 0)
		dup2(file, STDERR_FILENO);
	e = ub_ctx_config(r->ub, path);
	fflush(stderr);
	if (file >= 0 && own >= 0) {
		dup2(own, STDERR_FILENO);
		if (pread(file, said, sizeof(said) - 1, 0) < 0)
			said[0] = '\0';
	}
	if (own >= 0)
		close(own);
	if (file >= 0)
		close(file);
	/* Not what stands there: it may be the file of a key. */
	said[strcspn(said, "\n'")] = '\0';
	if (e == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL, "resolver configuration %s: %s", path,
	    said[0] != '\0' ? said : r->log_line);
}

static int
configure(struct resolver *r, struct job *j, const struct resolver_conf *conf)
{
	struct span anchor = { NULL, 0 };
	char rtt[24];
	int e;

	/* MA-30: a try waits no longer.  A server that was silent is asked
	 * again soon, not after a quarter of an hour. */
	snprintf(rtt, sizeof(rtt), "%lld", (long long)conf->try_ms);
	if (set_option(r, j, "infra-cache-max-rtt:", rtt) < 0 ||
	    set_option(r, j, "infra-host-ttl:", "30") < 0 ||
	    /* PK-27: a new CAA check is not answered from yesterday's. */
	    set_option(r, j, "cache-max-ttl:", "3600") < 0 ||
	    set_option(r, j, "infra-keep-probing:", "yes") < 0 ||
	    /* RFC 4035 5.3.1: a signature ends when it says, not a day later
	     * as the library would have it (PK-29). */
	    set_option(r, j, "val-sig-skew-min:", "0") < 0 ||
	    set_option(r, j, "val-sig-skew-max:", "0") < 0)
		return -1;
	r->log_line[0] = '\0';
	if (conf->config_file != NULL &&
	    read_config(r, j, conf->config_file) < 0)
		return -1;
	/* The library reads it later, and says only that it failed. */
	if (conf->trust_anchor != NULL &&
	    file_read(j, conf->trust_anchor, ANCHOR_MAX, &anchor) < 0)
		return job_context(j, "trust anchor");
	if (conf->trust_anchor != NULL &&
	    (e = ub_ctx_add_ta_file(r->ub, conf->trust_anchor)) != 0)
		return job_fail(j, ERR_INTERNAL, "trust anchor %s: %s",
		    conf->trust_anchor, ub_strerror(e));
	return start(r, j, conf);
}

int
resolver_new(
    struct job *j, const struct resolver_conf *conf, struct resolver **out)
{
	cookie_io_functions_t io = { .write = take_log };
	struct resolver *r;

	if (conf->is_public &&
	    resolver_public_check(j, conf->config_file, conf->trust_anchor) < 0)
		return -1;
	r = xcalloc(1, sizeof(*r));
	r->total_ms = conf->total_ms;
	snprintf(r->name, sizeof(r->name), "libunbound %s%s%s", ub_version(),
	    conf->config_file == NULL ? "" : ", ",
	    conf->config_file == NULL ? "" : conf->config_file);
	r->loop = unbound_loop_new();
	r->ub = ub_ctx_create_ub_event(unbound_loop_base(r->loop));
	r->log = fopencookie(r, "w", io);
	if (r->ub == NULL || r->log == NULL) {
		job_fail(j, ERR_INTERNAL, "resolver: no memory");
		goto fail;
	}
	setvbuf(r->log, NULL, _IOLBF, 0);
	ub_ctx_debugout(r->ub, r->log);
	if (configure(r, j, conf) < 0)
		goto fail;
	*out = r;
	return 0;
fail:
	resolver_free(r);
	return -1;
}

/* --- validation ---------------------------------------------------------- */

/* The library's word for an option, or "". */
static const char *
get_option(struct resolver *r, struct job *j, const char *name)
{
	const char *value = "";
	char *text = NULL;

	if (ub_ctx_get_option(r->ub, name, &text) == 0 && text != NULL)
		value = arena_strdup(j->arena, text);
	free(text);
	return value;
}

static bool
has_anchor(struct resolver *r, struct job *j)
{
	static const char *const options[] = { "trust-anchor-file",
		"auto-trust-anchor-file", "trust-anchor", "trusted-keys-file" };

	for (size_t i = 0; i < COUNT(options); i++)
		if (get_option(r, j, options[i])[0] != '\0')
			return true;
	return false;
}

int
resolver_check_validates(struct resolver *r, struct job *j)
{
	static const char rule[] =
	    "the parameters of CAA records are believed only from a resolver "
	    "that validates DNSSEC here (RFC 8657 section 5.6)";

	if (r->custom != NULL)
		return 0;
	if (strstr(get_option(r, j, "module-config"), "validator") == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "%s: module-config lacks the validator; %s", r->name, rule);
	if (strcmp(get_option(r, j, "val-permissive-mode"), "no") != 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: val-permissive-mode must be no; %s", r->name, rule);
	if (!has_anchor(r, j))
		return job_fail(j, ERR_INTERNAL,
		    "%s: there is no trust anchor: set "
		    "validator.dns_trust_anchor (Debian's package "
		    "dns-root-data has one); %s",
		    r->name, rule);
	return 0;
}

struct resolver *
resolver_new_custom(resolver_query_fn *query, void *ctx)
{
	struct resolver *r = xcalloc(1, sizeof(*r));

	snprintf(r->name, sizeof(r->name), "given answers");
	r->custom = query;
	r->custom_ctx = ctx;
	return r;
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	ub_ctx_delete(r->ub);
	unbound_loop_free(r->loop);
	if (r->log != NULL)
		fclose(r->log);
	free(r);
}

const char *
resolver_name(const struct resolver *r)
{
	return r->name;
}

/* --- a question ---------------------------------------------------------- */

struct question {
	struct job *j;
	enum dns_type type;
	struct dns_answer *out;
	bool answered;
};

const char *
dns_status_name(enum dns_status s)
{
	switch (s) {
	case DNS_OK:
		return "ok";
	case DNS_NODATA:
		return "nodata";
	case DNS_NXDOMAIN:
		return "nxdomain";
	case DNS_TEMPORARY:
		return "temporary";
	case DNS_BOGUS:
		return "bogus";
	}
	return "?";
}

const char *
dns_rcode_name(const struct dns_answer *a)
{
	switch (a->status) {
	case DNS_OK:
	case DNS_NODATA:
		return "NOERROR";
	case DNS_NXDOMAIN:
		return "NXDOMAIN";
	case DNS_TEMPORARY:
	case DNS_BOGUS:
		break;
	}
	return "SERVFAIL";
}

const char *
dns_dnssec_name(const struct dns_answer *a)
{
	if (a->status == DNS_BOGUS)
		return "bogus";
	if (a->status == DNS_TEMPORARY)
		return "indeterminate";
	return a->secure ? "secure" : "insecure";
}

static void
set_empty(struct dns_answer *out, enum dns_status status, const char *why)
{
	*out = (struct dns_answer){ .status = status,
		.name = out->name,
		.canonical = out->name,
		.why = why };
}

static const char *
rcode_text(struct job *j, int rcode)
{
	if (rcode == 2)
		return "no name server gave a usable answer (SERVFAIL)";
	if (rcode == 5)
		return "the name servers refused to answer (REFUSED)";
	return arena_printf(
	    j->arena, "the name servers answered with code %d", rcode);
}

/* PK-17: the way that the answer names, whatever is at its end. */
static void
keep_aliases(struct question *q, struct span packet)
{
	struct dns_answer seen = { .name = q->out->name };

	dns_packet_read(q->j, packet, q->type, &seen);
	q->out->aliases = seen.aliases;
	q->out->alias_count = seen.alias_count;
	q->out->canonical = seen.canonical;
}

/* The library's answer.  Whether it is bogus is looked at first: a bogus one
 * carries data too (MA-31, PK-30). */
static void
take_answer(void *arg, int rcode, void *packet, int packet_len, int security,
    char *why_bogus, int was_ratelimited)
{
	struct question *q = arg;
	const struct span octets = span_mem(
	    packet, packet == NULL || packet_len < 0 ? 0 : (size_t)packet_len);
	enum { INSECURE, BOGUS, SECURE };

	(void)was_ratelimited;
	q->answered = true;
	if (security == BOGUS) {
		set_empty(q->out, DNS_BOGUS,
		    why_bogus == NULL || *why_bogus == '\0'
			? "DNSSEC validation failed"
			: arena_strdup(q->j->arena, why_bogus));
		keep_aliases(q, octets);
		return;
	}
	if (rcode == 3) {
		set_empty(q->out, DNS_NXDOMAIN, NULL);
		keep_aliases(q, octets);
		q->out->secure = security == SECURE;
		return;
	}
	if (rcode != 0 || octets.n == 0) {
		set_empty(q->out, DNS_TEMPORARY, rcode_text(q->j, rcode));
		keep_aliases(q, octets);
		return;
	}
	dns_packet_read(q->j, octets, q->type, q->out);
	q->out->secure = security == SECURE && q->out->status != DNS_TEMPORARY;
}

/* Letters, digits, - and _ in labels of 1 to 63: nothing that the library
 * would read as an escape. */
static bool
is_name(struct span name)
{
	size_t label = 0;

	if (name.n == 0 || name.n > 253)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!ascii_is_alnum(c) && c != '-' && c != '_')
			return false;
		if (++label > 63)
			return false;
	}
	return label > 0;
}

static int
ask(struct resolver *r, struct question *q)
{
	int64_t deadline = clock_mono_ms() + r->total_ms, now;
	int id = 0;
	int e = ub_resolve_event(
	    r->ub, q->out->name, (int)q->type, 1, q, take_answer, &id);

	if (e != 0)
		return job_fail(
		    q->j, ERR_INTERNAL, "resolver: %s", ub_strerror(e));
	while (!q->answered && (now = clock_mono_ms()) < deadline) {
		if (unbound_loop_turn(r->loop, deadline - now) < 0) {
			ub_cancel(r->ub, id);
			return job_fail(q->j, ERR_INTERNAL,
			    "resolver: poll: %s", strerror(errno));
		}
	}
	if (!q->answered) {
		ub_cancel(r->ub, id);
		set_empty(q->out, DNS_TEMPORARY,
		    arena_printf(q->j->arena, "no answer within %lld ms",
			(long long)r->total_ms));
	}
	return 0;
}

void
resolver_set_total(struct resolver *r, int64_t total_ms)
{
	r->total_ms = total_ms;
}

int
resolver_query(struct resolver *r, struct job *j, const char *name,
    enum dns_type type, struct dns_answer *out)
{
	struct question q = { j, type, out, false };

	*out = (struct dns_answer){ .name = arena_strdup(j->arena, name) };
	set_empty(out, DNS_TEMPORARY, NULL);
	if (r->custom != NULL)
		return r->custom(r->custom_ctx, j, name, type, out);
	if (!is_name(span_str(name))) {
		set_empty(out, DNS_NXDOMAIN, "not a name that DNS can hold");
		return 0;
	}
	return ask(r, &q);
}
