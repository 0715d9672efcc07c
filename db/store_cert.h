/* Certificates (PK-18, PK-143 to PK-145). */
#ifndef DB_STORE_CERT_H
#define DB_STORE_CERT_H

#include "db/store.h"

struct cert {
	const char *id;
	const char *order_id; /* unique: one certificate per order */
	const char *account_id;
	const char *ca_label; /* (ca_label, serial) is unique */
	const char *serial;   /* hex */
	const char *profile;
	struct span profile_sha256;
	struct span tbs;
	struct span signature_alg;
	const char *lint_report;
	const char *evidence;   /* JSON: rows relied on (src/relied.h) */
	const char *br_version; /* PK-1 */
	struct span spki_sha256;
	struct span bare_sha256; /* db/store_key.h; empty: made before it was */
	int64_t not_before, not_after;
	int64_t shard; /* of the revocation list (PK-154) */
	int64_t reserved_at;
	int64_t notice_at; /* db/store_renewal.h; is not read here */
	/* after signing */
	int64_t issued_at;
	struct span der;
	struct span sha256;
	int64_t revoked_at;
	int64_t reason;
	const char
	    *revoked_by; /* "key", "account:<id>", "operator", "issuer" */
};

/* Committed before the signature (PK-144); ERR_CONFLICT if the order has one
 * or the serial is taken (*serial_taken tells which). */
int store_cert_reserve(struct job *j, const struct cert *c, bool *serial_taken);
/*
 * Until the transaction ends nobody reserves a number, and whoever has begun to
 * is waited for: what is then read of certificates has all of them (PK-185).
 */
int store_cert_await_reservations(struct job *j);
/*
 * PK-145: the order's number was reserved, and whether a certificate with it
 * exists nobody can say: it is put on the next list.  1 if there is such a
 * number, 0, -1.
 */
int store_cert_give_up(struct job *j, const char *order_id);
int store_cert_by_order(struct job *j, const char *order_id, struct cert *out);
/* What the signature of a number that was reserved before rests on. */
int store_cert_rests_on(struct job *j, const char *id, const char *evidence);
/* Of certificates that stand on this authorization, oldest first, at most
 * `max`: only issued ones.  0 or -1. */
int store_cert_of_authz(struct job *j, const char *authz_id, size_t max,
    struct cert **out, size_t *count);
/* Stores the signed certificate; the order is then finished. */
int store_cert_record(
    struct job *j, const char *id, struct span der, struct span sha256);
/* account_id NULL: of any account. Only issued ones. */
int store_cert_by_id(
    struct job *j, const char *id, const char *account_id, struct cert *out);
/* Those of these ids that were issued, in any order: at most CERT_IDS_MAX, to
 * `out`, which has room for as many as there are ids.  0 or -1. */
#define CERT_IDS_MAX 24
int store_cert_by_ids(struct job *j, const char *const *ids, size_t id_count,
    struct cert *out, size_t *count);
/* By what its certificate identifier says (acme/certid.h), of any account:
 * only issued ones. */
int store_cert_by_serial(
    struct job *j, const char *ca_label, const char *serial, struct cert *out);
/* The same, and numbers that were reserved only (PK-145). */
int store_cert_by_reserved(
    struct job *j, const char *ca_label, const char *serial, struct cert *out);
/* Of this CA, by number behind `after` (""), at most `max`: reserved ones too.
 * 0 or -1. */
int store_cert_of_ca(struct job *j, const char *ca_label, const char *after,
    size_t max, struct cert **out, size_t *count);
/* The order that is to replace it (AC-171): 1 and its id, 0, -1. */
int store_cert_replaced_by(
    struct job *j, const char *id, const char **order_id);
/* Names that order, if `before` (NULL: none) is still the one named:
 * ERR_CONFLICT otherwise. */
int store_cert_mark_replaced(
    struct job *j, const char *id, const char *before, const char *order_id);
/* By the hash of the whole certificate (AC-153), of any account: only issued
 * ones. */
int store_cert_by_sha256(struct job *j, struct span sha256, struct cert *out);
/* For an admin who has only the number, of whichever CA. */
int store_cert_by_number(struct job *j, const char *serial, struct cert *out);
/*
 * Those that were issued before `until` and reserved from `since` on, in the
 * order of that and of their ids, behind *after (zeros: from the beginning),
 * which moves to the last one: at most `max` of them.  A page at a time, so
 * that nobody waits for whoever looks at all.
 */
struct cert_place {
	int64_t reserved_at;
	const char *id; /* NULL: before the first */
};
int store_cert_page(struct job *j, int64_t since, int64_t until,
    struct cert_place *after, size_t max, const char ***ids, size_t *count);
/* Unexpired and not revoked with this key, those about to be signed too. */
int store_cert_count_of_key(
    struct job *j, struct span spki_sha256, int64_t *count);
int store_cert_count_since(struct job *j, int64_t since, int64_t *count);

#endif
