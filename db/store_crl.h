/*
 * Revocation lists (pki.md section 13): their numbers, what belongs on them,
 * and the shards that certificates name.
 */
#ifndef DB_STORE_CRL_H
#define DB_STORE_CRL_H

#include "db/store.h"

struct crl {
	const char *ca_label;
	int64_t shard; /* PK-154 */
	int64_t number;
	int64_t this_update, next_update;
	int64_t size;    /* octets of the list */
	struct span der; /* empty: reserved only, or not asked for */
};
/* Reserves the next number of the CA, greater than `above`, for a list of this
 * shard (PK-153): committed before signing.  ERR_BUSY: another one took it. */
int store_crl_reserve(
    struct job *j, const struct crl *list, int64_t above, int64_t *number);
int store_crl_record(
    struct job *j, const char *ca_label, int64_t number, struct span der);
/* One that was made elsewhere, before the service (PK-209), if its number is
 * free: one of these, or -1.  In a transaction. */
enum crl_import {
	CRL_IS_THERE,
	CRL_IS_NEW,
	CRL_IS_OTHER,  /* there is another one with this number */
	CRL_IS_UNKNOWN /* or it: the octets of an old one are not kept */
};
int store_crl_import(struct job *j, const struct crl *list);
/* How many of the CA's lists since then, among the newest `max` numbers;
 * without those that were set aside. */
int store_crl_count_since(struct job *j, const char *ca_label, int64_t since,
    int64_t max, int64_t *count);
/* Was the list of this number set aside (PK-147)?  1, 0, -1. */
int store_crl_is_aside(struct job *j, const char *ca_label, uint64_t number);
/* The newest published list of a shard: 1/0/-1; _head without its octets. */
int store_crl_head(
    struct job *j, const char *ca_label, int64_t shard, struct crl *out);
int store_crl_latest(
    struct job *j, const char *ca_label, int64_t shard, struct crl *out);
/*
 * Certificates that belong on the list of this CA and shard now, ordered by
 * serial: those whose notAfter is not before `not_after_from`, and those that
 * no list has carried yet (PK-160).
 */
struct revoked {
	const char *id;     /* of the row */
	struct span serial; /* empty: the row's is not as hex_format() writes */
	int64_t revoked_at;
	int64_t reason;
	bool is_due;    /* no list says so yet */
	bool stays_due; /* set by who lists it: the row is to be put right */
};
int store_cert_revoked(struct job *j, const struct crl *list,
    int64_t not_after_from, struct revoked **out, size_t *count);
/* The list of this number with these entries is published; nothing changes if
 * a greater number was reserved for the shard meanwhile.  One without a serial
 * was left out: as those that stay due it is due again when this list ends. */
int store_cert_listed(struct job *j, const struct crl *list,
    const struct revoked *entries, size_t count);
/* notAfter of the CA's certificate that ends last; 0: it has none. */
int store_cert_last_end(struct job *j, const char *ca_label, int64_t *at);
/* Since when the next list is waited for: 1 and *at, or 0. */
int store_crl_due(
    struct job *j, const char *ca_label, int64_t shard, int64_t *at);
/* The same for all CAs and shards.  `issued_only`: without numbers that were
 * never signed. */
int store_crl_waits(struct job *j, bool issued_only, int64_t *at);
/* How many of the CA's that are valid were revoked and wait for a list: 0 or
 * -1. */
int store_crl_unlisted(struct job *j, const char *ca_label, int64_t *count);

/* The URL by which certificates name the shard: 1 / 0 / -1. */
int store_shard_url(
    struct job *j, const char *ca_label, int64_t shard, const char **url);
int store_shard_set(
    struct job *j, const char *ca_label, int64_t shard, const char *url);
int store_shard_count(struct job *j, const char *ca_label, int64_t *count);
/* The CAs whose lists were made here, each with notAfter of its certificate
 * that ends last; 0: it has none. */
struct ca_end {
	const char *ca_label;
	int64_t not_after;
};
int store_shard_cas(struct job *j, struct ca_end **out, size_t *count);
/* Is there a certificate of the shard that has not expired, or a number for
 * one, in whose contents these octets do not stand?  This reads all of them:
 * 1 / 0 / -1. */
int store_shard_lacks(
    struct job *j, const char *ca_label, int64_t shard, struct span octets);

#endif
