/*
 * CAA checks that are due, with what remote perspectives say to them and to
 * the DKIM key of the reply (pki.md 4 and 6), each recorded with its seal.
 */
#ifndef SRC_JUDGE_CAA_H
#define SRC_JUDGE_CAA_H

struct job;
struct validator;

/* One that is due, with those of the same order (MP-9): 1, 0, -1. */
int judge_caa(struct validator *v, struct job *j);
/* A perspective's answer that its round did not wait for (PK-52): noted.
 * 1, 0, -1. */
int judge_caa_late(struct validator *v, struct job *j);

#endif
