/* What the script's client asks the server, and learns from its answers. */
#include "config.h"

#include "tests/scenario/world_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "db/store_cert.h"
#include "db/store_order.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"
#include "lib/json.h"

struct post {
	const char *kid;
	const char *url;
	const char *payload;
};

static int
child_post(struct world *w, struct job *j, void *ctx, FILE *out)
{
	const struct post *p = ctx;
	struct answer a;

	client_post(w->client, j, p->kid, p->url, p->payload, &a);
	fprintf(out, "%d\n%s\n%s", a.status, a.location, a.body);
	free(a.body);
	return 0;
}

/* As client_post(), in a child. */
static int
post(struct world *w, const char *url, const char *payload, struct answer *out)
{
	struct post p = { w->account[0] != '\0' ? w->account : NULL, url,
		payload };
	char *text, *line, *rest;

	if (world_child(w, ROLE_WEB, child_post, &p, &text) < 0)
		return -1;
	*out = (struct answer){ .status = atoi(text) };
	line = strchr(text, '\n') + 1;
	rest = strchr(line, '\n');
	*rest = '\0';
	snprintf(out->location, sizeof(out->location), "%s", line);
	out->body = xstrdup(rest + 1);
	free(text);
	return 0;
}

static int
unexpected(struct world *w, const char *what, struct answer *a)
{
	world_fail(w, "%s: %d %s", what, a->status, a->body);
	free(a->body);
	return -1;
}

int
world_account(struct world *w)
{
	struct answer a;

	if (post(w, "https://acme.ca.test/acme/new-acct",
		"{\"termsOfServiceAgreed\":true}", &a) < 0)
		return -1;
	if (a.status != 201 && a.status != 200)
		return unexpected(w, "newAccount", &a);
	snprintf(w->account, sizeof(w->account), "%s", a.location);
	free(a.body);
	return 0;
}

static void
copy_member(const struct json *v, const char *name, char *out, size_t max)
{
	struct span s = json_string(json_get(v, name));

	snprintf(out, max, "%.*s", (int)s.n, s.p);
}

int
world_read(struct world *w, const char *url, char **body)
{
	struct answer a;

	if (post(w, url, NULL, &a) < 0)
		return -1;
	if (a.status != 200)
		return unexpected(w, url, &a);
	*body = a.body;
	return 0;
}

static int
learn_authz(
    struct world *w, struct job *j, struct known_order *o, const char *url)
{
	struct known_mailbox *m = &o->mailboxes[o->count];
	const struct json *v, *challenge;
	char *body;

	if (world_read(w, url, &body) < 0)
		return -1;
	if (json_parse_object(j, span_str(body), "authz", &v) < 0)
		return world_fail(w, "%s", j->err.text);
	snprintf(m->authz_url, sizeof(m->authz_url), "%s", url);
	copy_member(
	    json_get(v, "identifier"), "value", m->address, sizeof(m->address));
	challenge = json_at(json_get(v, "challenges"), 0);
	copy_member(
	    challenge, "url", m->challenge_url, sizeof(m->challenge_url));
	copy_member(challenge, "token", m->token_part2, sizeof(m->token_part2));
	copy_member(challenge, "from", m->from, sizeof(m->from));
	o->count++;
	free(body);
	return 0;
}

static int
learn_order(struct world *w, struct known_order *o, const char *body)
{
	const struct json *v, *list;
	struct job j;
	int result = 0;

	job_init(&j, NULL, w->conf);
	if (json_parse_object(&j, span_str(body), "order", &v) < 0)
		result = world_fail(w, "%s", j.err.text);
	list = result == 0 ? json_get(v, "authorizations") : NULL;
	for (size_t i = 0; result == 0 && i < json_count(list); i++)
		result = learn_authz(
		    w, &j, o, span_dup(j.arena, json_string(json_at(list, i))));
	job_done(&j);
	return result;
}

