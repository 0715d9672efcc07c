/*
 * Where the PIN of a token comes from (PK-199): of three ways one.
 */
#ifndef SRC_CONF_PIN_H
#define SRC_CONF_PIN_H

struct conf;
struct conf_token;

/* What is wrong with them for one key of it, or NULL. */
const char *conf_pin_problem(const struct conf *c, const struct conf_token *t);

#endif
