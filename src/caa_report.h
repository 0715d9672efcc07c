/*
 * Who is told of a refusal by CAA records (PK-37): the first usable mailbox
 * that they name, where policy.caa_report says so.
 *
 * The records and the mailbox are strangers': at most one report in 24 hours
 * about a domain and those below it, and to a mailbox, whoever asks; none to
 * ourselves.
 */
#ifndef SRC_CAA_REPORT_H
#define SRC_CAA_REPORT_H

struct caa_row;
struct job;

/* In the transaction that records the refusal: 0, or -1. */
int caa_report_queue(struct job *j, const struct caa_row *c);

#endif