/* A word NAME=VALUE is a member of the order, any other one a mailbox. */
static void
write_new_order(char *out, size_t max, const char *const *words, size_t count)
{
	bool first = true;
	size_t n = (size_t)snprintf(out, max, "{\"identifiers\":[");

	for (size_t i = 0; i < count; i++) {
		if (strchr(words[i], '=') != NULL)
			continue;
		n += (size_t)snprintf(out + n, max - n,
		    "%s{\"type\":\"email\",\"value\":\"%s\"}", first ? "" : ",",
		    words[i]);
		first = false;
	}
	n += (size_t)snprintf(out + n, max - n, "]");
	for (size_t i = 0; i < count; i++) {
		const char *value = strchr(words[i], '=');

		if (value != NULL)
			n += (size_t)snprintf(out + n, max - n,
			    ",\"%.*s\":\"%s\"", (int)(value - words[i]),
			    words[i], value + 1);
	}
	snprintf(out + n, max - n, "}");
}

int
world_order(
    struct world *w, const char *name, const char *const *words, size_t count)
{
	struct known_order *o = &w->orders[w->order_count++];
	char payload[2000];
	struct answer a;
	int result;

	write_new_order(payload, sizeof(payload), words, count);
	if (post(w, "https://acme.ca.test/acme/new-order", payload, &a) < 0)
		return -1;
	if (a.status != 201)
		return unexpected(w, "newOrder", &a);
	*o = (struct known_order){ 0 };
	snprintf(o->name, sizeof(o->name), "%s", name);
	snprintf(o->url, sizeof(o->url), "%s", a.location);
	result = learn_order(w, o, a.body);
	free(a.body);
	return result;
}

struct known_order *
world_find(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->order_count; i++)
		if (strcmp(w->orders[i].name, name) == 0)
			return &w->orders[i];
	world_fail(w, "no order %s", name);
	return NULL;
}

struct known_mailbox *
world_find_mailbox(struct known_order *o, const char *address)
{
	for (size_t i = 0; o != NULL && i < o->count; i++)
		if (strcmp(o->mailboxes[i].address, address) == 0)
			return &o->mailboxes[i];
	return NULL;
}

int
world_post(struct world *w, const char *order, const char *mailbox)
{
	struct known_mailbox *m =
	    world_find_mailbox(world_find(w, order), mailbox);
	struct answer a;

	if (m == NULL)
		return world_fail(w, "no mailbox %s", mailbox);
	if (post(w, m->challenge_url, "{}", &a) < 0)
		return -1;
	if (a.status != 200)
		return unexpected(w, "challenge", &a);
	free(a.body);
	return 0;
}

/* AC-179: whose answer was lost finds the new key in force. */
int
world_rekey(struct world *w)
{
	static const char url[] = "https://acme.ca.test/acme/key-change";
	char *payload = client_key_change(w->client, w->account, url);
	struct answer a;
	char *body;
	int result = post(w, url, payload, &a);

	free(payload);
	if (result < 0)
		return -1;
	if (a.status != 200 && !(a.status == 400 && w->crash->stopped))
		return unexpected(w, "keyChange", &a);
	free(a.body);
	client_use_next_key(w->client);
	if (world_read(w, w->account, &body) < 0)
		return -1;
	free(body);
	return 0;
}

int
world_leave(struct world *w)
{
	struct answer a;

	if (post(w, w->account, "{\"status\":\"deactivated\"}", &a) < 0)
		return -1;
	if (a.status != 200 && !(a.status == 401 && w->crash->stopped))
		return unexpected(w, "deactivation", &a);
	free(a.body);
	return 0;
}

int
world_expect_ended(struct world *w)
{
	struct answer a;

	if (post(w, w->account, NULL, &a) < 0)
		return -1;
	if (a.status != 401 || strstr(a.body, "is deactivated") == NULL)
		return unexpected(w, "the account", &a);
	free(a.body);
	return 0;
}

