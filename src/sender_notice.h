/*
 * The sender's notices of incidents, reports and renewals (PK-184, PK-185,
 * PK-191): one mail for each address, which
 * the suppression list can forbid.
 */
#ifndef SRC_SENDER_NOTICE_H
#define SRC_SENDER_NOTICE_H

struct job;
struct sender;

/* The next one: 1 done, 0 nothing due, -1 failed (job's error; try later). */
int sender_notice_step(const struct sender *s, struct job *j);

#endif
