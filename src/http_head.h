/*
 * What is a well-formed request, as far as its head says (AC-3 to AC-5): its
 * line and its header section.  libmicrohttpd is generous; everything here is
 * decided by us.
 */
#ifndef SRC_HTTP_HEAD_H
#define SRC_HTTP_HEAD_H

#include "lib/buf.h"

struct MHD_Connection;
struct job;
struct request;

#define HTTP_LINE_MAX 2048 /* AC-5 */
#define HTTP_HEADER_MAX 16384

struct http_head {
	/* From libmicrohttpd, where it received them: in its own memory. */
	const char *method, *target, *version;
	size_t target_n;
	/* Found by http_head_read(). */
	struct span forwarded; /* all of X-Forwarded-For, joined */
	bool is_chunked, has_body;
};

/*
 * Fills the fields of `req` from the header section: 0, or -1 when the
 * request must be refused whatever it is about, and nothing that follows on
 * its connection can be trusted to be a request.
 */
int http_head_read(struct MHD_Connection *connection, struct job *j,
    struct http_head *head, struct request *req);

#endif
