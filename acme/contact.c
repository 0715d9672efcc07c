#include "config.h"

#include "acme/contact.h"

#include "acme/refusals.h"
#include "lib/addr.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"

#define CONTACT_LEN_MAX 254

static int
not_plain(struct job *j, size_t i)
{
	job_recover(j);
	return job_fail(j, ERR_INVALID_CONTACT,
	    "contact %zu is not a single plain mailto address", i + 1);
}

/*
 * %XX undone, but not for what would end the address or start another one
 * (RFC 6068): control characters, comma, @.
 */
static int
percent_decode(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '%') {
			if (hex_parse_fixed(
				span_cut(text, i + 1, i + 3), &c, 1) < 0 ||
			    c < 0x20 || c == 0x7f || c == ',' || c == '@')
				return -1;
			i += 2;
		}
		buf_add_char(out, (char)c);
	}
	return 0;
}

static bool
has_any(struct span s, const char *chars)
{
	for (const char *c = chars; *c != '\0'; c++) {
		if (span_find(s, 0, *c) < s.n)
			return true;
	}
	return false;
}

static int
check_contact(struct job *j, size_t i, struct span contact)
{
	/* Whom we would write to is not whom we issue for. */
	static const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	struct span text;
	struct addr addr;
	struct buf b;

	if (!span_casestarts(contact, SPAN("mailto:")))
		return job_fail(j, ERR_UNSUPPORTED_CONTACT,
		    "only mailto contacts are supported");
	text = span_from(contact, sizeof("mailto:") - 1);
	buf_init(&b, j->arena, CONTACT_LEN_MAX);
	if (contact.n > CONTACT_LEN_MAX || has_any(text, "?#") ||
	    percent_decode(text, &b) < 0 ||
	    addr_parse(j, buf_span(&b), &policy, &addr) < 0)
		return not_plain(j, i);
	return 0;
}

int
contact_parse(struct job *j, const struct json *payload, struct response *resp,
    const char **out)
{
	const struct json *array;
	struct refusals r;
	int found = json_get_array(j, payload, "contact", &array);

	if (found <= 0)
		return found;
	for (size_t i = 0; i < json_count(array); i++) {
		if (json_type(json_at(array, i)) != JSON_T_STRING)
			return job_fail(j, ERR_MALFORMED,
			    "contact must be an array of strings");
	}
	if (json_count(array) > CONTACTS_MAX)
		return job_fail(j, ERR_INVALID_CONTACT,
		    "at most %d contacts are kept", CONTACTS_MAX);
	refusals_init(&r, j);
	for (size_t i = 0; i < json_count(array); i++) {
		if (check_contact(j, i, json_string(json_at(array, i))) < 0)
			refusals_add(&r, j, NULL, NULL);
	}
	if (refusals_end(&r, j, resp, "several contacts were refused") < 0)
		return -1;
	*out = json_dup(j, array);
	return 1;
}
