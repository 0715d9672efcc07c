/*
 * OCSP answers that were signed in advance (pki.md section 14): segments of
 * numbers that end with the same octet, and the responders' certificates.
 */
#ifndef DB_STORE_OCSP_H
#define DB_STORE_OCSP_H

#include "db/store.h"

#define OCSP_SEGMENTS 256

struct cert;

/* Of each segment; generation 0: there is none. */
struct ocsp_state {
	int64_t generation;
	int64_t refresh_at;
};
int store_ocsp_states(
    struct job *j, const char *ca_label, struct ocsp_state out[OCSP_SEGMENTS]);
/* 1 / 0 / -1. */
int store_ocsp_get(struct job *j, const char *ca_label, int64_t segment,
    int64_t *generation, struct span *octets);
/* Replaces generation `former` (0: there is none) by the next one: ERR_BUSY if
 * it is not the newest any more. */
int store_ocsp_put(struct job *j, const char *ca_label, int64_t segment,
    int64_t former, int64_t refresh_at, struct span octets);

/* What is known of a number. */
struct ocsp_row {
	const char *id, *order_id, *serial; /* as in struct cert */
	struct span signature_alg, tbs;
	const char *evidence;
	int64_t not_after;
	int64_t issued_at;
	int64_t revoked_at;
	int64_t reason;
};
/* Numbers of a segment, ordered by serial, that were issued or revoked and do
 * not end before `not_after_from`. */
int store_ocsp_rows(struct job *j, const char *ca_label, int64_t segment,
    int64_t not_after_from, struct ocsp_row **out, size_t *count);
/* The number whose answer has waited longest for its revocation: 1 / 0 / -1. */
int store_ocsp_due_first(
    struct job *j, const char *ca_label, const char **serial);
/* Those that wait and end with the same octet as this one, at most `max`. */
int store_ocsp_due_rows(struct job *j, const char *ca_label, const char *serial,
    size_t max, struct ocsp_row **out, size_t *count);
/* Since when the first one waits: 1 and *at, or 0. */
int store_ocsp_due(struct job *j, const char *ca_label, int64_t *at);
/* The answer says what the row says; nothing changes if the row has changed. */
int store_ocsp_done(struct job *j, const struct ocsp_row *row);

struct responder_row {
	const char *ca_label;
	const char *serial; /* hex */
	struct span tbs;
	const char *lint_report;
	const char *br_version;
	int64_t not_after;
	const char *holder; /* who has its key: one of these */
};
#define RESPONDER_OF_ISSUER "issuer" /* signs answers in advance */
#define RESPONDER_LIVE "responder"   /* answers clients (PK-177) */
int store_responder_count_since(
    struct job *j, const char *ca_label, int64_t since, int64_t *count);
/* Committed before the signature; and the certificate. */
int store_responder_reserve(struct job *j, const struct responder_row *r);
int store_responder_record(
    struct job *j, const char *serial, const char *ca_label, struct span der);

/* When the certificate of its that ends last does: 1, 0: there is none, -1. */
int store_responder_end(struct job *j, const char *ca_label, const char *holder,
    int64_t *not_after);

/* A number of the CA that clients may ask about now: that of the issued
 * certificate which ends last.  1, 0: none is valid, -1. */
struct ocsp_known {
	const char *serial; /* hexadecimal */
	bool is_revoked;
	bool is_due; /* the answers do not say so yet */
};
int store_ocsp_known(
    struct job *j, const char *ca_label, struct ocsp_known *out);

#endif
