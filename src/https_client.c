#include "config.h"

#include "src/https_client.h"

#include <curl/curl.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/turn.h"

#include <pthread.h>
#include <stdlib.h>

#define CONNECT_TIMEOUT_MS 20000L
#define FIELD_MAX 2048

struct https_client {
	CURL *curl;
	struct curl_slist *language; /* Accept-Language, to copy from */
	const char *ca_file;
	int64_t timeout_ms;
	bool plain_too;
	bool closes;
	struct turn turn; /* without a deadline until it is to end */
	int (*connected)(void *ctx);
	void *ctx;
	struct arena *keep;
	char error[CURL_ERROR_SIZE];
};

/* One exchange while it lasts. */
struct exchange {
	struct job *j;
	struct buf body;
	struct https_response *response;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static CURLcode library_result;

static void
library_start(void)
{
	library_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void
https_client_transport(void *curl, const char *ca_file)
{
	CURL *h = curl;

	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	/* A deadline does not wait for the C library's resolver, which may
	 * take half a minute: its thread ends by itself (MP-1). */
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/* An empty proxy is one that the environment cannot replace. */
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
	if (ca_file != NULL) {
		curl_easy_setopt(h, CURLOPT_CAINFO, ca_file);
		/* Else the system's folder would be trusted as well. */
		curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
	}
}

/* NOLINTBEGIN(readability-non-const-parameter): the type is curl's */
static int
tell_connected(void *ctx, char *peer, char *own, int peer_port, int own_port)
{
	const struct https_client *c = ctx;

	(void)peer;
	(void)own;
	(void)peer_port;
	(void)own_port;
	return c->connected(c->ctx) == 0 ? CURL_PREREQFUNC_OK
					 : CURL_PREREQFUNC_ABORT;
}
/* NOLINTEND(readability-non-const-parameter) */

/* curl asks once a second, and after each signal. */
static int
give_up_when(void *ctx, curl_off_t to_get, curl_off_t got, curl_off_t to_put,
    curl_off_t put)
{
	struct https_client *c = ctx;

	(void)to_get;
	(void)got;
	(void)to_put;
	(void)put;
	return turn_left(&c->turn) <= 0;
}

static void
curl_set_common(struct https_client *c, const struct https_client_conf *conf)
{
	CURL *h = c->curl;

	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->error);
	https_client_transport(h, c->ca_file);
	if (conf->plain_too)
		curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_USERAGENT, conf->user_agent);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)conf->timeout_ms);
	if (conf->is_ending == NULL)
		return;
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, give_up_when);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
}

int
https_client_new(struct job *j, const struct https_client_conf *conf,
    struct https_client **out)
{
	struct https_client *c;

	pthread_once(&library_once, library_start);
	if (library_result != CURLE_OK)
		return job_fail(j, ERR_INTERNAL, "HTTPS cannot be used: %s",
		    curl_easy_strerror(library_result));
	c = xcalloc(1, sizeof(*c));
	c->keep = arena_new();
	c->turn = (struct turn){ INT64_MAX, conf->is_ending };
	c->connected = conf->connected;
	c->ctx = conf->ctx;
	c->timeout_ms = conf->timeout_ms;
	c->plain_too = conf->plain_too;
	c->closes = conf->closes;
	if (conf->ca_file != NULL)
		c->ca_file = arena_strdup(c->keep, conf->ca_file);
	if (conf->language != NULL)
		c->language = curl_slist_append(
		    NULL, arena_printf(
			      c->keep, "Accept-Language: %s", conf->language));
	c->curl = curl_easy_init();
	if (c->curl == NULL) {
		https_client_free(c);
		return job_fail(j, ERR_INTERNAL, "HTTPS cannot be used");
	}
	curl_set_common(c, conf);
	if (conf->connected != NULL) {
		curl_easy_setopt(
		    c->curl, CURLOPT_PREREQFUNCTION, tell_connected);
		curl_easy_setopt(c->curl, CURLOPT_PREREQDATA, c);
	}
	*out = c;
	return 0;
}

void
https_client_limit(struct https_client *c, int64_t timeout_ms)
{
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
}

void
https_client_free(struct https_client *c)
{
	if (c == NULL)
		return;
	curl_easy_cleanup(c->curl);
	curl_slist_free_all(c->language);
	arena_free(c->keep);
	free(c);
}

static bool
url_is_good(const char *url, struct span scheme)
{
	struct span s = span_str(url);
	size_t end;

	if (!span_starts(s, scheme) || s.n > FIELD_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#')
			return false;
	s = span_from(s, scheme.n);
	end = span_find(s, 0, '/');
	return end > 0 && span_find(span_cut(s, 0, end), 0, '@') == end;
}

bool
https_url_is_good(const char *url)
{
	return url_is_good(url, SPAN("https://"));
}

bool
http_url_is_good(const char *url)
{
	return https_url_is_good(url) || url_is_good(url, SPAN("http://"));
}

/* --- what comes back ----------------------------------------------------- */

static size_t
take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;

	buf_add_mem(&x->body, data, size * count);
	return buf_ok(&x->body) ? size * count : 0;
}

