/*
 * A name server for the zone test., on loopback, by UDP and TCP, in a process
 * of its own: setup and teardown of a test.  The first label of a question says
 * how it is answered: "silent" never, "quiet" not so often as quiet_left says,
 * "servfail", "nx" and "refused" by that code, "nodata" by none, "large" by a
 * truncated answer and by TCP with the rest, "c7" by an alias to "c8" (to "c20"
 * in the end), all others by a TXT record and "ok" by an MX record, too.
 */
#ifndef TESTS_UNIT_NAME_SERVER_H
#define TESTS_UNIT_NAME_SERVER_H

struct name_server_counters {
	int udp, tcp;   /* questions so far */
	int quiet_left; /* questions for "quiet" that get no answer */
};

/* Shared with the server: valid from start to stop. */
extern struct name_server_counters *name_server_counters;
/* The same of UDP and TCP. */
extern int name_server_port;

int name_server_start(void **state);
int name_server_stop(void **state);

#endif
