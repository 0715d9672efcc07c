/*
 * A number that was reserved and not signed yet, and its contents (PK-144,
 * PK-145): what must hold before the key is used for it again.
 */
#ifndef SRC_RESERVED_H
#define SRC_RESERVED_H

struct cert;
struct csr;
struct issuer;
struct job;
struct order;

/*
 * 0, or -1 with ERR_UNAUTHORIZED, after an alarm:
 * - the row is not what this issuer built and linted for this order and this
 *   key: who merely writes rows cannot have anything signed (PK-205);
 * - the number was given up;
 * - its moment and its rules are not under the issuer's seal: changed, or
 *   written by an earlier version;
 * - the contents are older than two days, end before now, or were linted by
 *   other rules than those of today (PK-142).
 */
int reserved_check(const struct issuer *i, struct job *j, const struct order *o,
    const struct csr *csr, const struct cert *c);

#endif
