/*
 * For whom this server issues (AC-90, ER-13): the operator's lists of domains
 * and mailboxes.  Asked at newOrder, and again before a mail is sent.
 */
#ifndef ACME_POLICY_H
#define ACME_POLICY_H

#include "lib/addr.h"

struct conf;
struct conf_list;
struct job;

/*
 * An entry with @ is a mailbox, ".example.org" every domain below that one,
 * any other entry exactly that domain.  Domains compare without case.  The
 * local part compares exactly in the allow list; in the deny list without ASCII
 * case, and alice@ means alice+x@ too: the refusing side both times.  An empty
 * allow list allows all; the deny list goes first.
 */
bool policy_allows(const struct conf *conf, const struct addr *addr);

/* An account's own list, entries as in the allow list; NULL allows all, an
 * empty one nothing. */
bool policy_list_allows(const struct conf_list *list, const struct addr *addr);
/*
 * All that decides whether a challenge mail may be sent to the mailbox: these
 * lists, the account's own (or NULL), whether its holder asked for no more mail
 * (AC-189), and whether a reply from it could be read at all.  0, or -1
 * ERR_REJECTED_IDENTIFIER; one text for every cause.  Reads the store.
 */
int policy_check(struct job *j, const struct conf *conf,
    const struct conf_list *allow, const struct addr *addr);

/* Is newAuthz offered (AC-61)?  Not where no order could use what it
 * validates (AC-103). */
bool policy_offers_new_authz(const struct conf *conf);

/* What addr_parse() is to accept. */
struct addr_policy policy_addr(const struct conf *conf);

#endif
