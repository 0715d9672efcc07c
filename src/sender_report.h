/* The sender's reports of refusals by CAA records (PK-37), which the
 * suppression list can forbid. */
#ifndef SRC_SENDER_REPORT_H
#define SRC_SENDER_REPORT_H

struct job;
struct sender;

/* The next one: 1 done, 0 nothing due, -1 failed (job's error; try later). */
int sender_report_step(const struct sender *s, struct job *j);

#endif
