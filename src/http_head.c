#include "config.h"

#include "src/http_head.h"

#include "acme/request.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/http_target.h"

#include <microhttpd.h>
#include <string.h>

struct scan {
	struct http_head *head;
	struct request *req;
	struct buf forwarded, accept, accept_language;
	struct span host, length, transfer_encoding;
	int content_types, lengths, transfer_encodings, hosts;
	bool malformed; /* a name that is no token, an octet that may not be */
	struct http_target target;
	uintptr_t next; /* where the next line must begin */
	bool displaced; /* a line began elsewhere */
};

/* --- the lines, where they lie --- */

/*
 * libmicrohttpd 0.9.75 takes a bare LF for a line end, joins folded lines and
 * cuts a value at NUL, and tells nothing of it (AC-4).  But it hands out names
 * and values where it received them, so a header section without any of
 * these is one whose pieces lie next to each other: name, colon, blanks,
 * value, two octets, name...  Only addresses are compared; nothing is read.
 * In other versions they may lie elsewhere.
 */
static bool
lies_where_received(void)
{
	static const char known[] = "0.9.75";

	return strcmp(MHD_get_version(), known) == 0;
}

static uintptr_t
address_of(const char *p)
{
	return (uintptr_t)p;
}

static void
begin_lines(struct scan *s)
{
	const struct http_head *h = s->head;

	if (address_of(h->target) !=
		address_of(h->method) + strlen(h->method) + 1 ||
	    address_of(h->version) != address_of(h->target) + h->target_n + 1)
		s->displaced = true;
	s->next = address_of(h->version) + strlen(h->version) + 2;
}

static void
next_line(struct scan *s, struct span name, struct span value)
{
	uintptr_t after_colon = address_of(name.p) + name.n + 1;

	if (address_of(name.p) != s->next ||
	    address_of(value.p) < after_colon ||
	    address_of(value.p) > after_colon + HTTP_HEADER_MAX)
		s->displaced = true;
	s->next = address_of(value.p) + value.n + 2;
}

static void
end_lines(struct scan *s, size_t size)
{
	if (s->next + 2 != address_of(s->head->method) + size)
		s->displaced = true;
}

/* --- the fields --- */

/* RFC 9110 section 5.6.2; so no blank before the colon either. */
static bool
is_token(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\0' ||
		    (!ascii_is_alnum(text.p[i]) &&
			strchr("!#$%&'*+-.^_`|~", text.p[i]) == NULL))
			return false;
	return text.n > 0;
}

/* Other control characters are no trap for anybody (AC-12). */
static bool
has_line_octet(struct span text)
{
	return span_find(text, 0, '\0') < text.n ||
	       span_find(text, 0, '\r') < text.n ||
	       span_find(text, 0, '\n') < text.n;
}

/* RFC 9110 section 5.3: of a list there may be several fields. */
static void
add_to_list(struct buf *list, struct span value)
{
	if (list->n > 0)
		buf_add_char(list, ',');
	buf_add(list, value);
}

static void
take_framing(struct scan *s, struct span name, struct span value)
{
	if (span_caseeq_str(name, "content-length")) {
		s->length = value;
		s->lengths++;
	} else if (span_caseeq_str(name, "transfer-encoding")) {
		s->transfer_encoding = value;
		s->transfer_encodings++;
	} else if (span_caseeq_str(name, "host")) {
		s->host = value;
		s->hosts++;
	} else if (span_caseeq_str(name, "x-forwarded-for")) {
		add_to_list(&s->forwarded, value);
	}
}

static void
take_field(struct scan *s, struct span name, struct span value)
{
	struct request *r = s->req;

	if (span_caseeq_str(name, "content-type")) {
		r->content_type = value;
		r->content_type_repeated = ++s->content_types > 1;
	} else if (span_caseeq_str(name, "content-encoding")) {
		/* Of several, the one that is refused. */
		if (r->content_encoding.n == 0 ||
		    span_caseeq_str(r->content_encoding, "identity"))
			r->content_encoding = value;
	} else if (span_caseeq_str(name, "accept")) {
		add_to_list(&s->accept, value);
	} else if (span_caseeq_str(name, "accept-language")) {
		add_to_list(&s->accept_language, value);
	} else if (span_caseeq_str(name, "user-agent")) {
		r->user_agent = value;
	} else {
		take_framing(s, name, value);
	}
}

/* libmicrohttpd compares this value with the blanks behind it, knows it not,
 * and waits for a body without end. */
static bool
has_hidden_coding(struct span name, struct span value)
{
	return span_caseeq_str(name, "transfer-encoding") &&
	       span_trim(value).n < value.n;
}

static enum MHD_Result
scan_field(void *ctx, enum MHD_ValueKind kind, const char *key, size_t key_n,
    const char *text, size_t text_n)
{
	struct scan *s = ctx;
	struct span name = span_mem(key, key_n);
	struct span value = span_mem(text, text_n);

	(void)kind;
	next_line(s, name, value);
	if (!is_token(name) || has_line_octet(value) ||
	    has_hidden_coding(name, value))
		s->malformed = true;
	take_field(s, name, span_trim(value));
	return MHD_YES;
}

