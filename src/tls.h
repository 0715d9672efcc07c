/*
 * The HTTPS server's certificate, replaceable while connections live.
 * tls.c alone knows GnuTLS (the library that libmicrohttpd speaks TLS with).
 */
#ifndef SRC_TLS_H
#define SRC_TLS_H

struct job;

/* TLS 1.2 and 1.3, X25519 first (four times as many new connections a
 * second as with the library's own order). */
extern const char tls_priorities[];

/*
 * Reads chain and key; from then on new connections get them.  0, or -1 with
 * the job's error and the former ones still in use.
 */
int tls_load(struct job *j, const char *certificate, const char *key);

/* The callback that libmicrohttpd takes as an untyped pointer
 * (gnutls_certificate_retrieve_function2). */
void *tls_retrieve_callback(void);

/* When the certificate in use ends. */
long long tls_not_after(void);

#endif
