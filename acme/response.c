#include "config.h"

#include "acme/response.h"

#include <assert.h>
#include <inttypes.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"

void
response_init(struct response *r, struct job *j)
{
	*r = (struct response){ .status = 0 };
	buf_init(&r->body, j->arena, RESPONSE_BODY_MAX);
}

void
response_clear(struct response *r)
{
	r->status = 0;
	r->header_count = 0;
	buf_clear(&r->body);
}

void
response_header(struct response *r, const char *name, const char *value)
{
	assert(r->header_count < RESPONSE_HEADERS_MAX);
	r->headers[r->header_count].name = name;
	r->headers[r->header_count].value = value;
	r->header_count++;
}

void
response_link(
    struct response *r, struct job *j, const char *url, const char *rel)
{
	response_header(
	    r, "Link", arena_printf(j->arena, "<%s>;rel=\"%s\"", url, rel));
}

void
response_retry_after(struct response *r, struct job *j, int64_t secs)
{
	if (secs > 0)
		response_header(
		    r, "Retry-After", arena_printf(j->arena, "%" PRId64, secs));
}

void
response_object(struct response *r, int status, struct json_out *o)
{
	r->status = status;
	response_header(r, "Content-Type", "application/json");
	json_out_init(o, &r->body);
	json_object_begin(o);
}
