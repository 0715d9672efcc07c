/* What the values of a configuration must be to each other. */
#ifndef SRC_CONF_CHECK_H
#define SRC_CONF_CHECK_H

struct arena;
struct conf;

typedef void conf_check_fn(void *ctx, const char *option, const char *message);

/* Reports each mistake; `option` is its full name ("web.listen").  Fields
 * whose own value was wrong are unset, and are passed over. */
void conf_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx);

#endif
