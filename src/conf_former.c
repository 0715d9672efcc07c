#include "config.h"

#include "src/conf_former.h"
#include "src/conf_pin.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/same_file.h"
#include "pki/certfield.h"

#include <string.h>

struct check {
	struct arena *arena;
	const struct conf *conf;
	const struct conf_former *former;
	conf_check_fn *report;
	void *ctx;
};

static void
wrong(const struct check *c, const char *option, const char *message)
{
	c->report(c->ctx,
	    arena_printf(c->arena, "former_ca %s: %s", c->former->name, option),
	    message);
}

static void
check_key(const struct check *c)
{
	const struct conf_issuer *i = &c->former->issuer;
	bool has_token = i->key.module != NULL;
	const char *pin = conf_pin_problem(c->conf, &i->key);

	/* Neither: its key was destroyed, which the issuer looks at. */
	if (i->ca_key != NULL && has_token)
		wrong(c, "ca_key",
		    "set either it or key_module: where the key is that signs "
		    "its list");
	if (i->ca_key != NULL && i->ca_key_passphrase_file == NULL)
		wrong(c, "ca_key_passphrase",
		    "must be set: the file with the passphrase of ca_key");
	if ((i->key.token != NULL) != has_token ||
	    (i->key.label != NULL) != has_token ||
	    (i->key.id != NULL) != has_token)
		wrong(c, "key_module",
		    "key_token, key_label and key_id must be set with it, and "
		    "only with it");
	if (pin != NULL)
		wrong(c, "key_pin", pin);
	if (c->conf->mode == CONF_MODE_PUBLIC && i->ca_key != NULL)
		wrong(c, "ca_key",
		    "a key in a file cannot be used in public mode: set "
		    "key_module");
}

static void
check_url(const struct check *c, const char *option, const char *url)
{
	const char *problem =
	    url == NULL ? NULL : public_url_problem(span_str(url));

	if (problem != NULL)
		wrong(c, option,
		    arena_printf(c->arena, "%s" PUBLIC_URL_ADVICE, problem));
}

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* One would take the other's place, by whatever path. */
static void
check_apart(const struct check *c, const struct conf_issuer *other)
{
	const struct conf_issuer *i = &c->former->issuer;

	if (file_is_same(i->crl_file, other->crl_file))
		wrong(c, "crl_file", "is that of another CA");
	if (is_same(i->crl_url, other->crl_url))
		wrong(c, "crl_url", "is that of another CA");
	if (file_is_same(i->ocsp_folder, other->ocsp_folder))
		wrong(c, "ocsp_folder", "is that of another CA");
	if (file_is_same(i->ca_certificate, other->ca_certificate))
		wrong(c, "ca_certificate", "is that of another CA");
}

static void
check_one(const struct check *c)
{
	const struct conf_issuer *i = &c->former->issuer;

	check_key(c);
	check_url(c, "crl_url", i->crl_url);
	check_url(c, "ca_issuers_url", i->ca_issuers_url);
	check_url(c, "ocsp_url", i->ocsp_url);
	if (i->ocsp_url != NULL && i->ocsp_folder == NULL)
		wrong(c, "ocsp_folder", "must be set, since ocsp_url is");
	check_apart(c, &c->conf->issuer);
}

void
conf_former_check(
    struct arena *a, const struct conf *conf, conf_check_fn *report, void *ctx)
{
	for (size_t k = 0; k < conf->former_count; k++) {
		const struct check c = { a, conf, &conf->formers[k], report,
			ctx };

		check_one(&c);
		for (size_t n = 0; n < k; n++)
			check_apart(&c, &conf->formers[n].issuer);
	}
}
