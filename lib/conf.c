#include "config.h"

#include "lib/conf.h"

#include <string.h>

bool
conf_list_has(const struct conf_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], word) == 0)
			return true;
	return false;
}
