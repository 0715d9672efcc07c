#include "config.h"

#include "src/http_direct.h"

#include "acme/request.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "src/http_date.h"
#include "src/tls.h"

#include <microhttpd.h>
#include <sys/socket.h>

#define TEXT_MAX 16384

static void
format(struct buf *b, struct job *j, const struct response *r)
{
	buf_addf(b, "HTTP/1.1 %d %s\r\n", r->status,
	    MHD_get_reason_phrase_for((unsigned)r->status));
	buf_add_str(b, "Date: ");
	http_date_add(b, j->now);
	buf_add_str(b, "\r\n");
	for (size_t i = 0; i < r->header_count; i++)
		buf_addf(
		    b, "%s: %s\r\n", r->headers[i].name, r->headers[i].value);
	buf_addf(
	    b, "Connection: close\r\nContent-Length: %zu\r\n\r\n", r->body.n);
	buf_add(b, buf_span(&r->body));
}

void
http_direct_send(
    struct MHD_Connection *connection, struct job *j, const struct response *r)
{
	const union MHD_ConnectionInfo *tls = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const union MHD_ConnectionInfo *socket = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	format(&b, j, r);
	if (!buf_ok(&b))
		return;
	if (tls != NULL)
		tls_send(tls->tls_session, b.p, b.n);
	else if (socket != NULL && send(socket->connect_fd, b.p, b.n,
				       MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* nobody there to be told */
}
