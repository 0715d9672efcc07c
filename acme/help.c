#include "config.h"

#include "acme/help.h"

#include "acme/acme.h"
#include "acme/response.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/markup.h"

/* Readable on a telephone, too. */
#define STYLE                                                                  \
	"body{max-width:40rem;margin:0 auto;padding:0 1rem 1rem;"              \
	"font:1rem/1.5 system-ui,sans-serif}"                                  \
	"h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.15rem}"            \
	"strong{overflow-wrap:anywhere}"

/* Nothing but this page's own style. */
static const char *
policy(struct job *j)
{
	uint8_t hash[SHA256_LEN];
	struct buf b;

	sha256(span_str(STYLE), hash);
	buf_init(&b, j->arena, 200);
	buf_add_str(&b, "default-src 'none'; style-src 'sha256-");
	b64_add(&b, span_mem(hash, sizeof(hash)));
	buf_add_str(&b, "'; base-uri 'none'; frame-ancestors 'none'");
	return b.p;
}

/* No link: a local part may hold what a URL would have to escape. */
int
help_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	const struct conf *conf = a->conf;
	struct buf *b = &resp->body;

	(void)req;
	resp->status = 200;
	response_header(resp, "Content-Type", "text/html; charset=utf-8");
	response_header(resp, "Content-Security-Policy", policy(j));
	buf_add_str(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		       "<meta charset=\"utf-8\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width, "
		       "initial-scale=1\">\n"
		       "<meta name=\"color-scheme\" content=\"light dark\">\n"
		       "<style>" STYLE "</style>\n<title>");
	buf_add_markup(b, span_str(conf->ca_name));
	buf_add_str(b, "</title>\n</head>\n<body>\n<h1>");
	buf_add_markup(b, span_str(conf->ca_name));
	buf_add_str(b,
	    "</h1>\n<h2>Report a problem with a certificate</h2>\n"
	    "<p>Is the key of a certificate known to others, is a certificate "
	    "misused, or was it issued wrongly? Write to <strong>");
	buf_add_markup(b, span_str(conf->report_address));
	buf_add_str(b,
	    "</strong> and say which certificate it is (its serial number, or "
	    "the mailbox in it) and what is wrong. You get an answer within 24 "
	    "hours.</p>\n"
	    "<p>Whoever has the private key of a certificate, or the account "
	    "that it was issued to, revokes it at once with an ACME client "
	    "(revokeCert). Whoever can prove that a key is known to others "
	    "reports it <a href=\"");
	buf_add_markup(b, span_str(conf->base_url));
	buf_add_str(b,
	    PATH_REPORT "\">to the server itself</a>, which acts at once.</p>\n"
			"</body>\n</html>\n");
	if (!buf_ok(b))
		return job_fail(j, ERR_INTERNAL, "help page too large");
	return 0;
}
