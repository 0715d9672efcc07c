/* What a configuration says to listen on: an address and a port, a Unix socket,
 * or what the service manager opened. */
#ifndef SRC_CONF_LISTEN_H
#define SRC_CONF_LISTEN_H

struct arena;

/*
 * "127.0.0.1:443", "[::1]:443", "0.0.0.0:443" → host and port: 0, or -1 if it
 * is no address and a port; names are not looked up.
 */
int conf_parse_listen(
    struct arena *a, const char *value, const char **host, const char **port);
/* The same of where others listen, which may be a name: "mail.example:993". */
int conf_parse_host_port(
    struct arena *a, const char *value, const char **host, const char **port);
/* "unix:/run/acme.sock" → the file, else NULL. */
const char *conf_listen_path(const char *value);
/* Sockets that the service manager opened. */
#define CONF_LISTEN_SYSTEMD "systemd"

#endif
