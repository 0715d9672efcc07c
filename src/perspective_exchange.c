#include "config.h"

#include "src/perspective_exchange.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "src/https_client.h"

#define DEADLINE_MS 10000L /* MP-1 */
#define HTTP_OK 200L

struct exchange_inside {
	CURL *curl;
	struct curl_slist *fields;
	struct arena *keep; /* of all that this exchange holds */
	char error[CURL_ERROR_SIZE];
	int64_t began_ms;
};

struct exchanges {
	CURLM *multi;
	size_t open;
	long deadline_ms;
};

struct exchanges *
exchanges_new(void)
{
	struct exchanges *all = xcalloc(1, sizeof(*all));

	all->deadline_ms = DEADLINE_MS;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		all->multi = curl_multi_init();
	if (all->multi != NULL)
		return all;
	free(all);
	return NULL;
}

void
exchanges_free(struct exchanges *all)
{
	if (all == NULL)
		return;
	curl_multi_cleanup(all->multi);
	free(all);
}

void
exchanges_hasten(struct exchanges *all, long deadline_ms)
{
	all->deadline_ms = deadline_ms;
}

size_t
exchanges_open(const struct exchanges *all)
{
	return all->open;
}

void
exchanges_wait(struct exchanges *all)
{
	/* libcurl ends each exchange at its own deadline. */
	curl_multi_poll(all->multi, NULL, 0, 1000, NULL);
}

/* --- what came of one ----------------------------------------------------- */

static void
conclude(struct exchange *x, CURLcode code)
{
	struct exchange_inside *in = x->inside;
	long status = 0;

	x->is_done = true;
	x->took_ms = clock_mono_ms() - in->began_ms;
	curl_easy_getinfo(in->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK) {
		/* A body over the limit is an answer, though a useless one. */
		x->is_unreached = code != CURLE_WRITE_ERROR;
		x->is_alarming = code == CURLE_PEER_FAILED_VERIFICATION ||
				 code == CURLE_SSL_CACERT_BADFILE ||
				 code == CURLE_SSL_CERTPROBLEM;
		x->failure =
		    in->error[0] != '\0' ? in->error : curl_easy_strerror(code);
	} else if (status != HTTP_OK) {
		x->failure = arena_printf(in->keep, "HTTP status %ld", status);
		x->is_alarming = status >= 300 && status < 500;
	} else if (x->body.n == 0) {
		x->failure = "an empty answer";
	}
}

void
exchanges_collect(struct exchanges *all)
{
	int running, left;
	CURLMsg *m;

	curl_multi_perform(all->multi, &running);
	while ((m = curl_multi_info_read(all->multi, &left)) != NULL) {
		struct exchange *x = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		conclude(x, m->data.result);
		all->open--;
	}
}

/* --- one ------------------------------------------------------------------ */

static size_t
take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;

	buf_add_mem(&x->body, data, size * count);
	return buf_ok(&x->body) ? size * count : 0;
}

static void
set_transport(CURL *h, const struct exchange_target *to)
{
	/* The configuration asks for one in each of its ways. */
	assert(to->ca_file != NULL);
	https_client_transport(h, to->ca_file);
	curl_easy_setopt(h, CURLOPT_SSLCERT, to->certificate);
	curl_easy_setopt(h, CURLOPT_SSLKEY, to->key);
	/* No round uses what another one opened. */
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "countersign/" PACKAGE_VERSION);
}

static void
set_request(
    struct exchange *x, const struct exchange_target *to, const char *request)
{
	struct exchange_inside *in = x->inside;

	in->fields = curl_slist_append(NULL, "Content-Type: application/json");
	in->fields = curl_slist_append(in->fields, "Expect:");
	if (to->login != NULL)
		in->fields = curl_slist_append(in->fields, to->login);
	curl_easy_setopt(in->curl, CURLOPT_HTTPHEADER, in->fields);
	curl_easy_setopt(in->curl, CURLOPT_URL, to->url);
	curl_easy_setopt(in->curl, CURLOPT_ERRORBUFFER, in->error);
	curl_easy_setopt(in->curl, CURLOPT_PRIVATE, x);
	curl_easy_setopt(in->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(in->curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(
	    in->curl, CURLOPT_COPYPOSTFIELDS, arena_strdup(in->keep, request));
}

static void
dismantle(struct exchange *x)
{
	curl_easy_cleanup(x->inside->curl);
	curl_slist_free_all(x->inside->fields);
	arena_free(x->inside->keep);
	free(x->inside);
	free(x);
}

struct exchange *
exchange_begin(struct exchanges *all, const struct exchange_target *to,
    const char *request)
{
	struct exchange *x = xcalloc(1, sizeof(*x));
	struct exchange_inside *in = xcalloc(1, sizeof(*in));

	x->inside = in;
	in->keep = arena_new();
	buf_init(&x->body, in->keep, to->answer_max);
	in->curl = curl_easy_init();
	if (in->curl != NULL) {
		set_transport(in->curl, to);
		set_request(x, to, request);
		curl_easy_setopt(
		    in->curl, CURLOPT_TIMEOUT_MS, all->deadline_ms);
		in->began_ms = clock_mono_ms();
		if (curl_multi_add_handle(all->multi, in->curl) == CURLM_OK) {
			all->open++;
			return x;
		}
	}
	dismantle(x);
	return NULL;
}

void
exchange_end(struct exchanges *all, struct exchange *x)
{
	if (x == NULL)
		return;
	curl_multi_remove_handle(all->multi, x->inside->curl);
	if (!x->is_done)
		all->open--;
	dismantle(x);
}
