#include "config.h"

#include "pki/policy_oid.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

#include "lib/arena.h"
#include "pki/der.h"
#include "pki/oid.h"

bool
policy_oid_is_own(struct span oid)
{
	return oid.n > 0 && !span_starts(oid, OID_ARC_CABF) &&
	       !span_eq(oid, OID_ANY_POLICY);
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
	return policy_oid_is_own(*oid)
		   ? NULL
		   : "is not an OID of your own; the reserved ones are there "
		     "without it, and anyPolicy is forbidden";
}
