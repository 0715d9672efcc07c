/*
 * For the tests of mail/fetch.h: scripted IMAP servers (tests/unit/peer.h), in
 * the words below, and sessions with them.
 */
#ifndef TESTS_UNIT_FETCH_LAB_H
#define TESTS_UNIT_FETCH_LAB_H

#include "mail/fetch.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"

/* Generous: no test passes or fails because a machine is slow. */
#define TIMEOUT_MS 60000

#define SEND(text)                                                             \
	{                                                                      \
		PEER_SEND, text                                                \
	}
#define HEAR(text)                                                             \
	{                                                                      \
		PEER_EXPECT, text                                              \
	}
#define OK SEND("%T OK done\r\n")
#define STAY                                                                   \
	{ PEER_FAREWELL, NULL },                                               \
	{                                                                      \
		PEER_END, NULL                                                 \
	}
#define GREETING SEND("* OK [CAPABILITY IMAP4rev1] ready\r\n")
#define CAPS(list)                                                             \
	HEAR(" CAPABILITY"), SEND("* CAPABILITY IMAP4rev1 " list "\r\n"), OK
#define LOGIN HEAR(" LOGIN user s3cret"), OK
#define SELECT                                                                 \
	HEAR(" SELECT INBOX"),                                                 \
	    SEND("* 2 EXISTS\r\n* OK [UIDVALIDITY 77] v\r\n"                   \
		 "* OK [UIDNEXT 12] n\r\n%T OK [READ-WRITE] done\r\n")
#define OPEN(list)                                                             \
	{ PEER_TLS, NULL }, GREETING, CAPS(list), LOGIN, CAPS(list), SELECT
#define FOUND(uids) HEAR(" UID SEARCH"), SEND("* SEARCH" uids "\r\n"), OK
/* What fetch_list() reads of one message. */
#define ITEM(n, uid, size)                                                     \
	SEND("* " n " FETCH (UID " uid " RFC822.SIZE " size                    \
	     " INTERNALDATE \"02-Mar-2026 11:00:00 +0100\")\r\n")
#define BODY_HEAD(uid, size, literal)                                          \
	SEND("* 1 FETCH (UID " uid " RFC822.SIZE " size " BODY[]<0> {" literal \
	     "}\r\n")

/* Of localhost; of localhost, but not trusted; of another host. */
extern struct peer_tls *fetch_lab_tls, *fetch_lab_other_tls,
    *fetch_lab_wrong_tls;
/* Makes them once, for as long as the program runs. */
int fetch_lab_certificates(void **state);
#define WITH_TLS(test) cmocka_unit_test_setup(test, fetch_lab_certificates)

struct fetch_conf fetch_lab_conf(int port);
struct fetch *fetch_lab_new(int port, enum conf_tls mode,
    enum conf_disposal disposal, const char *ca_file, int64_t timeout_ms);
/* A connected session with a server that plays this. */
struct fetch *fetch_lab_open(const struct peer_step *script,
    enum conf_disposal disposal, struct peer **p);
void fetch_lab_close(struct fetch *f, struct peer *p);
void fetch_lab_failed(int result, enum err_kind kind, const char *text);

#endif
