/*
 * A server that a test plays itself: a script in a child process on a loopback
 * port, with or without TLS, one connection after the other.
 *
 *	static const struct peer_step script[] = {
 *		{ PEER_SEND, "220 ready\r\n" },
 *		{ PEER_EXPECT, "EHLO " },
 *		{ PEER_SEND, "250 here\r\n" },
 *		{ PEER_SILENCE, NULL },
 *		{ PEER_END, NULL },
 *	};
 *	struct peer *p = peer_start(script, NULL);
 *	… connect to 127.0.0.1, peer_port(p) …
 *	peer_stop(p);
 *	… peer_heard(p, "EHLO ") …
 *	peer_free(p);
 *
 * Nothing here sleeps or depends on speed: a step waits for bytes or for the
 * connection's end, and after two minutes the child ends by itself.
 */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include <stdbool.h>
#include <stddef.h>

enum peer_verb {
	PEER_END,  /* close the connection; the next one plays from the start */
	PEER_NEXT, /* the same, but the next connection goes on from here */
	PEER_SEND, /* %T stands for the first word of the last line heard */
	PEER_EXPECT,   /* a line that starts so (letters of any case) */
	PEER_LINES,    /* lines up to and including one that is equal */
	PEER_OCTETS,   /* BDAT: as many octets as the last line says */
	PEER_TLS,      /* take a handshake */
	PEER_TICKET,   /* another session ticket, which is no data */
	PEER_SILENCE,  /* until the other side closes */
	PEER_FAREWELL, /* the same, or until it says LOGOUT */
	PEER_RESET,    /* as END; the other side sees an error */
	PEER_FLOOD, /* the same again and again, until the other side closes */
	PEER_DRIP,  /* the same, ten octets a second */
};

struct peer_step {
	enum peer_verb verb;
	const char *text;
};

/* Certificates made on the spot: an authority and a server's. */
struct peer_tls;
/* `name` is a DNS name or an IP address; NULL ca_path: none is written. */
struct peer_tls *peer_tls_new(const char *name);
void peer_tls_free(struct peer_tls *t);
/* A PEM file with the authority's certificate; gone with the struct. */
const char *peer_tls_ca_file(const struct peer_tls *t);
/* A PEM file with a client's certificate of that authority and its key; from
 * then on who shows none is refused.  Gone with the struct. */
const char *peer_tls_client_file(struct peer_tls *t);

struct peer;
struct peer *peer_start(const struct peer_step *steps, struct peer_tls *tls);
/* At "::1" instead of 127.0.0.1; NULL if there is no such address. */
struct peer *peer_start_at(
    const struct peer_step *steps, struct peer_tls *tls, const char *address);
int peer_port(const struct peer *p);
/* Lets the connection end that is open, then the child. */
void peer_stop(struct peer *p);
/* After peer_stop(): did these bytes arrive?  All of them; whether a script
 * went as expected ("" if so, else what was heard instead). */
bool peer_heard(const struct peer *p, const char *text);
const char *peer_transcript(const struct peer *p, size_t *n);
const char *peer_complaint(const struct peer *p);
int peer_connections(const struct peer *p);
/* Did a client name this host in its TLS handshake (SNI)? */
const char *peer_sni(const struct peer *p);
void peer_free(struct peer *p);

/* A port of 127.0.0.1 where nobody is answered, not even refused: its queue is
 * full. */
struct peer_deaf;
struct peer_deaf *peer_deaf_new(void);
int peer_deaf_port(const struct peer_deaf *d);
void peer_deaf_free(struct peer_deaf *d);

#endif
