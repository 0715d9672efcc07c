/*
 * countersign ca check-urls: the URLs that certificates of this installation
 * carry, fetched as the public does (PK-133).  What was answered is on record,
 * and in public mode the first certificate waits for that.
 */
#include "config.h"

#include "src/check_urls.h"

#include "db/store_audit.h"
#include "db/store_url.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/json.h"
#include "pki/key.h"
#include "src/command.h"
#include "src/url_check.h"
#include "src/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000
#define DETAIL_MAX 256

static const char usage[] =
    "usage: countersign ca check-urls [-f FILE]\n"
    "\n"
    "Fetches what the certificates of this installation point to, by the URLs\n"
    "in them: revocation lists, certificates of the CAs, and OCSP (by GET and "
    "by\n"
    "POST); those of former CAs too.  One line each: ok, or what is wrong.  "
    "The\n"
    "exit status is 0 if nothing is wrong.  In public mode no certificate is\n"
    "issued before each URL in it has been ok once.\n"
    "\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

struct run {
	struct command c;
	struct https_client *client;
	int64_t checked, wrong; /* of the CA that is looked at */
	int64_t all_wrong;
};

static int
send_it(void *ctx, struct job *j, const struct https_request *request,
    struct https_response *out)
{
	const struct run *r = ctx;

	return https_client_send(r->client, j, request, out);
}

static int
note(struct run *r, const char *label, const char *url)
{
	struct job *j = &r->c.job;

	if (store_begin(j) < 0)
		return -1;
	if (store_url_pass(j, label, url) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* Some errors begin with the URL, which stands at the beginning of the line. */
static const char *
without_url(const char *text, const char *url)
{
	size_t n = strlen(url);

	return strncmp(text, url, n) == 0 && strncmp(text + n, ": ", 2) == 0
		   ? text + n + 2
		   : text;
}

/* With the lists that it fetches in a job of its own. */
static int
look_at(struct run *r, const struct url_subject *s, const struct ca_url *url)
{
	const char *found = "";
	struct job one;
	int result;

	job_init(&one, r->c.store, r->c.conf);
	result = url_check(&one, s, url, &found);
	if (result == 0)
		printf("ok    %s: %s\n", url->url, found);
	else
		printf("WRONG %s: %s\n", url->url,
		    without_url(one.err.text, url->url));
	fflush(stdout);
	job_done(&one);
	r->checked++;
	r->wrong += result < 0;
	return result < 0 ? 0 : note(r, ca_key_label(s->ca), url->url);
}

static int
record(struct run *r, const char *label)
{
	struct job *j = &r->c.job;
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_int(&w, "urls", r->checked);
	json_member_int(&w, "wrong", r->wrong);
	json_object_end(&w);
	if (store_begin(j) < 0)
		return -1;
	if (store_audit_add(j, command_operator(j), "URLs checked",
		arena_printf(j->arena, "ca:%s", label),
		r->wrong == 0 ? "ok" : "failed", b.p) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
check_ca(struct run *r, const struct conf_issuer *conf)
{
	struct job *j = &r->c.job;
	struct url_subject s;
	struct ca_url *list;
	size_t count;

	if (url_subject_load(j, r->c.keep, conf, &s) < 0)
		return -1;
	s.send = send_it;
	s.ctx = r;
	ca_urls_list(r->c.keep, conf, &s.above, &list, &count);
	r->checked = r->wrong = 0;
	for (size_t i = 0; i < count; i++)
		if (look_at(r, &s, &list[i]) < 0)
			return -1;
	r->all_wrong += r->wrong;
	return record(r, ca_key_label(s.ca));
}

/* One that cannot be loaded, or has ended, keeps no other from being looked
 * at. */
static void
check_former(struct run *r, const struct conf_former *f)
{
	struct job *j = &r->c.job;

	if (check_ca(r, &f->issuer) == 0)
		return;
	printf("WRONG former_ca %s: %s\n", f->name, j->err.text);
	r->all_wrong++;
	job_recover(j);
}

static int
check_all(struct run *r)
{
	const struct https_client_conf client = { .user_agent = "countersign",
		.timeout_ms = TIMEOUT_MS,
		.plain_too = true,
		.closes = true };
	const struct conf *conf = r->c.conf;

	if (https_client_new(&r->c.job, &client, &r->client) < 0)
		return -1;
	if (conf->external.kind != CONF_EXTERNAL_NONE)
		puts("another CA issues: its URLs are its own");
	else if (check_ca(r, &conf->issuer) < 0)
		return -1;
	for (size_t i = 0; i < conf->former_count; i++)
		check_former(r, &conf->formers[i]);
	return 0;
}

int
cmd_ca_check_urls(int argc, char **argv)
{
	const struct command_option options[] = { { NULL, NULL, NULL } };
	const char *config = NULL;
	struct run r = { .client = NULL };
	int result;

	if (command_parse(argc, argv, usage, options, &config, 0) < 0 ||
	    command_open(&r.c, config, ACT_CA_CHECK_URLS) < 0)
		return EXIT_FAILURE;
	result = check_all(&r);
	if (result < 0)
		command_fail("%s", r.c.job.err.text);
	https_client_free(r.client);
	command_close(&r.c);
	return result < 0 || r.all_wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
