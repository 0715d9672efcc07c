#include "config.h"

#include "src/conf_check.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "src/conf_check_parts.h"
#include "src/conf_external.h"
#include "src/conf_former.h"
#include "src/conf_login.h"
#include "src/conf_perspective.h"
#include "src/conf_responder.h"

#include <stdarg.h>
#include <string.h>

void
conf_wrong(struct check *c, const char *option, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, c->arena, 1000);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	c->report(c->ctx, option, b.p);
}

void
conf_check_pair(struct check *c, const char *option, const void *given,
    const char *other_option, const void *other)
{
	if (given != NULL && other == NULL)
		conf_wrong(c, option,
		    "is set, but %s is not; set both or neither", other_option);
	else if (given == NULL && other != NULL)
		conf_wrong(c, other_option,
		    "is set, but %s is not; set both or neither", option);
}

void
conf_check_absolute(
    struct check *c, const char *option, const struct conf_list *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->v[i][0] != '/')
			conf_wrong(c, option, "%s must be an absolute path",
			    paths->v[i]);
}

bool
conf_list_has_before(
    const struct conf_list *list, const char *name, size_t before)
{
	for (size_t i = 0; i < list->n && i < before; i++)
		if (strcmp(list->v[i], name) == 0)
			return true;
	return false;
}

void
conf_check(
    struct arena *a, const struct conf *conf, conf_check_fn *report, void *ctx)
{
	struct check c = { a, conf, report, ctx };

	conf_check_base_url(&c);
	conf_check_listen(&c);
	conf_check_tls(&c);
	conf_check_trusted(&c);
	conf_check_sender(&c);
	conf_check_validator(&c);
	conf_check_limits(&c);
	conf_check_windows(
	    &c, "limits.mails_to_mailbox", &conf->limits.mails_to_mailbox);
	conf_check_windows(&c, "limits.mails_to_known_mailbox",
	    &conf->limits.mails_to_known_mailbox);
	conf_check_lists(&c);
	conf_check_http_url(&c, "issuer.crl_url", conf->issuer.crl_url);
	conf_check_http_url(
	    &c, "issuer.ca_issuers_url", conf->issuer.ca_issuers_url);
	conf_check_http_url(&c, "issuer.ocsp_url", conf->issuer.ocsp_url);
	conf_check_pages(&c);
	conf_check_ocsp(&c);
	conf_check_status_listen(&c);
	conf_check_admin(&c);
	conf_check_places(&c);
	conf_check_profiles(&c);
	conf_check_alternates(&c);
	conf_check_absolute(&c, "signer.files", &conf->signer.files);
	conf_check_absolute(
	    &c, "responder.files", &conf->responder.reach.files);
	conf_check_accounts(&c);
	conf_check_account_prefixes(&c);
	conf_login_check(a, conf, report, ctx);
	conf_check_public(&c);
	conf_external_check(a, conf, report, ctx);
	conf_former_check(a, conf, report, ctx);
	conf_responder_check(a, conf, report, ctx);
	conf_perspective_check(a, conf, clock_now(), report, ctx);
	if (conf->database != NULL &&
	    strncmp(conf->database, "sqlite:/", 8) != 0 &&
	    strncmp(conf->database, "postgresql:", 11) != 0)
		conf_wrong(&c, "database",
		    "must be sqlite: and an absolute file name, or "
		    "postgresql: and a connection string");
}
