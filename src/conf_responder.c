#include "config.h"

#include "src/conf_responder.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/same_file.h"
#include "src/conf_pin.h"
#include "src/status_place.h"

#include <string.h>

struct check {
	const struct conf *conf;
	conf_check_fn *report;
	void *ctx;
};

static void
wrong(const struct check *c, const char *option, const char *message)
{
	c->report(c->ctx, option, message);
}

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Who could log in to one of them could use the other's key. */
static void
check_apart(const struct check *c, const struct conf_token *of_ca)
{
	const struct conf_token *t = &c->conf->responder.key;

	if (of_ca->module == NULL)
		return;
	if (is_same(t->token, of_ca->token) &&
	    file_is_copy(t->module, of_ca->module))
		wrong(c, "responder.key_token",
		    "is the token of a CA's key: the responder has one of its "
		    "own (PK-177)");
	if (file_is_same(t->pin_file, of_ca->pin_file))
		wrong(c, "responder.key_pin",
		    "is the file of a CA's PIN: the responder has one of its "
		    "own (PK-177)");
}

static void
check_parts(const struct check *c)
{
	const struct conf_token *t = &c->conf->responder.key;
	const struct {
		const char *name, *value;
	} parts[] = { { "responder.key_token", t->token },
		{ "responder.key_label", t->label },
		{ "responder.key_id", t->id } };
	const char *problem = conf_pin_problem(c->conf, t);

	for (size_t k = 0; k < COUNT(parts); k++)
		if ((t->module == NULL) != (parts[k].value == NULL))
			wrong(c, parts[k].name,
			    "must be set with responder.key_module, and only "
			    "with it");
	if (problem != NULL)
		wrong(c, "responder.key_pin", problem);
	if (t->id != NULL && !conf_token_id_is_good(t->id))
		wrong(c, "responder.key_id", CONF_TOKEN_ID_RULE);
}

void
conf_responder_check(
    struct arena *a, const struct conf *conf, conf_check_fn *report, void *ctx)
{
	const struct check c = { conf, report, ctx };

	(void)a;
	check_parts(&c);
	if (conf->responder.key.module == NULL)
		return;
	if (!status_has_responder(conf))
		wrong(&c, "responder.key_module",
		    "nobody uses that key: set issuer.ocsp_mode = live, or "
		    "leave it out");
	if (conf->mode == CONF_MODE_PUBLIC &&
	    conf->responder.key.certificate == NULL)
		wrong(&c, "responder.key_module_certificate",
		    "must say in public mode which validation the token has");
	check_apart(&c, &conf->issuer.key);
	for (size_t k = 0; k < conf->former_count; k++)
		check_apart(&c, &conf->formers[k].issuer.key);
}
