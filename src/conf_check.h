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

/*
 * "127.0.0.1:443", "[::1]:443", "0.0.0.0:443" → host and port: 0 or -1.
 */
int conf_parse_listen(
    struct arena *a, const char *value, const char **host, const char **port);
/* "unix:/run/acme.sock" → the file, else NULL. */
const char *conf_listen_path(const char *value);
/* Sockets that the service manager opened. */
#define CONF_LISTEN_SYSTEMD "systemd"

#endif
