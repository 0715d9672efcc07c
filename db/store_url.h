/*
 * The URLs that certificates of a CA carry, and which of them were seen to be
 * answered through their public names (PK-133): countersign ca check-urls
 * writes, issuer and web read.
 */
#ifndef DB_STORE_URL_H
#define DB_STORE_URL_H

#include "db/store.h"

/* It was answered, last at j->now. */
int store_url_pass(struct job *j, const char *ca_label, const char *url);
/* 1 and *at: when it was last; 0: never; -1. */
int store_url_passed(
    struct job *j, const char *ca_label, const char *url, int64_t *at);

#endif
