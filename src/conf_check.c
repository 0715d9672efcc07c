#include "config.h"

#include "src/conf_check.h"

#include "acme/offer.h"
#include "acme/route.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/netaddr.h"
#include "lib/rate.h"
#include "mail/texts.h"
#include "pki/profile.h"
#include "src/conf_external.h"
#include "src/conf_former.h"
#include "src/conf_listen.h"
#include "src/conf_login.h"
#include "src/conf_perspective.h"
#include "src/intake.h"

#include <stdarg.h>
#include <string.h>

/* sizeof(((struct sockaddr_un *)0)->sun_path) */
#define UNIX_PATH_MAX 108

struct check {
	struct arena *arena;
	const struct conf *conf;
	conf_check_fn *report;
	void *ctx;
};

static void wrong(struct check *c, const char *option, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
wrong(struct check *c, const char *option, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, c->arena, 1000);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	c->report(c->ctx, option, b.p);
}

static bool
is_lower_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= 'A' && c <= 'Z')
			return false;
		if (!ascii_is_alnum(c) && strchr(".-[]:", c) == NULL)
			return false;
	}
	return s.n > 0;
}

static void
check_base_url(struct check *c)
{
	struct span url = span_str(c->conf->base_url);

	if (url.n == 0)
		return;
	if (!span_starts(url, SPAN("https://")))
		wrong(c, "base_url", "must begin with https://");
	else if (!is_lower_host(span_from(url, 8)))
		wrong(c, "base_url",
		    "must be https:// and a lower-case host, perhaps with a "
		    "port; no path, no slash at the end "
		    "(https://acme.ca.example)");
}

static void
check_listen_path(
    struct check *c, const char *option, const char *path, const char *example)
{
	if (path[0] != '/')
		wrong(c, option,
		    "unix:%s is not an absolute file name; write "
		    "\"unix:%s\"",
		    path, example);
	else if (strlen(path) >= UNIX_PATH_MAX)
		wrong(c, option,
		    "unix:%s is too long; a socket's file name may have %d "
		    "octets",
		    path, UNIX_PATH_MAX - 1);
}

static void
check_listen(struct check *c)
{
	const struct conf_list *l = &c->conf->web.listen;
	const char *host, *port;

	for (size_t i = 0; i < l->n; i++) {
		const char *value = l->v[i];

		if (conf_listen_path(value) != NULL)
			check_listen_path(c, "web.listen",
			    conf_listen_path(value),
			    "/run/countersign/acme.sock");
		else if (strcmp(value, CONF_LISTEN_SYSTEMD) != 0 &&
			 conf_parse_listen(c->arena, value, &host, &port) < 0)
			wrong(c, "web.listen",
			    "%s is not an address and a port; write "
			    "\"127.0.0.1:443\" or \"[::1]:443\"",
			    value);
	}
}

static void
check_status_listen(struct check *c)
{
	const struct conf_list *l = &c->conf->web.status_listen;
	const char *host, *port;

	for (size_t i = 0; i < l->n; i++) {
		const char *path = conf_listen_path(l->v[i]);

		if (path != NULL)
			check_listen_path(c, "web.status_listen", path,
			    "/run/countersign/status.sock");
		else if (conf_parse_listen(c->arena, l->v[i], &host, &port) < 0)
			wrong(c, "web.status_listen",
			    "%s is not an address and a port; write "
			    "\"0.0.0.0:80\" or \"[::]:80\"",
			    l->v[i]);
	}
}

static void
check_ocsp(struct check *c)
{
	const struct conf_issuer *i = &c->conf->issuer;

	if (i->ocsp_url != NULL && i->ocsp_folder == NULL)
		wrong(c, "issuer.ocsp_folder",
		    "must be set, since issuer.ocsp_url is");
	if (i->ocsp_mode != CONF_OCSP_LIVE)
		return;
	if (i->ocsp_url == NULL)
		wrong(
		    c, "issuer.ocsp_mode", "live answers need issuer.ocsp_url");
	if (c->conf->web.status_listen.n == 0)
		wrong(c, "issuer.ocsp_mode",
		    "live answers are given on web.status_listen; set it");
}

static bool
is_loopback_address(const char *host)
{
	struct netaddr a, v4, v6;

	return netaddr_parse(span_str(host), &a) == 0 &&
	       netaddr_parse_network(SPAN("127.0.0.0/8"), &v4) == 0 &&
	       netaddr_parse_network(SPAN("::1"), &v6) == 0 &&
	       (netaddr_is_in(&a, &v4) || netaddr_is_in(&a, &v6));
}

