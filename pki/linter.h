/*
 * What linters that are not ours print about a certificate (PK-140): zlint and
 * pkilint, in JSON.  Their octets are a stranger's: limited in size, strictly
 * read, and what is not understood is no verdict.
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
