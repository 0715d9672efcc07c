#include "config.h"

#include "src/cmd_check.h"

#include "dns/resolver.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "mail/dkim_sign.h"
#include "mail/finding.h"
#include "src/dns_conf.h"
#include "src/perspective_check.h"
#include "src/perspective_client.h"
#include "src/recipient.h"

#include <stdio.h>

#define CLIENT_KEY_MAX ((size_t)64 * 1024)

/* The MX of the domain that is answered to, which every resolver must know;
 * `more` ends the error. */
static int
ask_mx(struct check *c, struct job *j, struct resolver *r, const char *more)
{
	const char *domain = addr_domain_of(recipient_base(&c->conf->sender));
	struct dns_answer a;

	if (resolver_query(r, j, domain, DNS_TYPE_MX, &a) < 0)
		return -1;
	if (a.status == DNS_OK)
		return 0;
	return job_fail(j, ERR_INTERNAL, "MX of %s: %s%s%s%s", domain,
	    dns_status_name(a.status), a.why != NULL ? ": " : "",
	    a.why != NULL ? a.why : "", more);
}

int
cmd_check_resolver(struct check *c, struct job *j)
{
	const struct conf_validator *v = &c->conf->validator;
	struct resolver_conf conf = dns_conf_of(c->conf, v->dns_config);

	if (resolver_new(j, &conf, &c->resolver) < 0 ||
	    resolver_check_validates(c->resolver, j) < 0)
		return -1;
	return ask_mx(c, j, c->resolver, "; replies and bounces need it");
}

/* MA-32 */
int
cmd_check_second(struct check *c, struct job *j)
{
	const struct conf_validator *v = &c->conf->validator;
	struct resolver_conf conf = dns_conf_of(c->conf, v->dns_second_config);
	struct resolver *second;
	int result;

	if (resolver_new(j, &conf, &second) < 0)
		return -1;
	result = resolver_check_validates(second, j) < 0
		     ? -1
		     : ask_mx(c, j, second, "");
	resolver_free(second);
	return result;
}

/* What is wrong with the record, in the memory of the job; NULL: nothing. */
static const char *
problem_of_record(
    struct check *c, struct job *j, const char *file, const char *selector)
{
	const struct dkim_signer *s;
	struct finding f;

	if (dkim_signer_load(j, j->arena, file, selector, &s) < 0)
		return j->err.text;
	if (c->resolver == NULL)
		return "not looked up, for want of a resolver";
	if (dkim_signer_check(j, s, addr_domain_of(c->conf->sender.from),
		c->resolver, &f) == 0)
		return NULL;
	if (j->err.kind != ERR_NONE)
		return j->err.text;
	return f.result == FINDING_REFUSE
		   ? arena_printf(j->arena, "%s (%s); ours is: %s", f.detail,
			 f.code, dkim_signer_record(j, s))
		   : arena_printf(j->arena, "%s (%s)", f.detail, f.code);
}

static void
check_record(
    struct check *c, const char *what, const char *file, const char *selector)
{
	const char *problem;
	struct job j;

	if (file == NULL)
		return;
	job_init(&j, NULL, c->conf);
	problem = problem_of_record(c, &j, file, selector);
	if (problem != NULL)
		cmd_check_bad(c, what, problem);
	else
		cmd_check_good(c, what, "");
	fflush(stdout);
	job_done(&j);
}

void
cmd_check_dkim(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;

	check_record(
	    c, "DKIM record (RSA)", s->dkim_rsa_key, s->dkim_rsa_selector);
	check_record(c, "DKIM record (Ed25519)", s->dkim_ed25519_key,
	    s->dkim_ed25519_selector);
}

static void
tell_perspective(void *ctx, const char *service, const struct testimony *t)
{
	char what[200];

	if (service != NULL)
		snprintf(what, sizeof(what), "perspective %s of %s", t->code,
		    service);
	else
		snprintf(what, sizeof(what), "perspective %s", t->code);
	if (t->answer == ANSWER_SILENT)
		cmd_check_bad(ctx, what, t->why);
	else
		cmd_check_good(ctx, what, "");
	fflush(stdout);
}

/* Its key is read by the roles, and by nobody else. */
static int
check_client_keys(struct check *c, struct job *j)
{
	const struct conf_mpic *m = &c->conf->mpic;
	struct span key;

	for (size_t i = 0; i < m->service_count; i++)
		if (m->services[i].key != NULL &&
		    file_read_secret(
			j, m->services[i].key, CLIENT_KEY_MAX, &key) < 0)
			return -1;
	for (size_t i = 0; i < m->perspective_count; i++) {
		const struct conf_perspective *p = &m->perspectives[i];

		if (p->key != NULL &&
		    file_read_private(j, p->key, CLIENT_KEY_MAX, &key) < 0)
			return job_context(j, "perspective %s", p->name);
	}
	return 0;
}

/* MP-12: a line for each. */
void
cmd_check_perspectives(struct check *c)
{
	struct perspective_client *client = NULL;
	struct job j;

	cmd_check_run(c, "keys for perspectives", check_client_keys);
	job_init(&j, NULL, c->conf);
	if (perspective_client_new(&j, &client) < 0 ||
	    perspective_check(client, &j, tell_perspective, c) < 0)
		cmd_check_bad(c, "perspectives", j.err.text);
	perspective_client_free(client);
	job_done(&j);
}