/* LMTP has neither TLS nor logins here. */
static void
check_lmtp(struct check *c)
{
	const struct conf_validator *v = &c->conf->validator;
	const char *host, *port;
	bool has_file = false;

	for (size_t i = 0; i < v->lmtp_listen.n; i++) {
		const char *value = v->lmtp_listen.v[i];
		const char *path = conf_listen_path(value);

		has_file = has_file || path != NULL;
		if (path != NULL)
			check_listen_path(c, "validator.lmtp_listen", path,
			    "/run/countersign/lmtp");
		else if (conf_parse_listen(c->arena, value, &host, &port) < 0 ||
			 !is_loopback_address(host))
			wrong(c, "validator.lmtp_listen",
			    "%s is not an address of this host itself and a "
			    "port; write \"127.0.0.1:2424\" or "
			    "\"unix:/run/countersign/lmtp\"",
			    value);
	}
	if (v->lmtp_group != NULL && !has_file)
		wrong(c, "validator.lmtp_group",
		    "is for Unix sockets, but validator.lmtp_listen names "
		    "none");
}

/* --- hosts and addresses -------------------------------------------------- */

/* A name as it stands in the DNS or /etc/hosts, or an address. */
static bool
is_host(const char *text)
{
	struct span s = span_str(text);
	struct netaddr address;
	size_t label = 0;

	if (netaddr_parse(s, &address) == 0)
		return true;
	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && label == 0)
			return false;
		label = s.p[i] == '.' ? 0 : label + 1;
		if (label > 63 ||
		    (!ascii_is_alnum(s.p[i]) && strchr("-_.", s.p[i]) == NULL))
			return false;
	}
	return label > 0 && s.n <= 253;
}

static void
check_host(struct check *c, const char *option, const char *host)
{
	if (host != NULL && !is_host(host))
		wrong(c, option,
		    "\"%s\" is neither the name of a host nor an address; "
		    "write mail.example.org, 192.0.2.1 or 2001:db8::1, without "
		    "a port",
		    host);
}

/* Do both say the same address and port, or the same file? */
static bool
is_same_place(struct check *c, const char *a, const char *b)
{
	const char *host_a, *host_b, *port_a, *port_b;
	struct netaddr address_a, address_b;
	int64_t number_a, number_b;

	if (strcmp(a, b) == 0)
		return true;
	if (conf_listen_path(a) != NULL || conf_listen_path(b) != NULL ||
	    conf_parse_listen(c->arena, a, &host_a, &port_a) < 0 ||
	    conf_parse_listen(c->arena, b, &host_b, &port_b) < 0 ||
	    netaddr_parse(span_str(host_a), &address_a) < 0 ||
	    netaddr_parse(span_str(host_b), &address_b) < 0 ||
	    span_to_int(span_str(port_a), 1, 65535, &number_a) < 0 ||
	    span_to_int(span_str(port_b), 1, 65535, &number_b) < 0)
		return false;
	return number_a == number_b && address_a.bits == address_b.bits &&
	       memcmp(address_a.octets, address_b.octets, address_a.bits / 8) ==
		   0;
}

static bool
has_place(
    struct check *c, const struct conf_list *l, size_t n, const char *place)
{
	for (size_t i = 0; i < n; i++)
		if (is_same_place(c, l->v[i], place))
			return true;
	return false;
}

/* Only one socket can have an address. */
static void
check_places(struct check *c)
{
	static const char *const options[] = { "web.listen",
		"web.status_listen", "validator.lmtp_listen" };
	const struct conf_list *lists[] = { &c->conf->web.listen,
		&c->conf->web.status_listen, &c->conf->validator.lmtp_listen };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t n = 0; n < lists[i]->n; n++) {
			const char *place = lists[i]->v[n];
			size_t k = 0;

			while (k < i &&
			       !has_place(c, lists[k], lists[k]->n, place))
				k++;
			if (k < i || has_place(c, lists[i], n, place))
				wrong(c, options[i],
				    "%s is in %s already; each needs an "
				    "address or a port of its own",
				    place, options[k]);
		}
}

static bool
list_has(const struct conf_list *list, const char *name, size_t before)
{
	for (size_t i = 0; i < list->n && i < before; i++)
		if (strcmp(list->v[i], name) == 0)
			return true;
	return false;
}

