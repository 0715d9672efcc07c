/*
 * TLS towards a mail server: one policy for SMTP and IMAP.
 *
 * The peer's certificate is verified for the configured host (never for what
 * DNS or the server says), TLS 1.2 at least, no session is resumed, and the
 * host is named in the handshake (SNI).
 */
#ifndef MAIL_TLS_CLIENT_H
#define MAIL_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "mail/dial.h"

struct job;

struct tls_client {
	SSL_CTX *ctx;
	char host[DIAL_HOST_MAX + 1];
	char why[200]; /* why the last certificate was refused, or "" */
};

/* `ca_file` NULL: the system's.  0, or -1 ERR_INTERNAL naming the file. */
int tls_client_init(
    struct job *j, const char *ca_file, const char *host, struct tls_client *t);
void tls_client_done(struct tls_client *t);
/* Before the handshake of each connection: SNI, and `why` forgotten. */
void tls_client_prepare(struct tls_client *t, SSL *ssl);
/* Why the handshake failed, for the log; empties OpenSSL's error queue. */
const char *tls_client_error(struct tls_client *t);

#endif
