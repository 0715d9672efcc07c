#include "config.h"

#include "src/conf_check_parts.h"

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "mail/language.h"
#include "mail/texts.h"

#include <string.h>

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

static void
check_address(
    struct check *c, const char *option, const char *text, bool has_tags)
{
	struct addr_policy policy = { .reserved_domains = true };
	struct addr addr;
	struct job j;

	if (text == NULL)
		return;
	job_init(&j, NULL, NULL);
	if (addr_parse(&j, span_str(text), &policy, &addr) < 0)
		conf_wrong(c, option, "%s", j.err.text);
	else if (strcmp(addr.canonical, text) != 0)
		/* Clients compare it with the mail's field as text. */
		conf_wrong(c, option, "write it as %s", addr.canonical);
	else if (has_tags && strchr(addr.local, '+') != NULL)
		conf_wrong(c, option,
		    "holds a +, which the tag of each challenge needs");
	else if (has_tags && strlen(addr.local) > 36)
		conf_wrong(c, option,
		    "has no room for a tag of 27 characters; the local part "
		    "may have 36");
	job_done(&j);
}

static void
check_addresses(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;

	check_address(
	    c, "sender.from", s->from, s->tagged && s->reply_to == NULL);
	check_address(c, "sender.reply_to", s->reply_to, s->tagged);
}

/* PK-184: people write to it. */
static void
check_report_address(struct check *c)
{
	const char *text = c->conf->report_address;
	const struct addr_policy policy = { .reserved_domains = true };
	struct addr addr;
	struct job j;

	if (text == NULL)
		return;
	job_init(&j, NULL, NULL);
	if (addr_parse(&j, span_str(text), &policy, &addr) < 0)
		conf_wrong(c, "report_address", "%s", j.err.text);
	job_done(&j);
}

/* What a folder of texts holds is looked at where they are read
 * (src/wording.h). */
static void
check_language(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;
	struct span tag = span_str(s->default_language);
	struct texts texts;

	if (s->default_language == NULL)
		return;
	texts_builtin(&texts, TEXTS_CHALLENGE);
	if (s->templates != NULL) {
		if (!language_is_tag(tag))
			conf_wrong(c, "sender.default_language",
			    "%s is not the tag of a language; write \"en\" or "
			    "\"pt-br\"",
			    s->default_language);
	} else if (language_find(texts.v, texts.count, tag) == NULL) {
		conf_wrong(c, "sender.default_language",
		    "there is no %s; there are de and en, and a folder in "
		    "sender.templates can add others",
		    s->default_language);
	}
}

/* Where the secret comes from: one place. */
static void
check_relay_secret(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;
	int given = (s->relay_password_file != NULL) +
		    (s->relay_token_file != NULL) +
		    (s->relay_token_command.n > 0);

	if (s->relay_user == NULL && given > 0)
		conf_wrong(c, "sender.relay_user",
		    "is missing: whose password or access token it is");
	if (s->relay_user != NULL && given == 0)
		conf_wrong(c, "sender.relay_user",
		    "is set, but there is no secret for it; set "
		    "sender.relay_password, or for OAuth sender.relay_token or "
		    "sender.relay_token_command");
	if (given > 1)
		conf_wrong(c, "sender.relay_user",
		    "has more than one secret; set one of relay_password, "
		    "relay_token and relay_token_command");
	if (s->relay_token_command.n > 0 &&
	    s->relay_token_command.v[0][0] != '/')
		conf_wrong(c, "sender.relay_token_command",
		    "must begin with an absolute file name; there is no shell "
		    "and no search path");
}

static void
check_relay_login(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;
	bool is_token =
	    s->relay_token_file != NULL || s->relay_token_command.n > 0;
	bool wants_token = s->relay_auth == CONF_AUTH_XOAUTH2 ||
			   s->relay_auth == CONF_AUTH_OAUTHBEARER;

	check_relay_secret(c);
	if (s->relay_auth == CONF_AUTH_AUTO)
		return;
	if (s->relay_user == NULL)
		conf_wrong(c, "sender.relay_auth",
		    "is set, but relay_user is not; set both or neither");
	else if (wants_token && !is_token)
		conf_wrong(c, "sender.relay_auth",
		    "this one takes an access token; set relay_token or "
		    "relay_token_command instead of relay_password");
	else if (!wants_token && is_token)
		conf_wrong(c, "sender.relay_auth",
		    "this one takes a password, not an access token; use auto, "
		    "xoauth2 or oauthbearer");
}

void
conf_check_sender(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;

	check_addresses(c);
	conf_check_host(c, "sender.relay_host", s->relay_host);
	check_report_address(c);
	check_language(c);
	if (s->relay_tls == CONF_TLS_NONE && s->relay_host != NULL &&
	    !is_loopback(s->relay_host))
		conf_wrong(c, "sender.relay_tls",
		    "none is allowed for a relay on this host only; use "
		    "starttls");
	check_relay_login(c);
	conf_check_pair(c, "sender.dkim_rsa_selector", s->dkim_rsa_selector,
	    "sender.dkim_rsa_key", s->dkim_rsa_key);
	conf_check_pair(c, "sender.dkim_ed25519_selector",
	    s->dkim_ed25519_selector, "sender.dkim_ed25519_key",
	    s->dkim_ed25519_key);
	conf_check_pair(c, "sender.smime_certificate", s->smime_certificate,
	    "sender.smime_key", s->smime_key);
	/* Clients compare From with the certificate, letter by letter. */
	if (s->smime_certificate != NULL && s->tagged && s->reply_to == NULL)
		conf_wrong(c, "sender.smime_certificate",
		    "stands for %s only, and with tagged = yes no mail comes "
		    "from it; set sender.reply_to, which has the tag then, or "
		    "set sender.tagged to no",
		    s->from != NULL ? s->from : "one address");
	if (!s->relay_signs && s->dkim_rsa_key == NULL)
		conf_wrong(c, "sender.dkim_rsa_key",
		    "is missing: challenge mails need a DKIM signature; set "
		    "it, or say relay_signs = yes if the relay signs");
}