/* What separates folders in a Maildir, or would leave it. */
static void
check_processed(struct check *c)
{
	const struct conf_imap *m = &c->conf->validator.imap;

	if (m->disposal == CONF_DISPOSAL_MOVE && m->processed_folder != NULL &&
	    (strchr(m->processed_folder, '/') != NULL ||
		m->processed_folder[0] == '.'))
		wrong(c, "validator.processed_folder",
		    "a folder of a Maildir has no / in its name and does not "
		    "begin with a dot");
}

static void
check_maildir(struct check *c)
{
	const struct conf_validator *v = &c->conf->validator;

	for (size_t i = 0; i < v->maildir.n; i++) {
		const char *path = v->maildir.v[i];

		if (path[0] != '/')
			wrong(c, "validator.maildir",
			    "%s must be an absolute path", path);
		else if (path[strlen(path) - 1] == '/')
			wrong(c, "validator.maildir",
			    "write %s without the slash at its end", path);
		else if (list_has(&v->maildir, path, i))
			wrong(c, "validator.maildir", "has %s twice", path);
	}
	if (v->maildir.n == 0)
		return;
	check_processed(c);
	if (v->maildir_line_ends == NULL)
		wrong(c, "validator.maildir_line_ends",
		    "is missing: lf for what Postfix, Exim and other mail "
		    "servers write on Unix, crlf for files that keep the line "
		    "ends of the mail");
}

static void
check_pair(struct check *c, const char *option, const void *given,
    const char *other_option, const void *other)
{
	if (given != NULL && other == NULL)
		wrong(c, option, "is set, but %s is not; set both or neither",
		    other_option);
	else if (given == NULL && other != NULL)
		wrong(c, other_option,
		    "is set, but %s is not; set both or neither", option);
}

/* All but Unix sockets speak TLS. */
static void
check_tls(struct check *c)
{
	const struct conf_web *w = &c->conf->web;
	bool needed = false;

	for (size_t i = 0; i < w->listen.n; i++)
		needed = needed || conf_listen_path(w->listen.v[i]) == NULL;
	if (needed && w->tls_certificate == NULL)
		wrong(c, "web.tls_certificate",
		    "is missing: HTTPS needs a PEM chain");
	if (needed && w->tls_key == NULL)
		wrong(c, "web.tls_key", "is missing: HTTPS needs a PEM key");
	if (!needed)
		check_pair(c, "web.tls_certificate", w->tls_certificate,
		    "web.tls_key", w->tls_key);
}

static void
check_trusted(struct check *c)
{
	const struct conf_list *l = &c->conf->web.trusted_proxies;
	struct netaddr network;

	for (size_t i = 0; i < l->n; i++)
		if (netaddr_parse_network(span_str(l->v[i]), &network) < 0)
			wrong(c, "web.trusted_proxies",
			    "%s is not a network; write \"192.0.2.1\" or "
			    "\"2001:db8::/32\", with no bits set behind the "
			    "prefix",
			    l->v[i]);
}

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

