/*
 * What linters that are not ours are asked about, and what they print (PK-140):
 * zlint and pkilint, in JSON.  Their octets are a stranger's: limited in size,
 * strictly read, and what is not understood is no verdict.
 */
#ifndef PKI_LINTER_H
#define PKI_LINTER_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;

#define LINTERS_MAX 8
#define LINTER_NAME_MAX 96      /* of a linter or a lint */
#define LINTER_VERSION_MAX 100  /* printable ASCII */
#define LINTER_FINDINGS_MAX 200 /* in one answer */

/* What is to be judged (PK-136, PK-141). */
enum lint_object {
	LINT_STRICT,       /* a subscriber's certificate, by its profile */
	LINT_MULTIPURPOSE, /* the same */
	LINT_RESPONDER,    /* the certificate of an OCSP responder */
	LINT_ROOT,         /* certificates of CAs */
	LINT_ISSUING,
	LINT_CRL,      /* of an issuing CA */
	LINT_ROOT_CRL, /* of a root */
	LINT_OCSP,     /* an OCSPResponse */
	LINT_OBJECTS
};

/* The word that stands for the template of what is judged. */
#define LINTER_TEMPLATE_WORD "%t"
/* pkilint's name for it: "MAILBOX-STRICT", "CRL"; NULL: it has none. */
const char *linter_template(enum lint_object what);
/* As the option `lints` says it: "certificate", "ocsp". */
const char *linter_kind(enum lint_object what);
bool linter_kind_is_known(const char *kind);
/* Does this one judge it?  With nothing said: certificates that an issuing CA
 * signs, but where there is the template's word only those that have one. */
bool linter_takes(const struct conf_linter *l, enum lint_object what);

/*
 * What a linter reads: PEM; of an OCSP answer, which has no name in RFC 7468,
 * base64 in lines, which zlint and pkilint both know.
 */
void linter_input(struct buf *b, enum lint_object what, struct span der);

/* Somebody above pki/ who asks linters about what is about to be signed: 0, or
 * -1, and it is not signed (PK-136). */
struct lint_judge {
	int (*ask)(void *context, struct job *j, enum lint_object what,
	    struct span der);
	void *context;
};

/* PK-139: an error refuses always, a warning unless it is allowed. */
struct linter_finding {
	bool is_error;
	struct span lint; /* e_mailbox_validated_… */
};

struct linter_findings {
	struct linter_finding v[LINTER_FINDINGS_MAX];
	size_t n;
};

/* Letters, digits, "-", ".", ":" and "_", at most LINTER_NAME_MAX of them. */
bool linter_name_is_good(struct span name);
bool linter_version_is_good(struct span version);

/*
 * Reads what the program printed and how it ended: 0 and what it found, its
 * text in the job's arena; or -1 ERR_MALFORMED: that is no verdict.
 */
int linter_read(struct job *j, enum conf_linter_output kind, int status,
    struct span output, struct linter_findings *out);

/* The first line of what it printed about itself, without blanks at its ends:
 * 0, or -1 ERR_MALFORMED. */
int linter_read_version(struct job *j, struct span output, struct span *out);

#endif
