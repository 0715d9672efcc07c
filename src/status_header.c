#include "config.h"

#include "src/status_header.h"

#include "lib/arena.h"
#include "lib/job.h"
#include "src/http_date.h"

#define TEXT_MAX 128

void
status_header_add(struct status_result *r, const char *name, const char *value)
{
	if (r->header_count == STATUS_HEADERS_MAX)
		return;
	r->headers[r->header_count].name = name;
	r->headers[r->header_count++].value = value;
}

const char *
status_header_date(struct job *j, int64_t secs)
{
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	http_date_add(&b, secs);
	return b.p;
}

void
status_header_text(
    struct job *j, struct status_result *r, int status, const char *text)
{
	r->status = status;
	r->body = span_str(arena_printf(j->arena, "%s\n", text));
	status_header_add(r, "Content-Type", "text/plain; charset=utf-8");
}

/* RFC 9110 13.2.2: If-None-Match counts, where it is there, and nothing else.
 * Weak tags compare as strong ones do here. */
static bool
is_unchanged(const struct status_query *q, const char *etag, int64_t modified)
{
	struct span rest;
	int64_t since;

	if (q->if_none_match == NULL)
		return q->if_modified_since != NULL &&
		       http_date_parse(q->if_modified_since, &since) == 0 &&
		       modified <= since;
	rest = span_str(q->if_none_match);
	while (rest.n > 0) {
		size_t end = span_find(rest, 0, ',');
		struct span one = span_trim(span_cut(rest, 0, end));

		if (span_starts(one, SPAN("W/")))
			one = span_from(one, 2);
		if (span_eq_str(one, "*") || span_eq_str(one, etag))
			return true;
		rest = span_from(rest, end + 1);
	}
	return false;
}

bool
status_header_validators(struct job *j, const struct status_query *q,
    struct status_result *r, const char *etag, int64_t modified)
{
	status_header_add(r, "ETag", etag);
	status_header_add(r, "Last-Modified", status_header_date(j, modified));
	if (!is_unchanged(q, etag, modified))
		return false;
	r->status = 304;
	return true;
}

void
status_header_refuse_method(
    struct job *j, struct status_result *r, const char *allowed)
{
	status_header_add(r, "Allow", allowed);
	status_header_text(j, r, 405, "this method is not for this resource");
}
