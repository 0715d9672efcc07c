/*
 * The HTTPS server's certificate, replaceable while connections live.
 * tls.c alone knows GnuTLS (the library that libmicrohttpd speaks TLS with).
 */
#ifndef SRC_TLS_H
#define SRC_TLS_H

#include "lib/buf.h"

struct job;
struct tls_identity; /* a chain and its key */

/* TLS 1.2 and 1.3, X25519 first (four times as many new connections a
 * second as with the library's own order); for libmicrohttpd. */
void *tls_priorities(void);

/*
 * Reads chain and key; from then on new connections get them.  0, or -1 with
 * the job's error and the former ones still in use.  Those are freed when the
 * last connection has ended that may use them.
 */
int tls_load(struct job *j, const char *certificate, const char *key);

/* The same on SIGHUP: that it fails is only logged. */
void tls_reload(struct job *j, const char *certificate, const char *key);

/*
 * Around the life of each connection whose session may call the callback
 * below, from any thread: what it may be given is kept for so long.  NULL, and
 * for tls_leave() nothing to do, where nothing was loaded.
 */
struct tls_identity *tls_enter(void);
void tls_leave(struct tls_identity *i);
/* How many pairs of chain and key are in memory. */
size_t tls_kept(void);

/* The callback that libmicrohttpd takes as an untyped pointer
 * (gnutls_certificate_retrieve_function2). */
void *tls_retrieve_callback(void);

/* Writes to a session (gnutls_session_t) that its thread does nothing else
 * with: 0, or -1 when not all of it could go at once. */
int tls_send(void *session, const void *p, size_t n);

/*
 * Did the client of a session (gnutls_session_t) show a certificate, for TLS
 * clients or for nothing in particular, that descends from those which the
 * server trusts?  The handshake alone does not ask for that.
 */
bool tls_client_is_trusted(void *session);

/*
 * Asks the client of a new session (gnutls_session_t) for a certificate, from
 * whomever it has it, and goes on if it has none.  Before the handshake.
 */
void tls_ask_client(void *session);
/* The key (SubjectPublicKeyInfo, DER) whose possession the client of a session
 * has shown, in the job's memory; empty: none.  Nobody was asked who vouches
 * for the certificate. */
struct span tls_client_key(struct job *j, void *session);

/* When the certificate in use ends. */
long long tls_not_after(void);

/* Is the certificate in use, which `file` had, valid at `now`, and for the
 * host name or IP address?  0, or -1 ERR_INTERNAL saying what to do. */
int tls_check_dates(struct job *j, const char *file, long long now);
int tls_check_host(struct job *j, const char *file, const char *host);

#endif
