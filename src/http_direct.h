/*
 * An answer that libmicrohttpd would not take: it does so only before the
 * body or after it, so one that comes too slowly or gets too long could only
 * be cut off without a word (AC-5).  This writes to the connection itself,
 * which is sound on its own thread, inside one of its callbacks, while it
 * receives; afterwards it must be closed.
 */
#ifndef SRC_HTTP_DIRECT_H
#define SRC_HTTP_DIRECT_H

struct MHD_Connection;
struct job;
struct response;

/* Does not wait: what the socket does not take at once is lost. */
void http_direct_send(
    struct MHD_Connection *connection, struct job *j, const struct response *r);

#endif
