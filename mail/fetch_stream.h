/*
 * The bytes under an IMAP session, and under an SMTP session of our own: a
 * socket, TLS on it when it is time, and three limits that hold whatever the
 * other side does: a deadline, a number of octets, and nothing after an error.
 *
 * libetpan reads and writes through fetch_stream_low(); its own streams
 * verify no certificate and wait with select().
 */
#ifndef MAIL_FETCH_STREAM_H
#define MAIL_FETCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct _mailstream_low;
struct fetch_stream;
struct tls_client;

/* Takes over a connected, non-blocking descriptor. */
struct fetch_stream *fetch_stream_new(int take_fd);
void fetch_stream_free(struct fetch_stream *s); /* NULL-safe; closes */

/* For the next reads and writes together: until when (clock_mono_ms()), and
 * how many octets may come. */
void fetch_stream_limit(
    struct fetch_stream *s, int64_t deadline, size_t octets);

/* Asked about twice a second while the other side is waited for: once it is
 * true, whatever is waited for has a second more.  NULL: never. */
void fetch_stream_end_when(struct fetch_stream *s, bool (*is_ending)(void));

/* Handshake before the deadline: 0, or -1. */
int fetch_stream_start_tls(struct fetch_stream *s, struct tls_client *tls);

/*
 * Waits until there is something to read (1), `wake_fd` is readable (2; -1:
 * none) or the time is over (0); -1 after an error.  Bytes that TLS has
 * already taken from the socket count.
 */
int fetch_stream_wait(struct fetch_stream *s, int wake_fd, int64_t deadline);

/* Some octets, at least one; -1 after an error, of which an end is one. */
ssize_t fetch_stream_read(struct fetch_stream *s, void *out, size_t room);
ssize_t fetch_stream_write(struct fetch_stream *s, const void *p, size_t n);

/* The server has ended what goes on here, in these words: that is why, unless
 * something else was before. */
void fetch_stream_end(struct fetch_stream *s, const char *said);

/* Why the last call failed, or "". */
const char *fetch_stream_why(const struct fetch_stream *s);
/* If the server has said BYE, that is why, whatever else went wrong after it.
 */
void fetch_stream_say_farewell(struct fetch_stream *s);

/*
 * The driver for libetpan, which frees it with its session; the stream itself
 * stays and must be freed after that.
 */
struct _mailstream_low *fetch_stream_low(struct fetch_stream *s);

#endif
