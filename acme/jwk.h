/*
 * JSON Web Keys of accounts (AC-39 to AC-47): parsed, vetted, named by their
 * thumbprint.
 *
 * A key belongs to the job's arena.  One that outlives it is made with
 * jwk_dup() (for the cache of account keys) and released with jwk_free().
 */
#ifndef ACME_JWK_H
#define ACME_JWK_H

#include "lib/buf.h"
#include "pki/csr.h"

struct conf;
struct evp_pkey_st;
struct job;
struct json;
struct jwk;

#define THUMBPRINT_LEN 43

/* What `alg` may be, NULL at the end (AC-38): with conf NULL all that this
 * program knows, else those that are switched on. */
const char *const *jwk_algorithms(struct job *j, const struct conf *conf);
bool jwk_algorithm_is_on(const struct conf *conf, struct span alg);

/* From the member of a JWS header: vetted by AC-40 to AC-43; `alg` is the
 * header's.  0, or -1 ERR_BAD_PUBLIC_KEY. */
int jwk_parse(struct job *j, const struct json *object, struct span alg,
    const struct jwk **out);
/* The same without AC-41 to AC-43's vetting: for a key that revokes its own
 * certificate, however bad it is (AC-44). */
int jwk_parse_unvetted(struct job *j, const struct json *object,
    struct span alg, const struct jwk **out);
/* Only to compare: the public members, without a look at quality and use. */
int jwk_read(struct job *j, const struct json *object, const struct jwk **out);
/* From the store: canonical text, known to be good. */
int jwk_load(struct job *j, struct span canonical, const struct jwk **out);
/* {"crv":…,"kty":…,"x":…,"y":…}: canonical members (AC-47). */
const char *jwk_canonical(const struct jwk *k);
const char *jwk_thumbprint(const struct jwk *k);
enum key_type jwk_type(const struct jwk *k);
/* AC-39: is the algorithm this type of key's? */
bool jwk_fits(const struct jwk *k, struct span alg);
struct evp_pkey_st *jwk_pkey(const struct jwk *k);
/* Is it the subject key of this certificate (DER)? */
bool jwk_is_of_certificate(struct job *j, const struct jwk *k, struct span der);
/* SHA-256 of its SubjectPublicKeyInfo, as certificates have it. */
int jwk_spki_sha256(
    struct job *j, const struct jwk *k, uint8_t out[32], uint8_t bare[32]);

struct jwk *jwk_dup(const struct jwk *k);
void jwk_free(struct jwk *k); /* NULL-safe */
/* The same key for this job, which may outlive `k`. */
const struct jwk *jwk_share(struct job *j, const struct jwk *k);

#endif
