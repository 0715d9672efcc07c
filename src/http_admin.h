/*
 * The listener of admin.listen: HTTPS for the pages that src/admin_front.h
 * answers.  Each client is asked for a certificate, on every socket, and may
 * go on without one: the pages then say what is missing.
 */
#ifndef SRC_HTTP_ADMIN_H
#define SRC_HTTP_ADMIN_H

#include <stdint.h>

struct admin_front;
struct conf;
struct http_admin;
struct job;
struct store_login;

#define HTTP_ADMIN_SOCKETS_MAX 4

/* Reads the certificate and binds the addresses: 0, or -1.  http_admin_stop()
 * ends it in either case. */
int http_admin_open(struct job *j, struct http_admin **out);
/* Starts a thread for each socket, with a connection to the database of its
 * own; `front` and `login` are borrowed.  0, or -1. */
int http_admin_start(struct http_admin *h, struct job *j,
    struct admin_front *front, const struct store_login *login);
/* For requests that begin from now on. */
void http_admin_set_conf(struct http_admin *h, const struct conf *conf);
/* Cuts connections that take too long: the milliseconds until it is to be
 * called again. */
int64_t http_admin_tend(struct http_admin *h);
void http_admin_stop(struct http_admin *h); /* NULL-safe */

#endif
