/*
 * Lints on the DER of the lint certificate (pki.md 11.3): every certificate
 * passes all of them before its signature exists (PK-136).
 */
#ifndef PKI_LINT_H
#define PKI_LINT_H

#include "lib/buf.h"

struct ca;
struct issue_input;
struct job;

/* Runs all lints that apply; the JSON report of each, and -1 with
 * ERR_INTERNAL "lint L-31: …" for the first that refuses. */
int lint_certificate(struct job *j, const struct ca *ca,
    const struct issue_input *in, struct span der, const char **report);

#endif
