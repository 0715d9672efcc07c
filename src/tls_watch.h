/*
 * The end of the HTTPS server's certificate, while it is in use: clients that
 * refuse it leave nothing in the log.
 */
#ifndef SRC_TLS_WATCH_H
#define SRC_TLS_WATCH_H

#include <stdint.h>

#include "lib/err.h"

struct job;

/* From so long before its end on a person is reminded. */
#define TLS_SOON_SECS (14 * (int64_t)86400)

struct tls_watch {
	int64_t looked_ms;  /* when it was looked at, monotonic; 0: never */
	long long end;      /* of that one */
	int64_t told_at;    /* when the log was told, of ... */
	long long told_end; /* ... the one with this end */
	char trouble[ERR_TEXT_MAX]; /* "": none */
};

/*
 * Looks at the certificate in use, which `file` had, at most once a minute and
 * when it is another one; tells the log once a day that it is not valid, or
 * ends soon.  What is wrong with it, for role_trouble(), or NULL; NULL as well
 * while none is in use.  The text is the watch's.
 */
const char *tls_watch(struct tls_watch *w, struct job *j, const char *file);

#endif
