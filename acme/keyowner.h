/*
 * Whose key is it?  One key stands in certificates of one account (PK-78).
 */
#ifndef ACME_KEYOWNER_H
#define ACME_KEYOWNER_H

struct conf;
struct csr;
struct job;
struct order;

/* Asked by web at finalize and by the issuer where a serial is about to be
 * taken: 0, or -1 ERR_BAD_CSR for another account's key, unless the
 * configuration lets keys be shared. */
int key_check_owner(struct job *j, const struct conf *conf,
    const struct order *order, const struct csr *csr);

/* Where a serial is about to be taken: logs a warning if certificates of the
 * account have the key for other mailboxes, or for signing alone where this one
 * is for encryption alone, or the other way round.  0 / -1. */
int key_warn_of_uses(
    struct job *j, const struct order *order, const struct csr *csr);

#endif
