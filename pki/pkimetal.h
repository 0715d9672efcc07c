/*
 * A service that judges with several linters at once, by the API of pkimetal:
 * GET /linters lists what it has, POST /lintcert, /lintcrl and /lintocsp judge
 * (PK-140).  Its octets are a stranger's, as those of a program.
 */
#ifndef PKI_PKIMETAL_H
#define PKI_PKIMETAL_H

#include "pki/linter.h"

#define PKIMETAL_LINTERS "/linters"

/* Where to ask about it: "/lintcert"; as which profile: "rfc5280_crl". */
const char *pkimetal_path(enum lint_object what);
const char *pkimetal_profile(enum lint_object what);

/* The body of the POST, application/x-www-form-urlencoded, about the text of
 * linter_input(). */
void pkimetal_add_form(struct buf *b, enum lint_object what, struct span text);

/*
 * Reads the lists of its linters and of what they say: 0, what was found (the
 * lint of zlint e_x is called zlint:e_x) and the service's version, their text
 * in the job's arena; or -1 ERR_MALFORMED: that is no verdict.  It is none
 * either if one of the linters has not come to an end, if none was used, or if
 * another profile than that of `what` was.
 */
int pkimetal_read(struct job *j, enum lint_object what, struct span linters,
    struct span answer, struct linter_findings *out, struct span *version);

#endif