static void
check_from(struct check *c)
{
	const char *from = c->conf->sender.from;
	struct addr_policy policy = { .reserved_domains = true };
	struct addr addr;
	struct job j;

	if (from == NULL)
		return;
	job_init(&j, NULL, NULL);
	if (addr_parse(&j, span_str(from), &policy, &addr) < 0)
		wrong(c, "sender.from", "%s", j.err.text);
	else if (strcmp(addr.canonical, from) != 0)
		/* Clients compare it with the mail's field as text. */
		wrong(c, "sender.from", "write it as %s", addr.canonical);
	else if (c->conf->sender.tagged && strchr(addr.local, '+') != NULL)
		wrong(c, "sender.from",
		    "holds a +, which the tag of each challenge needs");
	else if (c->conf->sender.tagged && strlen(addr.local) > 36)
		wrong(c, "sender.from",
		    "has no room for a tag of 27 characters; the local part "
		    "may have 36");
	job_done(&j);
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
		wrong(c, "report_address", "%s", j.err.text);
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
			wrong(c, "sender.default_language",
			    "%s is not the tag of a language; write \"en\" or "
			    "\"pt-br\"",
			    s->default_language);
	} else if (language_find(texts.v, texts.count, tag) == NULL) {
		wrong(c, "sender.default_language",
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
		wrong(c, "sender.relay_user",
		    "is missing: whose password or access token it is");
	if (s->relay_user != NULL && given == 0)
		wrong(c, "sender.relay_user",
		    "is set, but there is no secret for it; set "
		    "sender.relay_password, or for OAuth sender.relay_token or "
		    "sender.relay_token_command");
	if (given > 1)
		wrong(c, "sender.relay_user",
		    "has more than one secret; set one of relay_password, "
		    "relay_token and relay_token_command");
	if (s->relay_token_command.n > 0 &&
	    s->relay_token_command.v[0][0] != '/')
		wrong(c, "sender.relay_token_command",
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
		wrong(c, "sender.relay_auth",
		    "is set, but relay_user is not; set both or neither");
	else if (wants_token && !is_token)
		wrong(c, "sender.relay_auth",
		    "this one takes an access token; set relay_token or "
		    "relay_token_command instead of relay_password");
	else if (!wants_token && is_token)
		wrong(c, "sender.relay_auth",
		    "this one takes a password, not an access token; use auto, "
		    "xoauth2 or oauthbearer");
}

static void
check_sender(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;

	check_from(c);
	check_host(c, "sender.relay_host", s->relay_host);
	check_report_address(c);
	check_language(c);
	if (s->relay_tls == CONF_TLS_NONE && s->relay_host != NULL &&
	    !is_loopback(s->relay_host))
		wrong(c, "sender.relay_tls",
		    "none is allowed for a relay on this host only; use "
		    "starttls");
	check_relay_login(c);
	check_pair(c, "sender.dkim_rsa_selector", s->dkim_rsa_selector,
	    "sender.dkim_rsa_key", s->dkim_rsa_key);
	check_pair(c, "sender.dkim_ed25519_selector", s->dkim_ed25519_selector,
	    "sender.dkim_ed25519_key", s->dkim_ed25519_key);
	check_pair(c, "sender.smime_certificate", s->smime_certificate,
	    "sender.smime_key", s->smime_key);
	/* Clients compare From with the certificate, letter by letter. */
	if (s->smime_certificate != NULL && s->tagged)
		wrong(c, "sender.smime_certificate",
		    "stands for %s only, and with tagged = yes no mail comes "
		    "from it; set sender.tagged to no",
		    s->from != NULL ? s->from : "one address");
	if (!s->relay_signs && s->dkim_rsa_key == NULL)
		wrong(c, "sender.dkim_rsa_key",
		    "is missing: challenge mails need a DKIM signature; set "
		    "it, or say relay_signs = yes if the relay signs");
}

/* "validator.imap_tls", or "imap two: tls". */
static const char *
imap_option(struct check *c, const struct conf_imap *m, const char *name)
{
	if (m->name == NULL) {
		bool shared = strcmp(name, "disposal") == 0 ||
			      strcmp(name, "processed_folder") == 0;

		return arena_printf(
		    c->arena, "validator.%s%s", shared ? "" : "imap_", name);
	}
	return arena_printf(c->arena, "imap %s: %s", m->name, name);
}

static void
check_imap(struct check *c, const struct conf_imap *m)
{
	check_host(c, imap_option(c, m, "host"), m->host);
	if (m->tls == CONF_TLS_NONE)
		wrong(c, imap_option(c, m, "tls"),
		    "none would send the password in clear; use implicit or "
		    "starttls");
	if (m->processed_folder != NULL && m->folder != NULL &&
	    m->disposal == CONF_DISPOSAL_MOVE &&
	    strcmp(m->processed_folder, m->folder) == 0)
		wrong(c, imap_option(c, m, "processed_folder"),
		    "must be another folder than %sfolder",
		    m->name == NULL ? "imap_" : "");
}

/* A password, or one way to a token; and a mechanism for it. */
static void
check_imap_secret(struct check *c, const struct conf_imap *m)
{
	bool has_token = m->token_file != NULL || m->token_command.n > 0;
	int ways = (m->password_file != NULL) + (m->token_file != NULL) +
		   (m->token_command.n > 0);

	if (ways == 0)
		wrong(c, imap_option(c, m, "password"),
		    "is missing: the file with the password for the IMAP "
		    "server; or set %s or %s",
		    imap_option(c, m, "token_file"),
		    imap_option(c, m, "token_command"));
	else if (ways > 1)
		wrong(c, imap_option(c, m, "password"),
		    "only one of password, token_file and token_command can "
		    "be used");
	else if (m->auth != CONF_AUTH_AUTO &&
		 has_token != (m->auth == CONF_AUTH_XOAUTH2 ||
				  m->auth == CONF_AUTH_OAUTHBEARER))
		wrong(c, imap_option(c, m, "auth"),
		    has_token ? "a token needs auto, xoauth2 or oauthbearer"
			      : "a password needs auto, plain, login or "
				"scram");
	if (m->token_command.n > 0 && m->token_command.v[0][0] != '/')
		wrong(c, imap_option(c, m, "token_command"),
		    "must begin with the absolute name of a program: there is "
		    "no shell and no search for it");
}

/* The validator's own mailbox is whole, or not there. */
static void
check_first_imap(struct check *c)
{
	const struct conf_imap *m = &c->conf->validator.imap;

	check_imap(c, m);
	if (m->host == NULL) {
		if (m->user != NULL || m->password_file != NULL ||
		    m->token_file != NULL || m->token_command.n > 0)
			wrong(c, "validator.imap_host",
			    "is missing: the server of that mailbox");
		else if (intake_count(c->conf) == 0)
			wrong(c, "validator.imap_host",
			    "is missing: replies have no way in; set it, or "
			    "lmtp_listen, or maildir");
		return;
	}
	if (m->user == NULL)
		wrong(c, "validator.imap_user",
		    "is missing: the login at the IMAP server");
	check_imap_secret(c, m);
}

/* Two processes would each move away what the other one reads. */
static void
check_same_imap(struct check *c, const struct conf_imap *m, size_t before)
{
	const struct conf_validator *v = &c->conf->validator;

	for (size_t i = 0; i <= before; i++) {
		const struct conf_imap *other =
		    i == 0 ? &v->imap : &v->imaps[i - 1];

		if (m->host != NULL && other->host != NULL && m->user != NULL &&
		    other->user != NULL && m->folder != NULL &&
		    other->folder != NULL &&
		    span_caseeq_str(span_str(m->host), other->host) &&
		    strcmp(m->user, other->user) == 0 &&
		    strcmp(m->folder, other->folder) == 0)
			wrong(c, imap_option(c, m, "host"),
			    "this mailbox is watched already by %s",
			    i == 0 ? "the section validator"
				   : arena_printf(
					 c->arena, "imap %s", other->name));
	}
}

/* It stands in process names and logs. */
static void
check_imap_name(struct check *c, const struct conf_imap *m)
{
	struct span name = span_str(m->name);
	bool good = name.n > 0 && name.n <= 32;

	for (size_t i = 0; i < name.n; i++)
		good = good && (ascii_is_alnum(name.p[i]) ||
				   strchr("-_.", name.p[i]) != NULL);
	if (!good)
		wrong(c, imap_option(c, m, "host"),
		    "the section's name must be 1 to 32 letters, digits, "
		    "-, _ or .");
}

static void
check_domain(struct check *c, const struct conf_domain *d)
{
	const char *canonical;
	struct job j;

	job_init(&j, NULL, NULL);
	if (addr_domain(&j, span_str(d->name), &canonical) < 0)
		wrong(c, arena_printf(c->arena, "domain %s", d->name),
		    "the section's name is no domain (example.org)");
	else if (strcmp(d->name, canonical) != 0)
		wrong(c, arena_printf(c->arena, "domain %s", d->name),
		    "write the section's name as %s", canonical);
	if (d->spf_if_to_unsigned &&
	    c->conf->validator.trusted_authserv_id == NULL)
		wrong(c,
		    arena_printf(
			c->arena, "domain %s: spf_if_to_unsigned", d->name),
		    "needs validator.trusted_authserv_id: whose word on SPF "
		    "counts");
	job_done(&j);
}

/* MA-73: what a signature that decides needs; `option` is what says that it
 * does. */
static void
check_smime_needs(struct check *c, const char *option)
{
	const struct conf_validator *v = &c->conf->validator;

	if (v->smime_roots == NULL)
		wrong(c, option,
		    "needs validator.smime_roots: the PEM file of the roots");
	if (v->smime_revocation == CONF_REVOCATION_HARD && v->smime_crls.n == 0)
		wrong(c, option,
		    "needs validator.smime_crls, since "
		    "validator.smime_revocation is hard: name the revocation "
		    "lists, or choose soft or off");
}

static void
check_domain_smime(struct check *c, const struct conf_domain *d)
{
	const char *instead =
	    arena_printf(c->arena, "domain %s: smime_instead_of_dkim", d->name);

	if (d->smime == CONF_SMIME_REQUIRE &&
	    c->conf->validator.smime != CONF_SMIME_REQUIRE)
		check_smime_needs(
		    c, arena_printf(c->arena, "domain %s: smime", d->name));
	if (!d->smime_instead_of_dkim)
		return;
	check_smime_needs(c, instead);
	if (d->smime == CONF_SMIME_IGNORE)
		wrong(c, instead,
		    "needs smime to be note or require: what is ignored can "
		    "stand in for nothing");
	if (c->conf->mode == CONF_MODE_PUBLIC)
		wrong(c, instead, "must be no in public mode");
}

static void
check_absolute(
    struct check *c, const char *option, const struct conf_list *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->v[i][0] != '/')
			wrong(c, option, "%s must be an absolute path",
			    paths->v[i]);
}

static void
check_smime(struct check *c)
{
	const struct conf_validator *v = &c->conf->validator;

	check_absolute(c, "validator.smime_crls", &v->smime_crls);
	if (v->smime == CONF_SMIME_REQUIRE)
		check_smime_needs(c, "validator.smime");
	for (size_t i = 0; i < v->domain_count; i++)
		check_domain_smime(c, &v->domains[i]);
}

static void
check_validator(struct check *c)
{
	const struct conf_validator *v = &c->conf->validator;

	check_first_imap(c);
	check_maildir(c);
	check_lmtp(c);
	for (size_t i = 0; i < v->imap_count; i++) {
		check_imap(c, &v->imaps[i]);
		check_imap_secret(c, &v->imaps[i]);
		check_imap_name(c, &v->imaps[i]);
		check_same_imap(c, &v->imaps[i], i);
	}
	for (size_t i = 0; i < v->domain_count; i++)
		check_domain(c, &v->domains[i]);
	if (v->spf_if_to_unsigned && v->trusted_authserv_id == NULL)
		wrong(c, "validator.spf_if_to_unsigned",
		    "needs trusted_authserv_id: whose word on SPF counts");
	check_smime(c);
	if (v->dns_total_ms < v->dns_try_ms)
		wrong(
		    c, "validator.dns_total_ms", "must be at least dns_try_ms");
}

/* An order that may hold so many mailboxes must be possible. */
static void
check_limits(struct check *c)
{
	const struct conf_limits *l = &c->conf->limits;
	const struct {
		const char *option;
		const struct conf_rates *rates;
	} by_order[] = {
		{ "limits.mails_to_domain", &l->mails_to_domain },
		{ "limits.mails_by_account", &l->mails_by_account },
		{ "limits.mails_by_address", &l->mails_by_address },
		{ "limits.mails_total", &l->mails_total },
	};

	for (size_t i = 0; i < sizeof(by_order) / sizeof(by_order[0]); i++)
		for (size_t k = 0; k < by_order[i].rates->n; k++)
			if (by_order[i].rates->v[k].count <
			    c->conf->max_identifiers)
				wrong(c, by_order[i].option,
				    "is below policy.max_identifiers (%lld), "
				    "so such an order could never be placed; "
				    "raise the one or lower the other",
				    (long long)c->conf->max_identifiers);
	if (l->pending_authorizations < c->conf->max_identifiers)
		wrong(c, "limits.pending_authorizations",
		    "is below policy.max_identifiers (%lld); raise it",
		    (long long)c->conf->max_identifiers);
}

/* An entry that no mailbox can ever match would be passed over in silence. */
static void
check_entry(struct check *c, const char *option, const char *entry)
{
	const char *at = strrchr(entry, '@');
	struct span domain = span_str(at == NULL ? entry : at + 1);
	const char *canonical;
	struct job j;

	if (at == NULL && domain.n > 0 && domain.p[0] == '.')
		domain = span_from(domain, 1);
	job_init(&j, NULL, NULL);
	if (at == entry || addr_domain(&j, domain, &canonical) < 0)
		wrong(c, option,
		    "%s is neither a domain (example.org), nor all below one "
		    "(.example.org), nor a mailbox (alice@example.org)",
		    entry);
	else if (!span_caseeq_str(domain, canonical))
		wrong(
		    c, option, "%s: write the domain as %s", entry, canonical);
	job_done(&j);
}

static void
check_lists(struct check *c)
{
	for (size_t i = 0; i < c->conf->allow.n; i++)
		check_entry(c, "policy.allow", c->conf->allow.v[i]);
	for (size_t i = 0; i < c->conf->deny.n; i++)
		check_entry(c, "policy.deny", c->conf->deny.v[i]);
	for (size_t i = 0; i < c->conf->approved.n; i++) {
		const char *entry = c->conf->approved.v[i];

		check_entry(c, "policy.approved", entry);
		if (strchr(entry, '@') == NULL)
			wrong(c, "policy.approved",
			    "%s is a domain; each mailbox is approved by "
			    "itself",
			    entry);
	}
	for (size_t i = 0; i < c->conf->reserved_local_parts.n; i++)
		if (strchr(c->conf->reserved_local_parts.v[i], '@') != NULL)
			wrong(c, "policy.reserved_local_parts",
			    "%s is a mailbox; write what stands before its @",
			    c->conf->reserved_local_parts.v[i]);
}

/* AC-189: a window keeps each of its moments. */
static void
check_windows(
    struct check *c, const char *option, const struct conf_rates *rates)
{
	for (size_t i = 0; i < rates->n; i++)
		if (rates->v[i].secs >= 86400 &&
		    rates->v[i].count > WINDOW_COUNT_MAX)
			wrong(c, option,
			    "may hold at most %d for a day or longer",
			    WINDOW_COUNT_MAX);
}

/* PK-133 */
static void
check_http_url(struct check *c, const char *option, const char *url)
{
	struct span s = span_str(url), host;

	if (url == NULL)
		return;
	host = span_starts(s, SPAN("http://")) ? span_from(s, 7) : s;
	host = span_cut(host, 0, span_find(host, 0, '/'));
	if (!span_starts(s, SPAN("http://")) || host.n == 0)
		wrong(c, option, "must be an http:// URL");
	else if (span_find(s, 0, '?') < s.n || span_find(s, 0, '@') < s.n)
		wrong(c, option, "must hold neither ? nor @");
	else if (span_find(host, 0, '.') == host.n ||
		 span_find(host, 0, ':') < host.n)
		wrong(
		    c, option, "needs a host name with a dot, without a port");
}

static const char *
known_profiles(struct check *c)
{
	const char *name;
	struct buf b;

	buf_init(&b, c->arena, 900);
	for (size_t i = 0; (name = profile_name(c->conf, i)) != NULL; i++)
		buf_addf(&b, "%s%s", i == 0 ? "" : ", ", name);
	return b.p;
}

static void
check_profile_list(
    struct check *c, const char *option, const struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (profile_find(c->conf, span_str(list->v[i])) == NULL)
			wrong(c, option, "%s is no profile; there are %s",
			    list->v[i], known_profiles(c));
		else if (list_has(list, list->v[i], i))
			wrong(c, option, "has %s twice", list->v[i]);
	}
}

