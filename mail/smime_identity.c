#include "config.h"

#include "mail/smime_identity.h"

#include <openssl/x509v3.h>

#include "lib/addr.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/finding.h"

#define NAMES_MAX 100

static struct span
octets(const ASN1_STRING *s)
{
	int n = ASN1_STRING_length(s);

	return span_mem(ASN1_STRING_get0_data(s), n > 0 ? (size_t)n : 0);
}

/* The mailbox's octets: 1; 0 for a name of another kind. */
static int
mailbox_of(const GENERAL_NAME *name, bool *is_utf8, struct span *out)
{
	const ASN1_TYPE *value;

	*is_utf8 = false;
	if (name->type == GEN_EMAIL) {
		*out = octets(name->d.rfc822Name);
		return 1;
	}
	/* RFC 9598 3 */
	if (name->type != GEN_OTHERNAME ||
	    OBJ_obj2nid(name->d.otherName->type_id) !=
		NID_id_on_SmtpUTF8Mailbox)
		return 0;
	value = name->d.otherName->value;
	if (value == NULL || value->type != V_ASN1_UTF8STRING)
		return 0;
	*is_utf8 = true;
	*out = octets(value->value.utf8string);
	return 1;
}

/* Text that a name of a mailbox is never made of: then somebody wants it to
 * be read differently by different programs. */
static bool
is_hostile(struct span name)
{
	return span_has_control(name) || span_find(name, 0, '*') < name.n ||
	       !utf8_is_plain(name);
}

/* Canonical, or NULL if it is none: an rfc822Name is ASCII, and a
 * SmtpUTF8Mailbox is there for local parts that are not. */
static const char *
canonical(struct job *j, struct span name, bool is_utf8)
{
	const struct addr_policy any = { .utf8_local = true,
		.reserved_domains = true };
	struct addr addr;

	if (!is_utf8 && !span_is_ascii(name))
		return NULL;
	if (addr_parse(j, name, &any, &addr) < 0) {
		job_recover(j);
		return NULL;
	}
	return addr.is_ascii == is_utf8 ? NULL : addr.canonical;
}

static int
refuse(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "smime.identity", "%s", why);
}

static int
check_names(struct job *j, const GENERAL_NAMES *names, const char *from,
    struct finding *f)
{
	const char *mailbox;
	struct span name;
	bool is_utf8, found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (mailbox_of(
			sk_GENERAL_NAME_value(names, i), &is_utf8, &name) == 0)
			continue;
		if (is_hostile(name))
			return refuse(f,
			    "a mailbox in the signer's certificate holds "
			    "characters that none has");
		mailbox = canonical(j, name, is_utf8);
		found |= mailbox != NULL && addr_is_sender(mailbox, from);
	}
	if (found)
		return 0;
	return refuse(
	    f, "the signer's certificate is not for the From address");
}

int
smime_identity_check(
    struct job *j, X509 *x, const char *from, struct finding *f)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int result;

	if (names == NULL || sk_GENERAL_NAME_num(names) > NAMES_MAX)
		result = refuse(f,
		    "the signer's certificate has no names that can be used");
	else
		result = check_names(j, names, from, f);
	GENERAL_NAMES_free(names);
	return result;
}