int
world_authorize(struct world *w, const char *name, const char *mailbox)
{
	struct known_order *o = &w->orders[w->order_count++];
	char payload[500];
	struct answer a;
	struct job j;
	int result;

	snprintf(payload, sizeof(payload),
	    "{\"identifier\":{\"type\":\"email\",\"value\":\"%s\"}}", mailbox);
	if (post(w, "https://acme.ca.test/acme/new-authz", payload, &a) < 0)
		return -1;
	if (a.status != 201 && a.status != 200)
		return unexpected(w, "newAuthz", &a);
	*o = (struct known_order){ 0 };
	snprintf(o->name, sizeof(o->name), "%s", name);
	free(a.body);
	job_init(&j, NULL, w->conf);
	result = learn_authz(w, &j, o, a.location);
	job_done(&j);
	return result;
}

int
world_deactivate(struct world *w, const char *order, const char *mailbox)
{
	struct known_mailbox *m =
	    world_find_mailbox(world_find(w, order), mailbox);
	struct answer a;

	if (m == NULL)
		return world_fail(w, "no mailbox %s", mailbox);
	if (post(w, m->authz_url, "{\"status\":\"deactivated\"}", &a) < 0)
		return -1;
	if (a.status != 200)
		return unexpected(w, "deactivation", &a);
	free(a.body);
	return 0;
}

int
world_finalize(struct world *w, const char *order)
{
	const struct known_order *o = world_find(w, order);
	const char *names[MAILBOXES_MAX];
	char url[400], *csr, payload[4000];
	struct answer a;

	if (o == NULL)
		return -1;
	for (size_t i = 0; i < o->count; i++)
		names[i] = o->mailboxes[i].address;
	csr = client_csr(w->client, names, o->count);
	snprintf(payload, sizeof(payload), "{\"csr\":\"%s\"}", csr);
	free(csr);
	snprintf(url, sizeof(url), "%s/finalize", o->url);
	if (post(w, url, payload, &a) < 0)
		return -1;
	/* After a stop the request may have been taken already (AC-179). */
	if (a.status != 200 && !(a.status == 403 && w->crash->stopped &&
				   strstr(a.body, "orderNotReady") != NULL))
		return unexpected(w, "finalize", &a);
	free(a.body);
	return 0;
}

static int
child_certificate(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct cert c;
	char *text;

	(void)w;
	if (store_cert_by_order(j, ctx, &c) != 1 || c.der.n == 0)
		return job_fail(j, ERR_INTERNAL, "there is no certificate");
	text = arena_alloc(j->arena, B64URL_LEN(c.der.n) + 1);
	b64url_format(text, c.der);
	fputs(text, out);
	return 0;
}

int
world_revoke(struct world *w, const char *order, const char *reason)
{
	const struct known_order *o = world_find(w, order);
	char payload[8000], *der, *id;
	struct answer a;

	if (o == NULL)
		return -1;
	id = strrchr(o->url, '/') + 1;
	if (world_child(w, AS_OWNER, child_certificate, id, &der) < 0)
		return -1;
	snprintf(payload, sizeof(payload),
	    "{\"certificate\":\"%s\",\"reason\":%s}", der, reason);
	free(der);
	if (post(w, "https://acme.ca.test/acme/revoke-cert", payload, &a) < 0)
		return -1;
	/* After a stop it may have been done already (AC-179). */
	if (a.status != 200 && !(a.status == 400 && w->crash->stopped &&
				   strstr(a.body, "alreadyRevoked") != NULL))
		return unexpected(w, "revokeCert", &a);
	free(a.body);
	return 0;
}

int
world_listed(struct world *w)
{
	char path[300];
	X509_CRL *crl;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "%s/issuing.crl", w->dir);
	f = fopen(path, "r");
	crl = f != NULL ? d2i_X509_CRL_fp(f, NULL) : NULL;
	if (f != NULL)
		fclose(f);
	if (crl == NULL)
		return -1;
	n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	X509_CRL_free(crl);
	return n < 0 ? 0 : n;
}
