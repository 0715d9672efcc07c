#include "config.h"

#include "src/conf_check_parts.h"

#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/netaddr.h"
#include "pki/certfield.h"
#include "src/conf_listen.h"
#include "src/http_admin.h"

#include <string.h>

/* sizeof(((struct sockaddr_un *)0)->sun_path) */
#define UNIX_PATH_MAX 108

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

void
conf_check_base_url(struct check *c)
{
	struct span url = span_str(c->conf->base_url);

	if (url.n == 0)
		return;
	if (!span_starts(url, SPAN("https://")))
		conf_wrong(c, "base_url", "must begin with https://");
	else if (!is_lower_host(span_from(url, 8)))
		conf_wrong(c, "base_url",
		    "must be https:// and a lower-case host, perhaps with a "
		    "port; no path, no slash at the end "
		    "(https://acme.ca.example)");
}

static void
check_listen_path(
    struct check *c, const char *option, const char *path, const char *example)
{
	if (path[0] != '/')
		conf_wrong(c, option,
		    "unix:%s is not an absolute file name; write "
		    "\"unix:%s\"",
		    path, example);
	else if (strlen(path) >= UNIX_PATH_MAX)
		conf_wrong(c, option,
		    "unix:%s is too long; a socket's file name may have %d "
		    "octets",
		    path, UNIX_PATH_MAX - 1);
}

void
conf_check_listen(struct check *c)
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
			conf_wrong(c, "web.listen",
			    "%s is not an address and a port; write "
			    "\"127.0.0.1:443\" or \"[::1]:443\"",
			    value);
	}
}

void
conf_check_status_listen(struct check *c)
{
	const struct conf_list *l = &c->conf->web.status_listen;
	const char *host, *port;

	for (size_t i = 0; i < l->n; i++) {
		const char *path = conf_listen_path(l->v[i]);

		if (path != NULL)
			check_listen_path(c, "web.status_listen", path,
			    "/run/countersign/status.sock");
		else if (conf_parse_listen(c->arena, l->v[i], &host, &port) < 0)
			conf_wrong(c, "web.status_listen",
			    "%s is not an address and a port; write "
			    "\"0.0.0.0:80\" or \"[::]:80\"",
			    l->v[i]);
	}
}

/* These pages speak TLS on every socket: it says who asks. */
void
conf_check_admin(struct check *c)
{
	const struct conf_admin *a = &c->conf->admin;
	const char *host, *port;

	for (size_t i = 0; i < a->listen.n; i++) {
		const char *path = conf_listen_path(a->listen.v[i]);

		if (path != NULL)
			check_listen_path(c, "admin.listen", path,
			    "/run/countersign/admin.sock");
		else if (conf_parse_listen(
			     c->arena, a->listen.v[i], &host, &port) < 0)
			conf_wrong(c, "admin.listen",
			    "%s is not an address and a port; write "
			    "\"127.0.0.1:8443\" or "
			    "\"unix:/run/countersign/admin.sock\"",
			    a->listen.v[i]);
	}
	if (a->listen.n > HTTP_ADMIN_SOCKETS_MAX)
		conf_wrong(c, "admin.listen", "names %zu sockets; at most %d",
		    a->listen.n, HTTP_ADMIN_SOCKETS_MAX);
	if (a->listen.n > 0 && a->tls_certificate == NULL)
		conf_wrong(c, "admin.tls_certificate",
		    "is missing: HTTPS needs a PEM chain");
	if (a->listen.n > 0 && a->tls_key == NULL)
		conf_wrong(
		    c, "admin.tls_key", "is missing: HTTPS needs a PEM key");
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
void
conf_check_lmtp(struct check *c)
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
			conf_wrong(c, "validator.lmtp_listen",
			    "%s is not an address of this host itself and a "
			    "port; write \"127.0.0.1:2424\" or "
			    "\"unix:/run/countersign/lmtp\"",
			    value);
	}
	if (v->lmtp_group != NULL && !has_file)
		conf_wrong(c, "validator.lmtp_group",
		    "is for Unix sockets, but validator.lmtp_listen names "
		    "none");
}

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

