/*
 * How the process that answers OCSP clients (src/role_responder.h) is reached:
 * SOCK_SEQPACKET pairs that the supervisor makes and the processes inherit, so
 * that nobody else is at the other end.  One leads to the issuer, one to each
 * listener of the web role, which has a thread of its own.
 *
 *	issuer  <-  k CertificationRequest      again until there is an answer
 *	        ->  certificate
 *	        <-  s OCSPResponse              one of what it gives (PK-141)
 *	web     ->  number[8] OCSPRequest
 *	        <-  number[8] OCSPResponse      of the request with this number
 *
 * An answer with another number is of a question that nobody waits for.
 */
#ifndef SRC_LIVE_LINK_H
#define SRC_LIVE_LINK_H

#include <stdint.h>

#include "pki/ocsp_answer.h"
#include "pki/responder_request.h"
#include "src/http_listen.h"

struct job;

#define LIVE_KEY_MAX RESPONDER_REQUEST_MAX
#define LIVE_CERTIFICATE_MAX 4096 /* octets */
#define LIVE_NUMBER_LEN 8
/* The first octet of what the issuer is told. */
enum live_kind { LIVE_KEY = 'k', LIVE_SAMPLE = 's' };
#define LIVE_ASK_MS 1000

/* Descriptors that one process inherits: the responder has the issuer's first,
 * then those of the web role's listeners in their sequence; each of these two
 * has its own ends. */
struct live_ends {
	int fds[1 + HTTP_SOCKETS_MAX];
	size_t n;
};

/* The supervisor's: both ends of all of them, for so many listeners.  Close-on-
 * exec, non-blocking.  0, or -1 ERR_INTERNAL. */
struct live_pairs {
	struct live_ends responder, issuer, web;
};
int live_pairs_make(struct job *j, size_t listeners, struct live_pairs *out);

/* "3,4,5" as it stands in an argument: 0 or -1; and that text. */
int live_ends_parse(const char *text, struct live_ends *out);
const char *live_ends_text(struct arena *a, const struct live_ends *ends);

/* A message, in the job's arena: 1, 0: there is none, -1: nobody is at the
 * other end any more. */
int live_take(struct job *j, int fd, size_t max, struct span *message);
/* 0, or -1: it does not fit now. */
int live_give(int fd, struct span message);
/* The same to the issuer, and what it is told: 0, or -1: it is nothing. */
int live_tell(struct arena *a, int fd, enum live_kind kind, struct span body);
int live_told(struct span message, enum live_kind *kind, struct span *body);

/* The web role's end. */
struct live_asker {
	int fd;
	uint64_t number;
	int64_t silent_until_ms; /* after no answer came: nobody waits */
};

/* -1: there is nobody to ask. */
void live_asker_init(struct live_asker *a, int fd);
/* 0 and the OCSPResponse, or -1: there is none within LIVE_ASK_MS. */
int live_ask(struct job *j, struct live_asker *a, struct span request,
    struct span *response);
/* Of a question: its request, and the answer's message around a response. */
int live_question(
    struct span message, struct span *number, struct span *request);
struct span live_reply(
    struct arena *a, struct span number, struct span response);

#endif
