/*
 * What one run of `countersign enroll` has in hand, how it talks to the user
 * and how it spends its time.
 */
#ifndef SRC_ENROLL_SESSION_H
#define SRC_ENROLL_SESSION_H

#include "lib/buf.h"
#include "src/enroll_csr.h"
#include "src/enroll_line.h"
#include "src/enroll_renew.h"

struct acme_client;
struct enroll_box;
struct enroll_options;
struct evp_pkey_st;
struct job;
struct resolver;

struct enroll {
	struct job *j;
	const struct enroll_options *o;
	struct enroll_request request;
	struct enroll_renewal renewal; /* with --renew */
	struct evp_pkey_st *account_key;
	struct acme_client *client;
	struct resolver *resolver;
	struct enroll_box *box; /* NULL: by hand */
	struct enroll_lines lines;
	struct span p12_password;
	int64_t deadline; /* on clock_mono_ms() */
};

/* A line on standard error: standard output is for results and, by hand, for
 * what is to be copied. */
void enroll_tell(const char *text);
void enroll_tellf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Milliseconds until --timeout; never negative. */
int64_t enroll_time_left(const struct enroll *e);
/* As long as the server asks (-1: it does not say), never past the end. */
void enroll_pause(const struct enroll *e, int64_t retry_after);
/*
 * After a request that may be repeated has failed: is it worth another try?
 * Then the user has been told, the error is forgotten and a pause is over.
 */
bool enroll_again(struct enroll *e);
/* -1 with the job's error.  `last` is the server's last word, or NULL. */
int enroll_out_of_time(struct enroll *e, const char *what, const char *last);

#endif
