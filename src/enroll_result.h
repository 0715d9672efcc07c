/*
 * What `countersign enroll` leaves behind: the files, and the final line.
 */
#ifndef SRC_ENROLL_RESULT_H
#define SRC_ENROLL_RESULT_H

struct enroll;
struct enroll_certificate;

/* Before anybody is asked: may the files be written?  0, or -1 ERR_CONFLICT
 * because one is there. */
int enroll_result_check(struct enroll *e);
int enroll_result_write(struct enroll *e, const struct enroll_certificate *c);
void enroll_result_print(
    const struct enroll *e, const struct enroll_certificate *c);

#endif
