/*
 * Delivery status notifications (RFC 3464, ER-24, MA-106), by structure only:
 * what it says of the recipient, and which message came back.  Whether it
 * arrived at a tag of ours is the caller's to know.  It never authenticates
 * and its quoted Subject is never read.  Nor is any of its free text: that may
 * quote the challenge mail.
 */
#ifndef MAIL_BOUNCE_H
#define MAIL_BOUNCE_H

#include "mail/field.h"
#include "mail/finding.h"

/* A delivery status notification (ER-24, MA-106), by structure only. */
struct dsn {
	bool is_dsn;     /* a report of delivery, or (unparsed) a bounce */
	bool parsed;     /* strictly */
	bool failed;     /* Action: failed, and no other */
	bool passed_on;  /* that, but for one that the mailbox stands for */
	bool delayed;    /* Action: delayed, and no other */
	char status[12]; /* "5.1.1"; of the Diagnostic-Code where Status
			  * says nothing ("5.0.0") */
	const char *original_message_id; /* of the returned message, or NULL */
};

/*
 * 1 and the finding (dsn.failed, dsn.delayed; dsn.noted when it says neither;
 * dsn.unparsed) if the message is such a notification, else 0.  One is
 * multipart/report; report-type=delivery-status, or the multipart/mixed of
 * OpenSMTPD, which has the same three parts.
 */
int bounce_parse(
    struct job *j, const struct message *m, struct dsn *out, struct finding *f);
/* For a message that is no notification and no reply: was it sent without an
 * envelope sender?  Then dsn.unparsed, as above. */
int bounce_parse_other(
    const struct message *m, struct dsn *out, struct finding *f);
/* Is the root multipart/report, of whatever kind? */
bool bounce_is_report(struct job *j, const struct message *m);

#endif
