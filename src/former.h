/*
 * Former issuing CAs (sections former_ca; PK-156): after a switch to another
 * key or another CA, the former one issues nothing any more, and its list and
 * its OCSP answers go on until its last certificate has ended and a list has
 * said so.  One whose key was destroyed (PK-207) signs nothing: its last list
 * and answers are served until they end.
 */
#ifndef SRC_FORMER_H
#define SRC_FORMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct arena;
struct ca;
struct conf_issuer;
struct issuer;
struct job;

/* Loads those that have not ended; they live as long as `keep`.  0, or -1
 * naming the section. */
int former_open(struct job *j, struct arena *keep, struct issuer *i);
/* At the start, as issuer_list_start(); a key that could not be loaded must
 * have been destroyed. */
int former_start(const struct issuer *i, struct job *j);
/* The k-th key that is here: false after the last. */
bool former_key(const struct issuer *i, size_t k, const struct ca **ca,
    struct span *sha256);
void former_close(struct issuer *i);
/* Only their certificates, and i->seal, for a command that looks at what they
 * have issued and signs nothing.  0, or -1 naming the section. */
int former_open_to_look(struct job *j, struct arena *keep, struct issuer *i);
/* Each that has not ended, while the job has what its section says as its
 * configuration; it stops at the first that fails, whose section is named then.
 * 0, or -1. */
int former_each(const struct issuer *i, struct job *j,
    int (*one)(const struct issuer *former, struct job *j, void *arg),
    void *arg);
/* The one of this label, by which certificates name it; NULL: there is none. */
const struct issuer *former_of(const struct issuer *i, const char *ca_label);
/* What its section says in the place of section issuer; NULL as well. */
const struct conf_issuer *former_conf(
    const struct issuer *i, const char *ca_label);

/* One list or one batch of answers of theirs that is due: 1, 0, -1. */
int former_step(struct issuer *i, struct job *j);
/* PK-157: the newest list of each, unless it is over, is in its file: 1, 0,
 * -1. */
int former_lists_are_out(const struct issuer *i, struct job *j);
/* 0 and *at: when the next one is due, INT64_MAX for never; -1. */
int former_due(const struct issuer *i, struct job *j, int64_t *at);

#endif
