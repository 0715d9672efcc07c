/*
 * Where revocation lists and OCSP answers lie and by which URL they are found:
 * the same for the issuer, which writes the files, and the web role, which
 * serves them.
 */
#ifndef SRC_STATUS_PLACE_H
#define SRC_STATUS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct conf_issuer;

#define CRL_SHARDS_MAX 256

/* Shard 0 has crl_url and crl_file themselves; shard 3 of ".../issuing.crl"
 * is ".../issuing-3.crl". */
const char *status_shard_url(
    struct arena *a, const struct conf_issuer *c, int64_t shard);
const char *status_shard_file(
    struct arena *a, const struct conf_issuer *c, int64_t shard);
/* Which one a new certificate goes to (PK-154). */
int64_t status_shard_of(const struct conf_issuer *c, struct span serial);

bool status_ocsp_is_on(const struct conf_issuer *c);
/* Is there a process that answers single clients (src/live_answer.h)? */
bool status_ocsp_is_live(const struct conf_issuer *c);
struct conf;
/* The same for the whole configuration: another CA may issue. */
bool status_has_responder(const struct conf *conf);
/* The file of the answers about numbers that end with this octet. */
const char *status_segment_file(
    struct arena *a, const struct conf_issuer *c, int64_t segment);
int64_t status_segment_of(struct span serial);

/* The path of an http URL: "/" where it has none. */
struct span status_url_path(const char *url);

#endif
