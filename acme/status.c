#include "config.h"

#include "acme/status.h"

#define DAY ((int64_t)24 * 60 * 60)
#define AUTHZ_LIFE_MAX (30 * DAY) /* AC-102, PK-12 */

static int64_t
min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* --- 17.1 accounts -------------------------------------------------------- */

enum account_status
account_status(const struct account *a)
{
	if (a->revoked_at != 0)
		return ACCOUNT_REVOKED;
	if (a->deactivated_at != 0)
		return ACCOUNT_DEACTIVATED;
	return ACCOUNT_VALID;
}

const char *
account_status_name(enum account_status s)
{
	switch (s) {
	case ACCOUNT_VALID:
		return "valid";
	case ACCOUNT_DEACTIVATED:
		return "deactivated";
	case ACCOUNT_REVOKED:
		return "revoked";
	}
	return "revoked";
}

/* --- 17.4 challenges ------------------------------------------------------ */

/* Deactivated or revoked before its time was over. */
static bool
is_put_away(const struct authz *a)
{
	return (a->deactivated_at != 0 && a->deactivated_at < a->expires_at) ||
	       (a->revoked_at != 0 && a->revoked_at < a->expires_at);
}

const struct deadline deadline_of_reply = { ERR_INCORRECT_RESPONSE,
	"no valid reply was received in time" };
const struct deadline deadline_of_quorum = { ERR_INTERNAL,
	"corroboration: the other networks could not be asked in time" };

/*
 * Proven and posted; but as long as other networks have not confirmed it, it is
 * not valid: a client that has read `valid` goes by it (RFC 8555 7.1.6).  While
 * they are asked the server has not given up (RFC 8555 8.2); at the end of that
 * time it has.
 */
static bool
is_held(const struct authz *a)
{
	return a->valid_at != 0 && a->held_until != 0;
}

enum challenge_status
challenge_status(const struct authz *a, int64_t now)
{
	/* Also what was proven, if CAA forbids it afterwards (PK-28). */
	if (a->challenge.failed_at != 0 || a->failed_at != 0)
		return CHALLENGE_INVALID;
	if (a->valid_at != 0)
		return !is_held(a)           ? CHALLENGE_VALID
		       : now < a->held_until ? CHALLENGE_PROCESSING
					     : CHALLENGE_INVALID;
	if (a->challenge.posted_at == 0)
		return CHALLENGE_PENDING;
	/* AC-128: only the deadline of a live authorization is missed. */
	return now < a->expires_at || is_put_away(a) ? CHALLENGE_PROCESSING
						     : CHALLENGE_INVALID;
}

const char *
challenge_status_name(enum challenge_status s)
{
	switch (s) {
	case CHALLENGE_PENDING:
		return "pending";
	case CHALLENGE_PROCESSING:
		return "processing";
	case CHALLENGE_VALID:
		return "valid";
	case CHALLENGE_INVALID:
		return "invalid";
	}
	return "invalid";
}

const char *
challenge_error(
    const struct authz *a, int64_t now, const struct deadline **missed)
{
	*missed = NULL;
	switch (challenge_status(a, now)) {
	case CHALLENGE_PROCESSING:
		return a->challenge.error;
	case CHALLENGE_INVALID:
		if (a->challenge.failed_at != 0 || a->failed_at != 0)
			return a->challenge.error;
		/* The last of its repeats has said why. */
		if (is_held(a) && a->challenge.error != NULL)
			return a->challenge.error;
		*missed = is_held(a) ? &deadline_of_quorum : &deadline_of_reply;
		return NULL;
	case CHALLENGE_PENDING: /* AC-119, AC-124: shows nothing yet */
	case CHALLENGE_VALID:
		break;
	}
	return NULL;
}

/* --- 17.3 authorizations -------------------------------------------------- */

int64_t
authz_expires(const struct authz *a)
{
	return is_held(a)         ? a->held_until
	       : a->valid_at != 0 ? a->valid_until
				  : a->expires_at;
}

enum authz_status
authz_status(const struct authz *a, int64_t now)
{
	if (a->revoked_at != 0)
		return AUTHZ_REVOKED;
	/* `expired` is final: what was put away later stays expired. */
	if (a->deactivated_at != 0 && a->deactivated_at < authz_expires(a))
		return AUTHZ_DEACTIVATED;
	if (a->failed_at != 0)
		return AUTHZ_INVALID;
	if (now < authz_expires(a))
		return a->valid_at != 0 && !is_held(a) ? AUTHZ_VALID
						       : AUTHZ_PENDING;
	/* AC-128: who has POSTed meets `invalid`, not `expired`. */
	if (is_held(a) || (a->valid_at == 0 && a->challenge.posted_at != 0))
		return AUTHZ_INVALID;
	return AUTHZ_EXPIRED;
}

