/*
 * Profiles of the configuration: a section `profile NAME { }` changes one
 * that ships (pki/profile.h), or makes another on the ground of
 * mailbox-strict.
 */
#ifndef PKI_PROFILE_CONF_H
#define PKI_PROFILE_CONF_H

#include "lib/conf.h"
#include "pki/profile.h"

/* What a section says that says nothing; its name is set already.  Lists stay
 * empty: profile_make() takes the base's then. */
void profile_defaults(struct conf_profile *c);

/* Each mistake: of which option, and what would be right. */
typedef void profile_report_fn(
    void *ctx, const char *option, const char *message);

/* The profile that the section means.  0, or -1 after at least one report. */
int profile_make(struct arena *a, const struct conf_profile *c,
    profile_report_fn *report, void *ctx, struct profile *out);

#endif
