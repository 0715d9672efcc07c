#include "config.h"

#include "pki/policy_oid.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

#include "lib/arena.h"
#include "pki/der.h"
#include "pki/oid.h"

#define NUMBERS_MIN 4
#define NUMBERS_MAX 20
#define NUMBER_OCTETS_MAX 4 /* of seven bits */

bool
policy_oid_is_own(struct span oid)
{
	return oid.n > 0 && !span_starts(oid, OID_ARC_CABF) &&
	       !span_eq(oid, OID_ANY_POLICY);
}

/* RFC 5280 appendix B: no program need read more numbers, or longer ones; and
 * nobody is given one of three. */
static bool
is_readable(struct span oid)
{
	size_t numbers = 1, octets = 0;

	for (size_t i = 0; i < oid.n; i++) {
		if (++octets > NUMBER_OCTETS_MAX)
			return false;
		if ((uint8_t)oid.p[i] & 0x80)
			continue;
		numbers++;
		octets = 0;
	}
	return numbers >= NUMBERS_MIN && numbers <= NUMBERS_MAX;
}

const char *
policy_oid_read(struct arena *a, const char *text, struct span *oid)
{
	/* 1: in dots only, no names. */
	ASN1_OBJECT *o = OBJ_txt2obj(text, 1);

	ERR_clear_error();
	*oid = (struct span){ NULL, 0 };
	if (o != NULL)
		*oid =
		    span_mem(arena_memdup(a, OBJ_get0_data(o), OBJ_length(o)),
			OBJ_length(o));
	ASN1_OBJECT_free(o);
	/* It also takes a dot too many. */
	if (oid->n == 0 || strcmp(der_oid_text(a, *oid), text) != 0)
		return "is not an OID in dots (1.3.6.1.4.1.32473.1)";
	if (!is_readable(*oid))
		return "must have 4 to 20 numbers up to 268435455; no other "
		       "need be read by programs (RFC 5280, appendix B)";
	return policy_oid_is_own(*oid)
		   ? NULL
		   : "is not an OID of your own; the reserved ones are there "
		     "without it, and anyPolicy is forbidden";
}
