#include "config.h"

#include "src/ca_conf.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "pki/token_key.h"

struct ca_files
ca_conf_files(struct arena *keep, const struct conf *conf)
{
	const struct conf_issuer *i = &conf->issuer;
	struct ca_files files = { .certificate = i->ca_certificate,
		.chain = i->ca_chain,
		.key = i->ca_key,
		.passphrase_file = i->ca_key_passphrase_file,
		.is_public = conf->mode == CONF_MODE_PUBLIC };
	struct token_place *place;

	if (i->key_module == NULL)
		return files;
	place = arena_alloc(keep, sizeof(*place));
	*place = (struct token_place){ .module = i->key_module,
		.token = i->key_token,
		.label = i->key_label,
		.id = i->key_id,
		.pin_file = i->key_pin_file,
		.is_public = conf->mode == CONF_MODE_PUBLIC,
		.statement = i->key_module_certificate == NULL
				 ? "none"
				 : i->key_module_certificate };
	files.token = place;
	return files;
}