/* AC-142, AC-161, AC-164 */
static void
check_profiles(struct check *c)
{
	const struct conf *conf = c->conf;
	const struct conf_list *stopped = &conf->profiles_stopped;
	const char *name;

	check_profile_list(c, "policy.profiles", &conf->profiles);
	check_profile_list(c, "policy.profiles_stopped", stopped);
	check_profile_list(c, "policy.allow_not_after", &conf->allow_not_after);
	if (conf->profile == NULL)
		return;
	if (profile_find(conf, span_str(conf->profile)) == NULL)
		wrong(c, "policy.profile", "%s is no profile; there are %s",
		    conf->profile, known_profiles(c));
	else if (conf->profiles.n > 0 &&
		 !list_has(&conf->profiles, conf->profile, SIZE_MAX))
		wrong(c, "policy.profiles",
		    "lacks %s, which is policy.profile: add it, or make one of "
		    "the list the default (%s)",
		    conf->profile, known_profiles(c));
	for (size_t i = 0; (name = profile_offered(conf, i)) != NULL; i++)
		if (list_has(stopped, name, SIZE_MAX))
			wrong(c, "policy.profiles_stopped",
			    "%s is still offered; stop offering it first",
			    name);
}

/* AC-148.  Each is linked by the others. */
static void
check_alternates(struct check *c)
{
	const struct conf_list *list = &c->conf->issuer.alternate_chains;

	if (list->n > ACME_ALTERNATES_MAX)
		wrong(c, "issuer.alternate_chains", "are more than %d",
		    ACME_ALTERNATES_MAX);
	check_absolute(c, "issuer.alternate_chains", list);
}

