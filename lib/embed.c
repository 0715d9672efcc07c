#include "config.h"

#include "lib/embed.h"

#include <string.h>

const struct embed *
embed_find(const struct embed *table, const char *name)
{
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}
