/*
 * Lints on the DER of the lint certificate (pki.md 11.3): every certificate
 * passes all of them before its signature exists (PK-136).
 */
#ifndef PKI_LINT_H
#define PKI_LINT_H

#include <openssl/types.h>
#include <stdint.h>

#include "lib/buf.h"

struct ca;
struct issue_input;
struct job;

enum lint_severity { LINT_UNKNOWN, LINT_ERROR, LINT_WARNING };
/* PK-139: what a warning finds may be allowed for a while, an error never. */
enum lint_severity lint_severity(const char *id);
/* The first second of the day ("2027-03-31") from which it is refused again:
 * 0 or -1. */
int lint_until(const char *day, int64_t *out);

struct lint_result {
	const char *report; /* JSON, each lint */
	/* Warnings that the configuration allowed ("L-40 until 2027-03-31:
	 * reason", with commas), for the audit; NULL: none. */
	const char *allowed;
	X509 *certificate; /* as OpenSSL reads it; NULL: not at all */
};

/*
 * Runs all lints that apply: 0, or -1 with ERR_INTERNAL "lint L-31: …" for the
 * first that refuses.  The result is there in both cases, in the job's arena.
 */
int lint_certificate(struct job *j, const struct ca *ca,
    const struct issue_input *in, struct span der, struct lint_result *out);
/*
 * The same for what another CA has made (PK-216): those lints that do not
 * depend on who made it.  What the configuration allows of our own
 * certificates it allows of nobody else's.
 */
int lint_returned(struct job *j, const struct ca *ca,
    const struct issue_input *in, struct span der, const char **report);

#endif
