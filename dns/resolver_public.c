#include "config.h"

#include "dns/resolver_public.h"

#include <stdio.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"

#define FILE_MAX ((size_t)1024 * 1024)

/* Which file, where in it, and how many anchors of the root came by. */
struct reader {
	struct job *j;
	const char *path;
	unsigned line;
	unsigned anchors;
};

/* --- trust anchors ------------------------------------------------------- */

static int
refuse(const struct reader *r, struct span what, const char *why)
{
	return job_fail(r->j, ERR_INTERNAL, "%s:%u: %.*s: %s", r->path, r->line,
	    what.n < 64 ? (int)what.n : 64, what.p, why);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span
take_word(struct span *in)
{
	struct span rest = span_trim(*in);
	size_t n = 0;

	while (n < rest.n && !is_blank(rest.p[n]))
		n++;
	*in = span_from(rest, n);
	return span_cut(rest, 0, n);
}

/* One of the numbers of `allowed`, which ends with 0. */
static bool
is_number_of(struct span word, const unsigned *allowed)
{
	for (; *allowed != 0; allowed++) {
		char text[4];
		int n = snprintf(text, sizeof(text), "%u", *allowed);

		if (span_eq(word, span_mem(text, (size_t)n)))
			return true;
	}
	return false;
}

/*
 * What follows the type.  With an algorithm that it does not know the library
 * takes an anchor for none, and the zone for unsigned.
 */
static bool
is_usable(struct span type, struct span rest)
{
	/* RFC 8624 3.1 and 3.3: those to validate with, and no SHA-1. */
	static const unsigned algorithms[] = { 8, 10, 13, 14, 15, 16, 0 };
	static const unsigned digests[] = { 2, 4, 0 };
	struct span second, third, fourth;

	take_word(&rest);
	second = take_word(&rest);
	third = take_word(&rest);
	fourth = take_word(&rest);
	if (fourth.n == 0)
		return false;
	if (span_caseeq_str(type, "DS"))
		return is_number_of(second, algorithms) &&
		       is_number_of(third, digests);
	return span_eq_str(second, "3") && is_number_of(third, algorithms);
}

/* One record as in a zone file: . [TTL] [IN] DS …, or DNSKEY. */
static int
check_anchor(struct reader *r, struct span record)
{
	struct span rest = record, word = take_word(&rest);

	if (!span_eq_str(word, "."))
		return refuse(r, word,
		    "in public mode trust anchors are of the root, \".\", "
		    "alone");
	word = take_word(&rest);
	if (word.n > 0 && ascii_is_digit(word.p[0]))
		word = take_word(&rest);
	if (span_caseeq_str(word, "IN"))
		word = take_word(&rest);
	if (!span_caseeq_str(word, "DS") && !span_caseeq_str(word, "DNSKEY"))
		return refuse(r, word,
		    "a trust anchor is one line with a DS or DNSKEY record");
	if (!is_usable(word, rest))
		return refuse(r, record,
		    "in public mode a trust anchor has algorithm 8, 10, 13, "
		    "14, 15 or 16, and a DS record digest 2 or 4");
	r->anchors++;
	return 0;
}

/* The next line without its end: 1, or 0. */
static int
next_line(struct reader *r, struct span *rest, struct span *line)
{
	size_t end;

	if (rest->n == 0)
		return 0;
	end = span_find(*rest, 0, '\n');
	*line = span_cut(*rest, 0, end);
	*rest = span_from(*rest, end + 1);
	r->line++;
	return 1;
}

static int
check_anchor_file(struct job *j, const char *path, unsigned *anchors)
{
	struct reader r = { j, path, 0, 0 };
	struct span rest, line;

	if (file_read(j, path, FILE_MAX, &rest) < 0)
		return -1;
	while (next_line(&r, &rest, &line)) {
		line =
		    span_trim_fws(span_cut(line, 0, span_find(line, 0, ';')));
		if (line.n > 0 && check_anchor(&r, line) < 0)
			return -1;
	}
	*anchors += r.anchors;
	return 0;
}

/* --- the configuration --------------------------------------------------- */

/* `value` NULL: any; "": none, it begins a clause. */
static const struct {
	const char *name, *value;
} allowed[] = {
	{ "server", "" },
	{ "stub-zone", "" },
	{ "forward-zone", "" },
	/* In a zone: whom to ask.  What it says is validated as ever. */
	{ "name", NULL },
	{ "stub-addr", NULL },
	{ "stub-host", NULL },
	{ "stub-prime", NULL },
	{ "stub-first", NULL },
	{ "stub-tls-upstream", NULL },
	{ "stub-tcp-upstream", NULL },
	{ "stub-no-cache", NULL },
	{ "forward-addr", NULL },
	{ "forward-host", NULL },
	{ "forward-first", NULL },
	{ "forward-tls-upstream", NULL },
	{ "forward-tcp-upstream", NULL },
	{ "forward-no-cache", NULL },
	/* Validation, as it must be. */
	{ "trust-anchor", NULL },
	{ "trust-anchor-file", NULL },
	{ "auto-trust-anchor-file", NULL },
	{ "module-config", "validator iterator" },
	{ "val-permissive-mode", "no" },
	{ "harden-algo-downgrade", "yes" },
	{ "harden-below-nxdomain", "yes" },
	{ "harden-dnssec-stripped", "yes" },
	{ "harden-glue", "yes" },
	{ "harden-large-queries", "yes" },
	{ "harden-referral-path", "yes" },
	{ "harden-short-bufsize", "yes" },
	{ "qname-minimisation", NULL },
	{ "qname-minimisation-strict", NULL },
	{ "use-caps-for-id", NULL },
	/* The network. */
	{ "root-hints", NULL },
	{ "do-ip4", NULL },
	{ "do-ip6", NULL },
	{ "do-udp", NULL },
	{ "do-tcp", NULL },
	{ "prefer-ip4", NULL },
	{ "prefer-ip6", NULL },
	{ "tcp-upstream", NULL },
	{ "tls-upstream", NULL },
	{ "tls-cert-bundle", NULL },
	{ "do-not-query-address", NULL },
	{ "do-not-query-localhost", NULL },
	{ "private-address", NULL },
	{ "outgoing-interface", NULL },
	{ "outgoing-num-tcp", NULL },
	{ "outgoing-port-avoid", NULL },
	{ "outgoing-port-permit", NULL },
	{ "outgoing-range", NULL },
	{ "edns-buffer-size", NULL },
	{ "so-rcvbuf", NULL },
	{ "so-sndbuf", NULL },
	/* Room, and what is logged. */
	{ "infra-cache-numhosts", NULL },
	{ "key-cache-size", NULL },
	{ "msg-cache-size", NULL },
	{ "neg-cache-size", NULL },
	{ "num-queries-per-thread", NULL },
	{ "rrset-cache-size", NULL },
	{ "target-fetch-policy", NULL },
	{ "val-log-level", NULL },
	{ "verbosity", NULL },
};
#define ALLOWED_COUNT COUNT(allowed)

/* `option:`, blanks, a value in double quotes or without blanks, and perhaps a
 * comment: 0, or -1 for all else. */
static int
split_line(struct span line, struct span *name, struct span *value)
{
	size_t n = 0;

	while (n < line.n && (ascii_is_alnum(line.p[n]) || line.p[n] == '-'))
		n++;
	if (n == 0 || n == line.n || line.p[n] != ':')
		return -1;
	*name = span_cut(line, 0, n);
	line = span_trim(span_from(line, n + 1));
	*value = span_cut(line, 0, 0);
	if (line.n > 0 && line.p[0] == '"') {
		n = span_find(line, 1, '"');
		if (n == line.n)
			return -1;
		*value = span_cut(line, 1, n);
		line = span_from(line, n + 1);
	} else if (line.n > 0 && line.p[0] != '#') {
		*value = take_word(&line);
	}
	/* Nothing that unbound might take for the end of a value. */
	for (size_t i = 0; i < value->n; i++)
		if (value->p[i] == '\\' || value->p[i] == '"' ||
		    value->p[i] == '\'' ||
		    ((unsigned char)value->p[i] < ' ' && value->p[i] != '\t'))
			return -1;
	if (line.n > 0 && !is_blank(line.p[0]) && line.p[0] != '#')
		return -1;
	line = span_trim(line);
	return line.n == 0 || line.p[0] == '#' ? 0 : -1;
}

static int
check_option(struct reader *r, struct span name, struct span value)
{
	for (size_t i = 0; i < ALLOWED_COUNT; i++) {
		const char *must = allowed[i].value;

		if (!span_eq_str(name, allowed[i].name))
			continue;
		if (must == NULL && value.n > 0)
			return 0;
		if (must != NULL && span_eq_str(value, must))
			return 0;
		if (must == NULL)
			return refuse(r, name,
			    "in public mode the value stands on the same line");
		return refuse(r, name,
		    *must == '\0'
			? "in public mode options stand on lines of their own"
			: arena_printf(r->j->arena,
			      "in public mode it must be \"%s\"", must));
	}
	return refuse(r, name,
	    "in public mode this option is not allowed: DNSSEC is validated "
	    "from the root down, without exception (SBR 4.2.2.1.1)");
}

static int
check_line(struct reader *r, struct span line)
{
	struct span name, value;

	if (split_line(line, &name, &value) < 0)
		return refuse(r, line,
		    "in public mode a line is empty, a comment, or one "
		    "\"option: value\"");
	if (check_option(r, name, value) < 0)
		return -1;
	if (span_eq_str(name, "trust-anchor"))
		return check_anchor(r, value);
	if (!span_eq_str(name, "trust-anchor-file") &&
	    !span_eq_str(name, "auto-trust-anchor-file"))
		return 0;
	return check_anchor_file(
	    r->j, span_dup(r->j->arena, value), &r->anchors);
}

static int
check_config_file(struct job *j, const char *path, unsigned *anchors)
{
	struct reader r = { j, path, 0, 0 };
	struct span rest, line;

	if (file_read(j, path, FILE_MAX, &rest) < 0)
		return -1;
	while (next_line(&r, &rest, &line)) {
		line = span_trim(line);
		if (line.n > 0 && line.p[0] != '#' && check_line(&r, line) < 0)
			return -1;
	}
	*anchors += r.anchors;
	return 0;
}

int
resolver_public_check(
    struct job *j, const char *config_file, const char *trust_anchor)
{
	unsigned anchors = 0;

	if (config_file != NULL &&
	    check_config_file(j, config_file, &anchors) < 0)
		return -1;
	if (trust_anchor != NULL &&
	    check_anchor_file(j, trust_anchor, &anchors) < 0)
		return -1;
	if (anchors == 0)
		return job_fail(j, ERR_INTERNAL,
		    "there is no trust anchor for the root: set "
		    "validator.dns_trust_anchor (Debian's package "
		    "dns-root-data has one); in public mode DNSSEC is "
		    "validated from it (SBR 4.2.2.1.1)");
	return 0;
}