/* Printable ASCII only: what it is used for is nothing else. */
static const char *
field_text(struct job *j, struct span value)
{
	value = span_trim_fws(value);
	if (value.n > FIELD_MAX || span_has_control(value) ||
	    !span_is_ascii(value))
		return NULL;
	return span_dup(j->arena, value);
}

static size_t
take_field(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	struct span line = span_mem(data, size * count);
	size_t colon = span_find(line, 0, ':');
	struct span name = span_cut(line, 0, colon);
	struct span value = span_from(line, colon + 1);
	struct https_response *r = x->response;

	if (span_starts(line, SPAN("HTTP/"))) { /* after a 1xx: again */
		r->location = r->replay_nonce = NULL;
		r->content_type = "";
	} else if (span_caseeq_str(name, "location")) {
		r->location = field_text(x->j, value);
	} else if (span_caseeq_str(name, "replay-nonce")) {
		r->replay_nonce = field_text(x->j, value);
	} else if (span_caseeq_str(name, "content-type")) {
		value = span_cut(value, 0, span_find(value, 0, ';'));
		r->content_type = field_text(x->j, value);
		if (r->content_type == NULL)
			r->content_type = "";
	}
	return size * count;
}

/* --- sending ------------------------------------------------------------- */

static struct curl_slist *
fields_new(const struct https_client *c, const struct https_request *request)
{
	struct curl_slist *list = NULL;
	struct arena *a = arena_new();

	/* Bodies are small: never wait for a 100. */
	list = curl_slist_append(list, "Expect:");
	if (c->closes)
		list = curl_slist_append(list, "Connection: close");
	list = curl_slist_append(
	    list, request->accept == NULL
		      ? "Accept: */*"
		      : arena_printf(a, "Accept: %s", request->accept));
	if (request->method == HTTPS_POST)
		list = curl_slist_append(list,
		    arena_printf(a, "Content-Type: %s", request->content_type));
	if (c->language != NULL)
		list = curl_slist_append(list, c->language->data);
	arena_free(a);
	return list;
}

static int
explain(struct https_client *c, struct job *j, CURLcode code, const char *url)
{
	const char *why =
	    c->error[0] != '\0' ? c->error : curl_easy_strerror(code);

	switch ((int)code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return job_fail(j, ERR_INTERNAL,
		    "%s: the server's TLS certificate is not trusted (%s); "
		    "for a private CA name its root with --ca-file",
		    url, why);
	case CURLE_SSL_CACERT_BADFILE:
		return job_fail(j, ERR_INTERNAL,
		    "%s: holds no certificates that can be read (%s)",
		    c->ca_file != NULL ? c->ca_file : "the system's CA file",
		    why);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return job_fail(
		    j, ERR_INTERNAL, "%s: is not an https URL", url);
	case CURLE_WRITE_ERROR:
		return job_fail(j, ERR_INTERNAL,
		    "%s: the answer is larger than it should be", url);
	default:
		return job_fail(j, ERR_BUSY, "%s: no answer: %s", url, why);
	}
}

static void
set_method(CURL *h, const struct https_request *request)
{
	curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
	if (request->method == HTTPS_HEAD)
		curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
	if (request->method == HTTPS_POST) {
		curl_easy_setopt(h, CURLOPT_POST, 1L);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->body.n);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, request->body.p);
	}
}

static void
read_info(CURL *h, struct https_response *out)
{
	long status = 0;
	curl_off_t retry_after = 0;

	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	out->status = status;
	/* Zero stands for "no such field" as well. */
	out->retry_after = -1;
	if (curl_easy_getinfo(h, CURLINFO_RETRY_AFTER, &retry_after) ==
		CURLE_OK &&
	    retry_after > 0)
		out->retry_after = retry_after;
}

int
https_client_send(struct https_client *c, struct job *j,
    const struct https_request *request, struct https_response *out)
{
	struct exchange x = { .j = j, .response = out };
	struct curl_slist *fields;
	CURLcode code;

	*out = (struct https_response){ .content_type = "" };
	if (!(c->plain_too ? http_url_is_good(request->url)
			   : https_url_is_good(request->url)))
		return job_fail(j, ERR_INTERNAL,
		    "the server named a resource that is not an https URL");
	buf_init(&x.body, j->arena, request->answer_max);
	fields = fields_new(c, request);
	c->error[0] = '\0';
	set_method(c->curl, request);
	curl_easy_setopt(c->curl, CURLOPT_URL, request->url);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &x);
	curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, take_field);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &x);
	code = curl_easy_perform(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(fields);
	if (code != CURLE_OK)
		return explain(c, j, code, request->url);
	read_info(c->curl, out);
	out->body = buf_span(&x.body);
	return 0;
}
