/*
 * Where the PIN of a token comes from (PK-199): of three ways one.
 */
#ifndef SRC_CONF_PIN_H
#define SRC_CONF_PIN_H

#include <stdbool.h>

struct conf;
struct conf_token;

/* Octets in hexadecimal, lower case, as they are compared with CKA_ID. */
#define CONF_TOKEN_ID_RULE "must be octets in hexadecimal, lower case: 01a2"
bool conf_token_id_is_good(const char *id);

/* What is wrong with them for one key of it, or NULL. */
const char *conf_pin_problem(const struct conf *c, const struct conf_token *t);

#endif
