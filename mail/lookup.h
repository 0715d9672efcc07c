/*
 * getaddrinfo() that an end does not have to wait for: the C library's resolver
 * has times of its own and cannot be interrupted, so it runs in a thread, which
 * is left alone once this process is to end.
 */
#ifndef MAIL_LOOKUP_H
#define MAIL_LOOKUP_H

struct addrinfo;
struct turn;

/* Once until->is_ending() is true a second is left; its deadline is not looked
 * at.  0 and *out, for freeaddrinfo(); or what getaddrinfo() says, with errno
 * for EAI_SYSTEM: ECANCELED when it was left alone. */
int lookup_host(const char *host, const char *service, const struct turn *until,
    struct addrinfo **out);

#endif
