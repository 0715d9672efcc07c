#include "config.h"

#include "src/conf_pin.h"

#include "lib/conf.h"

#include <stddef.h>

/* It is read to its end: there is nothing left for a second one. */
static bool
is_shared(const struct conf *c, const struct conf_issuer *i)
{
	bool found = i != &c->issuer && c->issuer.key_pin_fd == i->key_pin_fd;

	for (size_t k = 0; k < c->former_count; k++)
		found |= i != &c->formers[k].issuer &&
			 c->formers[k].issuer.key_pin_fd == i->key_pin_fd;
	return i->key_pin_fd > 0 && found;
}

const char *
conf_pin_problem(const struct conf *c, const struct conf_issuer *i)
{
	int ways =
	    (i->key_pin_file != NULL) + (i->key_pin_fd > 0) + i->key_pin_ask;

	if (i->key_module == NULL)
		return ways > 0 ? "must be set with key_module, and only with "
				  "it"
				: NULL;
	if (ways != 1)
		return "set one of key_pin, key_pin_fd and key_pin_ask with "
		       "key_module: where the PIN of the token comes from";
	if (i->key_pin_fd > 0 && i->key_pin_fd < 3)
		return "key_pin_fd must be 3 or higher: 0 to 2 are standard "
		       "input, output and error";
	return is_shared(c, i) ? "each key_pin_fd has a descriptor of its own"
			       : NULL;
}
