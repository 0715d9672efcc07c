/* Where the configuration says that the CA and its key are. */
#ifndef SRC_CA_CONF_H
#define SRC_CA_CONF_H

#include "pki/key.h"

struct conf;

/* With the key in its file or its token; lives as long as `keep`. */
struct ca_files ca_conf_files(struct arena *keep, const struct conf *conf);
/* Where a key's token is. */
struct conf_token;
struct token_place;
struct token_place ca_conf_token(
    const struct conf *conf, const struct conf_token *t);
/* The PIN of the key's token, which is in no file (src/pins.h). */
void ca_conf_use_pin(struct arena *keep, struct ca_files *files,
    struct span pin, bool is_by_hand);
/* A key in a token is used by another process (PK-202); NULL: by this one. */
struct remote_key;
void ca_conf_use_signer(
    struct ca_files *files, const struct remote_key *remote);
/* Without the key: for who only looks. */
struct ca_files ca_conf_certificates(const struct conf *conf);

/* PK-122, PK-123: why a profile that is offered would give certificates that
 * are not valid below this CA, in the job's arena; NULL: they are. */
const char *ca_conf_profile_problem(struct job *j, const struct ca *ca);
/* 0, or -1 with that problem in public mode, where such a configuration is not
 * taken; a private CA may be for programs that do not look (section 10). */
int ca_conf_profiles_check(struct job *j, const struct ca *ca);

#endif
