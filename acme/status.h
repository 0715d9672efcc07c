/*
 * The only code that says what follows what (acme.md section 17): statuses
 * as pure functions of the stored facts and the clock.
 */
#ifndef ACME_STATUS_H
#define ACME_STATUS_H

#include "db/store_account.h"
#include "db/store_order.h"
#include "lib/err.h"

enum account_status { ACCOUNT_VALID, ACCOUNT_DEACTIVATED, ACCOUNT_REVOKED };
enum challenge_status {
	CHALLENGE_PENDING,
	CHALLENGE_PROCESSING,
	CHALLENGE_VALID,
	CHALLENGE_INVALID
};
enum authz_status {
	AUTHZ_PENDING,
	AUTHZ_VALID,
	AUTHZ_INVALID,
	AUTHZ_EXPIRED,
	AUTHZ_DEACTIVATED,
	AUTHZ_REVOKED
};
enum order_status {
	ORDER_PENDING,
	ORDER_READY,
	ORDER_PROCESSING,
	ORDER_VALID,
	ORDER_INVALID
};

enum account_status account_status(const struct account *a);
enum challenge_status challenge_status(const struct authz *a, int64_t now);
enum authz_status authz_status(const struct authz *a, int64_t now);
enum order_status order_status(const struct order *o, int64_t now);

const char *account_status_name(enum account_status s);
const char *challenge_status_name(enum challenge_status s);
const char *authz_status_name(enum authz_status s);
const char *order_status_name(enum order_status s);

/* AC-97: what the order shows as `expires`. */
int64_t order_expires(const struct order *o, int64_t now);
int64_t authz_expires(const struct authz *a);
/* AC-102: until when an authorization that becomes valid now is valid. */
int64_t authz_valid_until(
    const struct authz *a, int64_t now, int64_t valid_life, int64_t order_life);
/* AC-190: seconds, or 0 for no field. */
int64_t challenge_retry_after(const struct authz *a, int64_t now);
int64_t order_retry_after(const struct order *o, int64_t now);

/* What ends with the clock, and what is said of it then. */
struct deadline {
	enum err_kind kind;
	const char *text;
};
extern const struct deadline deadline_of_reply;  /* AC-128 */
extern const struct deadline deadline_of_quorum; /* MP-6 */

/*
 * What a challenge shows as `error`: a problem as stored (JSON), or NULL.
 * *missed, or NULL: it has none of its own, it ended at that deadline.
 */
const char *challenge_error(
    const struct authz *a, int64_t now, const struct deadline **missed);

#endif
