/*
 * `countersign check`: would the other CA (section `external`) answer?
 * Nothing is ordered, made or changed there.
 */
#ifndef SRC_EXTERNAL_CHECK_H
#define SRC_EXTERNAL_CHECK_H

struct job;

/* 0, or -1 with the job's error: what is wrong and what would be right. */
int external_check(struct job *j);

#endif