static bool
is_sha256(const char *text)
{
	return strspn(text, "0123456789abcdef") == strlen(text) &&
	       strlen(text) == 64;
}

static void
check_accounts(struct check *c)
{
	const struct conf *conf = c->conf;

	if (conf->tos_binding && conf->tos_url == NULL)
		wrong(c, "tos_binding",
		    "needs tos_url: the terms that are binding");
	if (conf->tos_sha256 != NULL && !is_sha256(conf->tos_sha256))
		wrong(c, "tos_sha256",
		    "must be 64 hexadecimal digits in lower case, as sha256sum "
		    "prints them");
	if (conf->tos_sha256 != NULL && conf->tos_url == NULL)
		wrong(c, "tos_sha256", "needs tos_url: where the document is");
	if (conf->eab_required && conf->web.eab_key_file == NULL)
		wrong(c, "policy.eab_required",
		    "needs web.eab_key_file: the key that the secrets in the "
		    "database are encrypted with");
}

/* An id is added to each, and the whole compared with a record (PK-40). */
static void
check_account_prefixes(struct check *c)
{
	const struct conf_list *list = &c->conf->caa_account_prefixes;

	for (size_t i = 0; i < list->n; i++) {
		struct span prefix = span_str(list->v[i]);

		if (!span_starts(prefix, SPAN("https://")) ||
		    prefix.p[prefix.n - 1] != '/')
			wrong(c, "policy.caa_account_prefixes",
			    "each must be a URL that ends with a slash, such "
			    "as https://old.example.org/acme/acct/");
	}
}

