/* The values of options: from the text in the file to the field. */
#ifndef SRC_CONF_VALUE_H
#define SRC_CONF_VALUE_H

#include "src/conf_table.h"

struct arena;

/*
 * Sets the option's field in the struct `base` that its offset is in; a
 * relative path is meant from `folder`.  NULL, or what would be right (the
 * field is untouched then).  Not for lists.
 */
const char *conf_value_set(struct arena *a, const char *folder,
    const struct conf_option *o, void *base, const char *value);

/* Octets of the field. */
size_t conf_value_size(const struct conf_option *o);
/* Are two fields of the option equal? */
bool conf_value_same(const struct conf_option *o, const void *a, const void *b);

#endif