/* --- what is refused --- */

/* AC-4.  Two fields of one length are no danger, but nobody's habit either. */
static bool
is_ambiguous(const struct scan *s)
{
	const struct http_head *h = s->head;

	if (s->malformed || has_line_octet(s->req->target) ||
	    span_find(s->req->target, 0, ' ') < s->req->target.n ||
	    has_line_octet(span_str(h->method)))
		return true;
	if (s->lengths + s->transfer_encodings > 1 || s->hosts > 1)
		return true;
	/* RFC 9112 section 6.1: chunked alone, and not in HTTP/1.0. */
	if (s->transfer_encodings > 0 &&
	    (!span_caseeq_str(s->transfer_encoding, "chunked") ||
		strcmp(h->version, "HTTP/1.0") == 0))
		return true;
	return s->displaced && lies_where_received();
}

static bool
has_port(struct span authority)
{
	size_t i = authority.n;

	while (i > 0 && ascii_is_digit(authority.p[i - 1]))
		i--;
	return i > 0 && authority.p[i - 1] == ':';
}

/* AC-3: compared without case; the default port may be written or not. */
static bool
is_our_host(const struct conf *conf, struct span host)
{
	static const struct span port = SPAN_INIT(":443");
	struct span ours = span_from(span_str(conf->base_url), 8);

	if (span_ends(ours, port))
		ours = span_cut(ours, 0, ours.n - port.n);
	if (span_ends(host, port) && !has_port(ours))
		host = span_cut(host, 0, host.n - port.n);
	return span_caseeq(ours, host);
}

/* The URL of an absolute target counts, and not the field beside it (RFC 9112
 * 3.2.2).  It is of base_url's scheme, unless a front ends TLS. */
static bool
is_for_us(const struct conf *conf, const struct scan *s)
{
	const struct http_target *t = &s->target;

	if (t->authority.p == NULL)
		return is_our_host(conf, s->host);
	return (t->is_https || conf->web.tls_certificate == NULL) &&
	       is_our_host(conf, t->authority);
}

static int
check_sizes(struct job *j, const struct http_head *h, size_t size)
{
	size_t line =
	    strlen(h->method) + 1 + h->target_n + 1 + strlen(h->version);

	if (line > HTTP_LINE_MAX)
		return job_fail_status(j, ERR_MALFORMED, 414,
		    "the request line exceeds %d octets", HTTP_LINE_MAX);
	if (size > line && size - line > HTTP_HEADER_MAX)
		return job_fail_status(j, ERR_MALFORMED, 431,
		    "the request's header exceeds %d octets", HTTP_HEADER_MAX);
	return 0;
}

static int
check_body_size(struct job *j, const struct scan *s)
{
	int64_t length, max = j->conf->web.max_body;

	/* One that is no number was refused by libmicrohttpd. */
	if (s->lengths == 0 ||
	    (span_to_int(s->length, 0, INT64_MAX, &length) == 0 &&
		length <= max))
		return 0;
	return job_fail_status(j, ERR_MALFORMED, 413,
	    "request body exceeds %lld octets", (long long)max);
}

static int
check(struct job *j, const struct scan *s, size_t size)
{
	if (is_ambiguous(s))
		return job_fail(
		    j, ERR_MALFORMED, "the request's header is ambiguous");
	if (check_sizes(j, s->head, size) < 0)
		return -1;
	if (s->hosts == 0)
		return job_fail(j, ERR_MALFORMED, "the Host field is missing");
	if (!is_for_us(j->conf, s))
		return job_fail_status(j, ERR_MALFORMED, 421,
		    "this server does not answer for that host");
	return check_body_size(j, s);
}

int
http_head_read(struct MHD_Connection *connection, struct job *j,
    struct http_head *head, struct request *req)
{
	struct scan s = { .head = head, .req = req };
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t size = info != NULL ? info->header_size : 0;

	/* Commas come on top of what the header section held. */
	buf_init(&s.forwarded, j->arena, (size_t)2 * HTTP_HEADER_MAX);
	buf_init(&s.accept, j->arena, (size_t)2 * HTTP_HEADER_MAX);
	buf_init(&s.accept_language, j->arena, (size_t)2 * HTTP_HEADER_MAX);
	begin_lines(&s);
	MHD_get_connection_values_n(
	    connection, MHD_HEADER_KIND, scan_field, &s);
	end_lines(&s, size);
	head->is_chunked = s.transfer_encodings > 0;
	head->has_body =
	    head->is_chunked || (s.length.n > 0 && !span_eq_str(s.length, "0"));
	head->forwarded = buf_span(&s.forwarded);
	req->accept = buf_span(&s.accept);
	req->accept_language = buf_span(&s.accept_language);
	s.target = http_target_split(req->target);
	if (check(j, &s, size) < 0)
		return -1;
	req->target = s.target.path;
	return 0;
}
