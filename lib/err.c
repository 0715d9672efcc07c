#include "config.h"

#include "lib/err.h"

#include <stdio.h>
#include <string.h>

const char *
err_kind_name(enum err_kind kind)
{
	/* No default: the compiler names the kind that is missing. */
	switch (kind) {
	case ERR_NONE:
		return "none";
	case ERR_ACCOUNT_DOES_NOT_EXIST:
		return "accountDoesNotExist";
	case ERR_ALREADY_REPLACED:
		return "alreadyReplaced";
	case ERR_ALREADY_REVOKED:
		return "alreadyRevoked";
	case ERR_BAD_CSR:
		return "badCSR";
	case ERR_BAD_NONCE:
		return "badNonce";
	case ERR_BAD_PUBLIC_KEY:
		return "badPublicKey";
	case ERR_BAD_REVOCATION_REASON:
		return "badRevocationReason";
	case ERR_BAD_SIGNATURE_ALGORITHM:
		return "badSignatureAlgorithm";
	case ERR_CAA:
		return "caa";
	case ERR_COMPOUND:
		return "compound";
	case ERR_CONNECTION:
		return "connection";
	case ERR_DNS:
		return "dns";
	case ERR_EXTERNAL_ACCOUNT_REQUIRED:
		return "externalAccountRequired";
	case ERR_INCORRECT_RESPONSE:
		return "incorrectResponse";
	case ERR_INVALID_CONTACT:
		return "invalidContact";
	case ERR_INVALID_PROFILE:
		return "invalidProfile";
	case ERR_ISSUANCE_STOPPED:
		return "issuanceStopped";
	case ERR_MALFORMED:
		return "malformed";
	case ERR_ORDER_NOT_READY:
		return "orderNotReady";
	case ERR_RATE_LIMITED:
		return "rateLimited";
	case ERR_REJECTED_IDENTIFIER:
		return "rejectedIdentifier";
	case ERR_UNAUTHORIZED:
		return "unauthorized";
	case ERR_UNSUPPORTED_CONTACT:
		return "unsupportedContact";
	case ERR_UNSUPPORTED_IDENTIFIER:
		return "unsupportedIdentifier";
	case ERR_USER_ACTION_REQUIRED:
		return "userActionRequired";
	case ERR_INTERNAL:
		return "internal";
	case ERR_BUSY:
		return "busy";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_SPOILED:
		return "spoiled";
	case ERR_REFUSED:
		return "refused";
	}
	return "unknown";
}

int
err_is_theirs(enum err_kind kind)
{
	return kind > ERR_NONE && kind < ERR_INTERNAL;
}

/* The length without an UTF-8 sequence that was cut at the end. */
static size_t
whole_characters(const char *s, size_t n)
{
	size_t lead = n;
	size_t need;

	while (lead > 0 && n - lead < 3 &&
	       ((unsigned char)s[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead == 0 || ((unsigned char)s[lead - 1] & 0xc0) != 0xc0)
		return n;
	lead--;
	need = (unsigned char)s[lead] >= 0xf0   ? 4
	       : (unsigned char)s[lead] >= 0xe0 ? 3
						: 2;
	return n - lead < need ? lead : n;
}

void
err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
{
	int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);

	e->kind = kind;
	e->http_status = 0;
	if (n < 0)
		e->text[0] = '\0';
	if (n >= (int)sizeof(e->text))
		e->text[whole_characters(e->text, strlen(e->text))] = '\0';
	/* AC-22: callers escape what strangers wrote; if one forgot, no
	 * control character gets into an answer or the log. */
	for (char *p = e->text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}