const char *
authz_status_name(enum authz_status s)
{
	switch (s) {
	case AUTHZ_PENDING:
		return "pending";
	case AUTHZ_VALID:
		return "valid";
	case AUTHZ_INVALID:
		return "invalid";
	case AUTHZ_EXPIRED:
		return "expired";
	case AUTHZ_DEACTIVATED:
		return "deactivated";
	case AUTHZ_REVOKED:
		return "revoked";
	}
	return "revoked";
}

int64_t
authz_valid_until(
    const struct authz *a, int64_t now, int64_t valid_life, int64_t order_life)
{
	int64_t until = max(now + valid_life, a->created_at + order_life);

	/* The text counts 30 days from validation; counted from the mail
	 * (PK-12) they end earlier. */
	return min(until, a->created_at + AUTHZ_LIFE_MAX);
}

/* --- 17.2 orders ---------------------------------------------------------- */

/* The earliest end of its authorizations and of its own life. */
static int64_t
earliest_end(const struct order *o)
{
	int64_t end = o->life_until;

	for (size_t i = 0; i < o->identifier_count; i++)
		end = min(end, authz_expires(&o->identifiers[i].authz));
	return end;
}

enum order_status
order_status(const struct order *o, int64_t now)
{
	bool all_valid = true;

	if (o->cert_id != NULL)
		return ORDER_VALID;
	if (o->failed_at != 0)
		return ORDER_INVALID;
	/* Decided before: no expiry ends it (17.2). */
	if (o->csr_at != 0)
		return ORDER_PROCESSING;
	if (now >= o->life_until)
		return ORDER_INVALID;
	for (size_t i = 0; i < o->identifier_count; i++) {
		switch (authz_status(&o->identifiers[i].authz, now)) {
		case AUTHZ_VALID:
			break;
		case AUTHZ_PENDING:
			all_valid = false;
			break;
		case AUTHZ_INVALID:
		case AUTHZ_EXPIRED:
		case AUTHZ_DEACTIVATED:
		case AUTHZ_REVOKED:
			return ORDER_INVALID;
		}
	}
	return all_valid ? ORDER_READY : ORDER_PENDING;
}

const char *
order_status_name(enum order_status s)
{
	switch (s) {
	case ORDER_PENDING:
		return "pending";
	case ORDER_READY:
		return "ready";
	case ORDER_PROCESSING:
		return "processing";
	case ORDER_VALID:
		return "valid";
	case ORDER_INVALID:
		return "invalid";
	}
	return "invalid";
}

int64_t
order_expires(const struct order *o, int64_t now)
{
	if (order_status(o, now) == ORDER_VALID)
		return o->cert_not_after;
	return earliest_end(o);
}

/* --- AC-190 --------------------------------------------------------------- */

int64_t
challenge_retry_after(const struct authz *a, int64_t now)
{
	/* The round of those who answer takes a second. */
	int64_t since =
	    now - (is_held(a) ? a->valid_at : a->challenge.posted_at);

	if (challenge_status(a, now) != CHALLENGE_PROCESSING ||
	    authz_status(a, now) != AUTHZ_PENDING)
		return 0;
	if (is_held(a) && since < 10)
		return 1;
	if (since < 60)
		return 5;
	if (since < 10 * 60)
		return 15;
	return since < 60 * 60 ? 60 : 300;
}

/* A pending order waits for the challenge that is to be asked about first. */
static int64_t
pending_retry_after(const struct order *o, int64_t now)
{
	int64_t least = 0;

	for (size_t i = 0; i < o->identifier_count; i++) {
		int64_t secs =
		    challenge_retry_after(&o->identifiers[i].authz, now);

		if (secs != 0 && (least == 0 || secs < least))
			least = secs;
	}
	return least;
}

int64_t
order_retry_after(const struct order *o, int64_t now)
{
	enum order_status s = order_status(o, now);

	if (s == ORDER_PENDING)
		return pending_retry_after(o, now);
	if (s == ORDER_PROCESSING)
		return now - o->csr_at < 60 ? 2 : 10;
	return 0;
}
