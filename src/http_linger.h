/*
 * Connections that end while the client still sends: a close with octets
 * unread would make the kernel reset the connection, and the client might
 * never see why it was refused (RFC 9112 section 9.6).  So our side is shut,
 * what still comes is thrown away for a moment, and only then it is closed.
 */
#ifndef SRC_HTTP_LINGER_H
#define SRC_HTTP_LINGER_H

#include <stdbool.h>
#include <stdint.h>

/* At one time; one more is closed the hard way. */
#define HTTP_LINGER_MAX 256

struct http_linger;

struct http_linger *http_linger_new(void);
void http_linger_free(struct http_linger *l); /* NULL-safe */
/* Before its owner closes `fd`; from any thread. */
void http_linger_add(struct http_linger *l, int fd, int64_t now_ms);
/* To be called every now and then: are there any left? */
bool http_linger_tend(struct http_linger *l, int64_t now_ms);

#endif
