/*
 * For the tests of CAA: a CA with two domains, an account of it and another
 * one, and records that are written as zone files have them.
 */
#ifndef TESTS_UNIT_CAA_LAB_H
#define TESTS_UNIT_CAA_LAB_H

#include "pki/caa.h"

struct job;

#define CAA_LAB_ACCOUNT "https://acme.ca.example/acme/account/AAAA"
#define CAA_LAB_OTHER "https://acme.ca.example/acme/account/BBBB"

/* ca.example and Old-CA.example; flag 1 is critical. */
extern const struct caa_policy caa_lab_policy;

/* `flags tag value` as RDATA; the value is the rest of the text. */
struct span caa_lab_record(struct job *j, const char *text);
/* Records separated by |: how many. */
size_t caa_lab_records(
    struct job *j, const char *text, struct span *out, size_t max);

#endif