static void
check_public(struct check *c)
{
	const struct conf *conf = c->conf;

	if (conf->mode != CONF_MODE_PUBLIC)
		return;
	if (conf->caa_identities.n == 0)
		wrong(c, "policy.caa_identities",
		    "must not be empty in public mode");
	if (!conf->caa_enforce)
		wrong(c, "policy.caa_enforce", "must be yes in public mode");
	if (conf->allow_reserved_domains)
		wrong(c, "policy.allow_reserved_domains",
		    "must be no in public mode");
	if (conf->weak_keys == NULL)
		wrong(c, "policy.weak_keys",
		    "must be set in public mode: keys of Debian's broken "
		    "generator and published ones must be known (PK-74)");
	/* PK-10: who agreed to which document, before an order is accepted. */
	if (conf->tos_url == NULL)
		wrong(c, "tos_url", "must be set in public mode");
	if (conf->tos_sha256 == NULL)
		wrong(c, "tos_sha256",
		    "must be set in public mode: which document accounts "
		    "agreed to is recorded (PK-10)");
	if (!conf->tos_binding)
		wrong(c, "tos_binding",
		    "must be yes in public mode: accounts agree to the terms "
		    "before they order (PK-10)");
}

void
conf_check(
    struct arena *a, const struct conf *conf, conf_check_fn *report, void *ctx)
{
	struct check c = { a, conf, report, ctx };

