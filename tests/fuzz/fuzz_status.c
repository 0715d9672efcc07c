/*
 * A request to web.status_listen: "METHOD TARGET\n" and a body.  There is
 * always an answer with a status and, if it has a body, a type.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/status_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct conf conf = {
	.issuer = { .crl_url = "http://crl.example.com/issuing.crl",
	    .crl_file = "/nonexistent/issuing.crl",
	    .crl_shards = 3,
	    .ocsp_url = "http://ocsp.example.com/",
	    .ocsp_folder = "/nonexistent/ocsp" }
};

static void
check(const struct status_result *r)
{
	bool typed = false;

	for (size_t i = 0; i < r->header_count; i++) {
		if (strcmp(r->headers[i].name, "Content-Type") == 0)
			typed = true;
		if (span_has_control(span_str(r->headers[i].value)))
			abort();
	}
	if (r->status < 200 || r->status > 599 || (r->body.n > 0 && !typed))
		abort();
	if (r->fd >= 0)
		(void)close(r->fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_mem(data, n);
	size_t line = span_find(in, 0, '\n'), blank = span_find(in, 0, ' ');
	struct status_service *service;
	struct status_result r;
	struct status_query q;
	struct job j;

	if (blank > line)
		blank = line;
	job_init(&j, NULL, &conf);
	if (memchr(data, 0, line) == NULL &&
	    status_service_new(&j, j.arena, &conf, &service) == 0) {
		q = (struct status_query){
			.method = span_dup(j.arena, span_cut(in, 0, blank)),
			.target = span_cut(in, blank + 1, line),
			.body = span_from(in, line + 1),
			.if_none_match =
			    span_dup(j.arena, span_cut(in, blank + 1, line)),
		};
		q.if_modified_since = q.if_none_match;
		status_answer(&j, service, &q, &r);
		check(&r);
	}
	job_done(&j);
	return 0;
}
