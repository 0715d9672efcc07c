/*
 * The organisational domain: one label more than the public suffix, so that
 * mail.example.co.uk and example.co.uk count as one (AC-186).
 */
#ifndef LIB_ORGDOMAIN_H
#define LIB_ORGDOMAIN_H

#include <stdbool.h>

/* Of a canonical domain: a part of it, or the whole where the list of public
 * suffixes knows no shorter one. */
const char *orgdomain_of(const char *domain);

/* Is it below a top-level domain that the list of public suffixes knows, or
 * below a suffix with one that stands there with its suffixes only ("co.za")?
 * Without a list each is. */
bool orgdomain_top_is_known(const char *domain);

#endif
