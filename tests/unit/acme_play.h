/*
 * What a scripted ACME server says (tests/unit/peer.h), for the tests of those
 * who speak to one.
 */
#ifndef TESTS_UNIT_ACME_PLAY_H
#define TESTS_UNIT_ACME_PLAY_H

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"

/* Every exchange is a connection of its own. */
#define EXCHANGE(line, status, fields, body)                                   \
	{ PEER_TLS, NULL }, { PEER_EXPECT, line }, { PEER_LINES, "\r\n" },     \
	    { PEER_SEND, acme_play_answer(status, fields, body) },             \
	    { PEER_SILENCE, NULL },                                            \
	{                                                                      \
		PEER_NEXT, NULL                                                \
	}
#define END                                                                    \
	{                                                                      \
		PEER_END, NULL                                                 \
	}

#define NONCE(n) "Replay-Nonce: " n "\r\n"
#define JSON "Content-Type: application/json\r\n"
#define PROBLEM "Content-Type: application/problem+json\r\n"
#define ACCOUNT "Location: https://ca.test/acct/1\r\n"
#define PROBLEM_OF(type, more)                                                 \
	"{\"type\":\"urn:ietf:params:acme:error:" type                         \
	"\",\"detail\":\"because\"" more "}"
#define FRESH_NONCE EXCHANGE("HEAD /nonce ", "200 OK", NONCE("first"), "")
#define FOUND                                                                  \
	EXCHANGE("POST /acct ", "200 OK", JSON ACCOUNT NONCE("second"),        \
	    "{\"status\":\"valid\"}")

static inline const char *
acme_play_answer(const char *status, const char *fields, const char *body)
{
	return arena_printf(unit_job()->arena,
	    "HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n"
	    "\r\n%s",
	    status, fields, strlen(body), body);
}

#endif
