#include "config.h"

#include "lib/count.h"
#include "lib/job.h"
#include "pki/cryptoki_private.h"

#define NAMED(rv) rv, #rv

/*
 * What the device says while it is away is not the same twice, so every error
 * counts as that, but for those by which a device that is there refuses:
 * asked again it would say the same, and after a wrong PIN it would lock
 * itself (PK-199).
 */
static const struct {
	CK_RV rv;
	const char *name;
	enum err_kind kind;
} returns[] = {
	{ NAMED(CKR_ACTION_PROHIBITED), ERR_REFUSED },
	{ NAMED(CKR_ATTRIBUTE_SENSITIVE), ERR_REFUSED },
	{ NAMED(CKR_ATTRIBUTE_TYPE_INVALID), ERR_REFUSED },
	{ NAMED(CKR_DATA_INVALID), ERR_REFUSED },
	{ NAMED(CKR_DATA_LEN_RANGE), ERR_REFUSED },
	{ NAMED(CKR_FUNCTION_NOT_SUPPORTED), ERR_REFUSED },
	{ NAMED(CKR_KEY_FUNCTION_NOT_PERMITTED), ERR_REFUSED },
	{ NAMED(CKR_KEY_SIZE_RANGE), ERR_REFUSED },
	{ NAMED(CKR_KEY_TYPE_INCONSISTENT), ERR_REFUSED },
	{ NAMED(CKR_MECHANISM_INVALID), ERR_REFUSED },
	{ NAMED(CKR_MECHANISM_PARAM_INVALID), ERR_REFUSED },
	{ NAMED(CKR_PIN_EXPIRED), ERR_REFUSED },
	{ NAMED(CKR_PIN_INCORRECT), ERR_REFUSED },
	{ NAMED(CKR_PIN_INVALID), ERR_REFUSED },
	{ NAMED(CKR_PIN_LEN_RANGE), ERR_REFUSED },
	{ NAMED(CKR_PIN_LOCKED), ERR_REFUSED },
	{ NAMED(CKR_USER_PIN_NOT_INITIALIZED), ERR_REFUSED },
	{ NAMED(CKR_USER_TYPE_INVALID), ERR_REFUSED },
	{ NAMED(CKR_CRYPTOKI_NOT_INITIALIZED), ERR_BUSY },
	{ NAMED(CKR_DEVICE_ERROR), ERR_BUSY },
	{ NAMED(CKR_DEVICE_MEMORY), ERR_BUSY },
	{ NAMED(CKR_DEVICE_REMOVED), ERR_BUSY },
	{ NAMED(CKR_FUNCTION_FAILED), ERR_BUSY },
	{ NAMED(CKR_GENERAL_ERROR), ERR_BUSY },
	{ NAMED(CKR_HOST_MEMORY), ERR_BUSY },
	{ NAMED(CKR_KEY_HANDLE_INVALID), ERR_BUSY },
	{ NAMED(CKR_OBJECT_HANDLE_INVALID), ERR_BUSY },
	{ NAMED(CKR_SESSION_CLOSED), ERR_BUSY },
	{ NAMED(CKR_SESSION_COUNT), ERR_BUSY },
	{ NAMED(CKR_SESSION_HANDLE_INVALID), ERR_BUSY },
	{ NAMED(CKR_SLOT_ID_INVALID), ERR_BUSY },
	{ NAMED(CKR_TOKEN_NOT_PRESENT), ERR_BUSY },
	{ NAMED(CKR_TOKEN_NOT_RECOGNIZED), ERR_BUSY },
	{ NAMED(CKR_USER_NOT_LOGGED_IN), ERR_BUSY },
};

int
cryptoki_fail(struct job *j, const char *what, CK_RV rv)
{
	for (size_t i = 0; i < COUNT(returns); i++)
		if (returns[i].rv == rv)
			return job_fail(j, returns[i].kind, "token: %s: %s",
			    what, returns[i].name);
	return job_fail(j, ERR_BUSY, "token: %s: error 0x%lx", what, rv);
}
