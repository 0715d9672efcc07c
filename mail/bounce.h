/*
 * Delivery status notifications (RFC 3464, ER-24, MA-106), by structure only:
 * what it says of the recipient, and which message came back.  Whether it
 * arrived at a tag of ours is the caller's to know.  It never authenticates
 * and its quoted Subject is never read.
 */
#ifndef MAIL_BOUNCE_H
#define MAIL_BOUNCE_H

#include "mail/field.h"
#include "mail/finding.h"

/* A delivery status notification (ER-24, MA-106), by structure only. */
struct dsn {
	bool is_dsn; /* multipart/report; report-type=delivery-status */
	bool parsed; /* strictly */
	bool failed; /* Action: failed */
	bool delayed;
	char status[12];                 /* "5.1.1" */
	const char *original_message_id; /* of the returned message, or NULL */
};

/*
 * 1 and the finding (dsn.failed, dsn.delayed; dsn.noted when it says neither;
 * dsn.unparsed) if the message is such a notification, else 0.
 */
int bounce_parse(
    struct job *j, const struct message *m, struct dsn *out, struct finding *f);
/* Is the root multipart/report, of whatever kind? */
bool bounce_is_report(struct job *j, const struct message *m);

#endif
