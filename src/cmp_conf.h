/* The CMP client of the section `external`: its files, and its way there. */
#ifndef SRC_CMP_CONF_H
#define SRC_CMP_CONF_H

struct arena;
struct cmp_client;
struct job;

/*
 * Reads certificate, key and the other CA's pinned certificate; the client
 * belongs to `keep` and sends over HTTP or HTTPS (RFC 9811).  0, or -1
 * ERR_INTERNAL naming the option and what would be right.
 */
int cmp_conf_load(
    struct job *j, struct arena *keep, const struct cmp_client **out);

#endif
