/*
 * One error type for the whole program.
 *
 * It is filled where a failure is noticed and used where somebody can act:
 * the client (a problem document, acme/problem.c), the mailbox owner (a
 * verdict's reason) or the admin (a log line with a next step).  The text
 * is a fixed array: reporting a failure cannot fail.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

#include <stdarg.h>

enum err_kind {
	ERR_NONE = 0,
	/* Theirs: one per ACME problem type in use (AC-193); the detail is
	 * written for the client. */
	ERR_ACCOUNT_DOES_NOT_EXIST,
	ERR_ALREADY_REPLACED,
	ERR_ALREADY_REVOKED,
	ERR_BAD_CSR,
	ERR_BAD_NONCE,
	ERR_BAD_PUBLIC_KEY,
	ERR_BAD_REVOCATION_REASON,
	ERR_BAD_SIGNATURE_ALGORITHM,
	ERR_CAA,
	ERR_COMPOUND,
	ERR_CONNECTION,
	ERR_DNS,
	ERR_EXTERNAL_ACCOUNT_REQUIRED,
	ERR_INCORRECT_RESPONSE,
	ERR_INVALID_CONTACT,
	ERR_INVALID_PROFILE,
	ERR_ISSUANCE_STOPPED, /* serverInternal, 503 (PK-45) */
	ERR_MALFORMED,
	ERR_ORDER_NOT_READY,
	ERR_RATE_LIMITED,
	ERR_REJECTED_IDENTIFIER,
	ERR_UNAUTHORIZED,
	ERR_UNSUPPORTED_CONTACT,
	ERR_UNSUPPORTED_IDENTIFIER,
	ERR_USER_ACTION_REQUIRED,
	/* Ours: the detail goes to the log, never to a client. */
	ERR_INTERNAL,
	ERR_BUSY,     /* worth another try */
	ERR_CONFLICT, /* somebody else changed the row first */
	ERR_SPOILED,  /* rows that no program of ours wrote; stays so */
	ERR_REFUSED,  /* another try comes to the same, or does harm */
};

#define ERR_TEXT_MAX 512

struct err {
	enum err_kind kind;
	int http_status; /* 0: the kind's usual one (acme.md section 18) */
	char text[ERR_TEXT_MAX];
};

/* The kind's name: the ACME type's token ("badNonce"), or "internal",
 * "busy", "conflict", "spoiled", "refused", "none". */
const char *err_kind_name(enum err_kind kind);
/* Is the kind one whose text a client may read? */
int err_is_theirs(enum err_kind kind);

void err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

#endif
