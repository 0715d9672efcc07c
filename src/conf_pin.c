#include "config.h"

#include "src/conf_pin.h"

#include "lib/conf.h"

#include <string.h>

bool
conf_token_id_is_good(const char *id)
{
	size_t n = strlen(id);

	return n % 2 == 0 && strspn(id, "0123456789abcdef") == n;
}

/* It is read to its end: there is nothing left for a second one. */
static bool
is_shared(const struct conf *c, const struct conf_token *t)
{
	const struct conf_token *r = &c->responder.key;
	bool found =
	    (t != &c->issuer.key && c->issuer.key.pin_fd == t->pin_fd) ||
	    (t != r && r->pin_fd == t->pin_fd);

	for (size_t k = 0; k < c->former_count; k++)
		found |= t != &c->formers[k].issuer.key &&
			 c->formers[k].issuer.key.pin_fd == t->pin_fd;
	return t->pin_fd > 0 && found;
}

const char *
conf_pin_problem(const struct conf *c, const struct conf_token *t)
{
	int ways = (t->pin_file != NULL) + (t->pin_fd > 0) + t->pin_ask;

	if (t->module == NULL)
		return ways > 0 ? "must be set with key_module, and only with "
				  "it"
				: NULL;
	if (ways != 1)
		return "set one of key_pin, key_pin_fd and key_pin_ask with "
		       "key_module: where the PIN of the token comes from";
	if (t->pin_fd > 0 && t->pin_fd < 3)
		return "key_pin_fd must be 3 or higher: 0 to 2 are standard "
		       "input, output and error";
	return is_shared(c, t) ? "each key_pin_fd has a descriptor of its own"
			       : NULL;
}