	check_base_url(&c);
	check_listen(&c);
	check_tls(&c);
	check_trusted(&c);
	check_sender(&c);
	check_validator(&c);
	check_limits(&c);
	check_windows(
	    &c, "limits.mails_to_mailbox", &conf->limits.mails_to_mailbox);
	check_windows(&c, "limits.mails_to_known_mailbox",
	    &conf->limits.mails_to_known_mailbox);
	check_lists(&c);
	check_http_url(&c, "issuer.crl_url", conf->issuer.crl_url);
	check_http_url(
	    &c, "issuer.ca_issuers_url", conf->issuer.ca_issuers_url);
	check_http_url(&c, "issuer.ocsp_url", conf->issuer.ocsp_url);
	check_ocsp(&c);
	check_status_listen(&c);
	check_places(&c);
	check_profiles(&c);
	check_alternates(&c);
	check_absolute(&c, "signer.files", &conf->signer.files);
	check_accounts(&c);
	check_account_prefixes(&c);
	conf_login_check(a, conf, report, ctx);
	check_public(&c);
	conf_external_check(a, conf, report, ctx);
	conf_former_check(a, conf, report, ctx);
	conf_perspective_check(a, conf, clock_now(), report, ctx);
	if (conf->database != NULL &&
	    strncmp(conf->database, "sqlite:/", 8) != 0 &&
	    strncmp(conf->database, "postgresql:", 11) != 0)
		wrong(&c, "database",
		    "must be sqlite: and an absolute file name, or "
		    "postgresql: and a connection string");
}