void
conf_check_host(struct check *c, const char *option, const char *host)
{
	if (host != NULL && !is_host(host))
		conf_wrong(c, option,
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
void
conf_check_places(struct check *c)
{
	static const char *const options[] = { "web.listen",
		"web.status_listen", "validator.lmtp_listen", "admin.listen" };
	const struct conf_list *lists[] = { &c->conf->web.listen,
		&c->conf->web.status_listen, &c->conf->validator.lmtp_listen,
		&c->conf->admin.listen };

	for (size_t i = 0; i < COUNT(lists); i++)
		for (size_t n = 0; n < lists[i]->n; n++) {
			const char *place = lists[i]->v[n];
			size_t k = 0;

			while (k < i &&
			       !has_place(c, lists[k], lists[k]->n, place))
				k++;
			if (k < i || has_place(c, lists[i], n, place))
				conf_wrong(c, options[i],
				    "%s is in %s already; each needs an "
				    "address or a port of its own",
				    place, options[k]);
		}
}

/* All but Unix sockets speak TLS. */
void
conf_check_tls(struct check *c)
{
	const struct conf_web *w = &c->conf->web;
	bool needed = false;

	for (size_t i = 0; i < w->listen.n; i++)
		needed = needed || conf_listen_path(w->listen.v[i]) == NULL;
	if (needed && w->tls_certificate == NULL)
		conf_wrong(c, "web.tls_certificate",
		    "is missing: HTTPS needs a PEM chain");
	if (needed && w->tls_key == NULL)
		conf_wrong(
		    c, "web.tls_key", "is missing: HTTPS needs a PEM key");
	if (!needed)
		conf_check_pair(c, "web.tls_certificate", w->tls_certificate,
		    "web.tls_key", w->tls_key);
}

void
conf_check_trusted(struct check *c)
{
	const struct conf_list *l = &c->conf->web.trusted_proxies;
	struct netaddr network;

	for (size_t i = 0; i < l->n; i++)
		if (netaddr_parse_network(span_str(l->v[i]), &network) < 0)
			conf_wrong(c, "web.trusted_proxies",
			    "%s is not a network; write \"192.0.2.1\" or "
			    "\"2001:db8::/32\", with no bits set behind the "
			    "prefix",
			    l->v[i]);
}

/* PK-133 */
void
conf_check_http_url(struct check *c, const char *option, const char *url)
{
	const char *problem =
	    url == NULL ? NULL : public_url_problem(span_str(url));

	if (problem != NULL)
		conf_wrong(c, option, "%s" PUBLIC_URL_ADVICE, problem);
}

/* A host and nothing that would end a Link field or a mail's link early (RFC
 * 3986 section 2). */
static bool
is_page(struct span url)
{
	size_t scheme = span_starts(url, SPAN("https://"))  ? 8
			: span_starts(url, SPAN("http://")) ? 7
							    : 0;

	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= 0x20 || url.p[i] >= 0x7f ||
		    strchr("\"<>\\^`{|}", url.p[i]) != NULL)
			return false;
	return scheme > 0 && scheme < url.n && ascii_is_alnum(url.p[scheme]);
}

void
conf_check_pages(struct check *c)
{
	const struct conf *conf = c->conf;
	const struct {
		const char *option, *url;
	} pages[] = {
		{ "tos_url", conf->tos_url },
		{ "tos_change_url", conf->tos_change_url },
		{ "website_url", conf->website_url },
		{ "policy.renewal_explanation_url",
		    conf->renewal_explanation_url },
		{ "limits.help_url", conf->limits.help_url },
		{ "sender.help_url", conf->sender.help_url },
	};

	for (size_t i = 0; i < COUNT(pages); i++)
		if (pages[i].url != NULL && !is_page(span_str(pages[i].url)))
			conf_wrong(c, pages[i].option,
			    "must be the URL of a page, percent-encoded where "
			    "needed (https://ca.example/page)");
}
