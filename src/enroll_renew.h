/*
 * `countersign enroll --renew`: is it time to renew a certificate?  The CA
 * says (RFC 9773); where it does not, the certificate's dates do.
 *
 *	enroll_renew_load()     the certificate, and what an earlier run was
 *	                        told, into e->renewal
 *	enroll_renew_waits()    still too early by that: nobody is asked
 *	enroll_renew_ask()      asks the server, and keeps what it says
 *	enroll_renew_print()    the line for who came too early
 *	enroll_renew_done()     forgets what was kept
 */
#ifndef SRC_ENROLL_RENEW_H
#define SRC_ENROLL_RENEW_H

#include "lib/buf.h"

struct enroll;
struct job;

struct enroll_plan {
	int64_t start, end; /* the window in which to renew */
	int64_t ask_at;     /* the server is not asked again before; 0: now */
};

struct enroll_renewal {
	const char *certid;     /* RFC 9773 section 4.1 */
	const char **mailboxes; /* of the certificate */
	size_t mailbox_count;
	int64_t not_before, not_after;
	bool is_known; /* by the server: the order can say what it replaces */
	struct enroll_plan plan;
};

/* A leaf certificate in PEM, other text around it allowed: 0, or -1
 * ERR_MALFORMED. */
int enroll_renewal_parse(
    struct job *j, struct span pem, struct enroll_renewal *out);
/*
 * The moment in the window at which this certificate is renewed.  RFC 9773
 * section 4.2 wants it uniformly random; taken from the certificate's
 * identifier it is that among certificates, and the same in every run.
 */
int64_t enroll_renewal_moment(
    const char *certid, const struct enroll_plan *plan);
/* Without the server's word: the last third of the validity. */
struct enroll_plan enroll_renewal_usual(const struct enroll_renewal *r);

/* What is kept between runs, as text and back: -1 if it is not of now. */
struct span enroll_plan_format(struct job *j, const struct enroll_plan *plan);
int enroll_plan_parse(
    struct job *j, struct span text, int64_t now, struct enroll_plan *out);
/* RFC 9773 section 4.3.2, within reason: a minute to a day. */
int64_t enroll_plan_ask_at(int64_t retry_after, int64_t now);

int enroll_renew_load(struct enroll *e); /* 0, -1 */
bool enroll_renew_waits(const struct enroll *e);
/* 1: it is time; 0: it is not; -1. */
int enroll_renew_ask(struct enroll *e);
void enroll_renew_print(const struct enroll *e);
void enroll_renew_done(struct enroll *e);

#endif
