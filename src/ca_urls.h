/*
 * The URLs that the certificates of one CA of the configuration carry, and its
 * own certificate (PK-104, PK-105, PK-126, PK-127): what PK-133 wants answered
 * before the first certificate names them.
 */
#ifndef SRC_CA_URLS_H
#define SRC_CA_URLS_H

#include <stddef.h>
#include <stdint.h>

#include "acme/urls.h"

struct arena;
struct ca_above;
struct conf;
struct conf_issuer;
struct job;

enum ca_url_kind {
	CA_URL_LIST,        /* of a shard */
	CA_URL_CERTIFICATE, /* of the issuing CA */
	CA_URL_OCSP,
	CA_URL_ABOVE_LIST, /* of the CA that signed the issuing CA's */
	CA_URL_ABOVE_CERTIFICATE,
};

struct ca_url {
	enum ca_url_kind kind;
	const char *url;
	int64_t shard; /* of CA_URL_LIST */
};

/* All of them, which live as long as `keep`. */
void ca_urls_list(struct arena *keep, const struct conf_issuer *c,
    const struct ca_above *above, struct ca_url **out, size_t *count);

/*
 * What must have been answered before a certificate is issued: those of the
 * issuing CA in public mode; none in private mode, or where another CA issues,
 * whose URLs are its own (PK-220).  From the files of the configuration; lives
 * as long as `keep`.  0, or -1.
 */
int ca_urls_needed(struct job *j, struct arena *keep, const struct conf *conf,
    struct urls *out);
/* The same in private mode too, where it is advice. */
int ca_urls_of_issuer(struct job *j, struct arena *keep,
    const struct conf *conf, struct urls *out);

#endif
