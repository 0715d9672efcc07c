/* `countersign check`: can replies come in this way? */
#ifndef SRC_INTAKE_CHECK_H
#define SRC_INTAKE_CHECK_H

struct intake;
struct job;

/* "IMAP mailbox two", "LMTP": what is checked, for people; NULL: nothing. */
const char *intake_check_name(struct job *j, const struct intake *in);
/* 0, or -1 with what to do. */
int intake_check(struct job *j, const struct intake *in);

#endif
