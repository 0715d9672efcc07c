#include "config.h"

#include "pki/ca_name.h"

#include "lib/count.h"
#include "pki/der.h"
#include "pki/oid.h"

bool
ca_name_is_generic(struct span text)
{
	/* The last ones stand in programs' defaults. */
	static const char *const generic[] = { "ca", "root", "root ca",
		"issuing ca", "certificate authority",
		"certification authority", "n/a", "none", "unknown",
		"some-state", "internet widgits pty ltd",
		"default company ltd" };
	bool has_letter = false;

	for (size_t i = 0; i < text.n; i++)
		has_letter |=
		    ascii_is_alnum(text.p[i]) || ((uint8_t)text.p[i] & 0x80);
	if (!has_letter)
		return true;
	for (size_t i = 0; i < COUNT(generic); i++)
		if (span_caseeq_str(span_trim(text), generic[i]))
			return true;
	return false;
}

struct span
ca_name_common(struct span name_der)
{
	struct der name, set, pair, oid, value;

	if (der_only(name_der, DER_SEQUENCE, &name) < 0)
		return SPAN("");
	while (der_take(&name.body, DER_SET, &set) == 0)
		if (der_take(&set.body, DER_SEQUENCE, &pair) == 0 &&
		    der_take(&pair.body, DER_OID, &oid) == 0 &&
		    span_eq(oid.body, OID_COMMON_NAME) &&
		    der_next(&pair.body, &value) == 1)
			return value.body;
	return SPAN("");
}

bool
ca_name_is_shared(struct span name_der, struct span other_der)
{
	struct span a = ca_name_common(name_der);

	return a.n > 0 && span_caseeq(a, ca_name_common(other_der));
}
