#include "config.h"

#include "mail/smime_layer.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/finding.h"

static bool
param_is(const struct mime_part *p, const char *name, const char *value)
{
	struct span v;

	return mime_param_get(&p->type, name, &v) && span_caseeq_str(v, value);
}

/* Older programs write x-pkcs7. */
static bool
is_pkcs7(const struct mime_part *p, const char *subtype, const char *older)
{
	return mime_part_is(p, "application", subtype) ||
	       mime_part_is(p, "application", older);
}

static bool
is_opaque(const struct mime_part *p)
{
	return is_pkcs7(p, "pkcs7-mime", "x-pkcs7-mime") &&
	       param_is(p, "smime-type", "signed-data");
}

static bool
is_signature(const struct mime_part *p)
{
	return is_pkcs7(p, "pkcs7-signature", "x-pkcs7-signature");
}

static bool
is_signed(const struct mime_part *p)
{
	return mime_part_is(p, "multipart", "signed") &&
	       (param_is(p, "protocol", "application/pkcs7-signature") ||
		   param_is(p, "protocol", "application/x-pkcs7-signature"));
}

static bool
has_smime(const struct mime_part *p)
{
	if (is_signed(p) || is_opaque(p) || is_signature(p))
		return true;
	for (size_t i = 0; i < p->part_count; i++)
		if (has_smime(&p->parts[i]))
			return true;
	return false;
}

/* --- CMS ----------------------------------------------------------------- */

static void
free_cms(void *cms)
{
	CMS_ContentInfo_free(cms);
}

CMS_ContentInfo *
smime_cms(struct job *j, struct span octets)
{
	const unsigned char *begin = (const unsigned char *)octets.p;
	const unsigned char *p = begin;
	CMS_ContentInfo *cms;

	if (octets.n == 0 || octets.n > INT32_MAX)
		return NULL;
	cms = arena_own(
	    j->arena, d2i_CMS_ContentInfo(NULL, &p, (long)octets.n), free_cms);
	ERR_clear_error();
	if (cms == NULL || p != begin + octets.n ||
	    OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return NULL;
	return cms;
}

/* --- opening ------------------------------------------------------------- */

/* What is in a layer, cut as a message is: NUL and line ends too (MA-2,
 * MA-3), and in no more layers than a message may have. */
static int
open_inside(struct job *j, struct span octets, size_t depth,
    struct mime_part *around, const struct message **out, struct finding *f)
{
	const struct message_limits limits = { octets.n };
	struct message *m = arena_alloc(j->arena, sizeof(*m));
	struct mime_part *inner = arena_alloc(j->arena, sizeof(*inner));

	if (message_parse(j, octets, &limits, m, f) < 0 ||
	    mime_part_parse_inner(j, m, depth, inner, f) < 0)
		return -1;
	around->parts = inner;
	around->part_count = 1;
	*out = m;
	return 0;
}

static int
unreadable(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "mime.type", "%s", why);
}

/* The content lies in the CMS, which lives as long as the job. */
static int
read_content(CMS_ContentInfo *cms, struct span *out)
{
	ASN1_OCTET_STRING **content = CMS_get0_content(cms);
	int n;

	if (content == NULL || *content == NULL)
		return -1;
	n = ASN1_STRING_length(*content);
	if (n <= 0)
		return -1;
	*out = span_mem(ASN1_STRING_get0_data(*content), (size_t)n);
	return 0;
}

/* CMS holds a copy of what it is read from, which is of no use after it
 * (MA-94): *n octets. */
static int
read_cms(struct job *j, const struct mime_part *p, CMS_ContentInfo **out,
    size_t *n, struct finding *f)
{
	struct job own = *j;
	struct span octets = { NULL, 0 };
	int result;

	own.arena = arena_new();
	result = mime_part_decode(&own, p, &octets, f);
	*n = octets.n;
	*out = result < 0 ? NULL : smime_cms(j, octets);
	arena_free(own.arena);
	return result;
}

static int
open_opaque(struct job *j, struct mime_part *root, struct smime_layer *out,
    struct finding *f)
{
	const struct message *ignored;
	size_t n;

	if (read_cms(j, root, &out->cms, &n, f) < 0)
		return -1;
	if (out->cms == NULL)
		return unreadable(f, "signed data that cannot be read");
	if (read_content(out->cms, &out->content) < 0)
		return unreadable(f, "signed data without content");
	if (n - out->content.n > SMIME_CMS_MAX)
		return unreadable(f, "signed data with too much beside it");
	if (open_inside(j, out->content, 1, root, &ignored, f) < 0)
		return -1;
	out->kind = SMIME_KIND_OPAQUE;
	return 0;
}

static int
refuse_structure(struct smime_layer *out, const char *why)
{
	(void)finding_set(
	    &out->finding, FINDING_REFUSE, "smime.structure", "%s", why);
	return 0;
}

static int
open_detached(
    struct job *j, const struct mime_part *root, struct smime_layer *out)
{
	const struct mime_part *second;
	struct finding ignored;

	out->kind = SMIME_KIND_DETACHED;
	if (root->part_count != 2)
		return refuse_structure(
		    out, "the signed message is not of two parts");
	second = &root->parts[1];
	out->content = root->parts[0].octets;
	if (!is_signature(second))
		return refuse_structure(
		    out, "the second part is no application/pkcs7-signature");
	if (mime_part_decode(j, second, &out->signature, &ignored) < 0 ||
	    out->signature.n > SMIME_CMS_MAX)
		return refuse_structure(
		    out, "the signature is not encoded well, or too large");
	return 0;
}

static int
open_wrapped(struct job *j, struct mime_part *payload, struct smime_layer *out,
    struct finding *f)
{
	struct span octets;

	if (!mime_part_is(payload, "message", "rfc822") ||
	    !param_is(payload, "forwarded", "no"))
		return 0;
	if (payload->encoding == MIME_QUOTED_PRINTABLE ||
	    payload->encoding == MIME_BASE64)
		return unreadable(f, "an encoded message"); /* RFC 2046 5.2.1 */
	octets = payload->body;
	return open_inside(j, octets, 2, payload, &out->wrapped, f);
}

int
smime_open(struct job *j, struct mime_part *root, struct smime_layer *out,
    struct finding *f)
{
	memset(out, 0, sizeof(*out));
	(void)finding_set(
	    &out->finding, FINDING_PASS, "smime.structure", "%s", "");
	if (is_opaque(root)) {
		if (open_opaque(j, root, out, f) < 0)
			return -1;
	} else if (is_signed(root)) {
		(void)open_detached(j, root, out);
		if (root->part_count == 0)
			return 0;
	} else {
		if (!has_smime(root))
			return 0;
		out->kind = SMIME_KIND_ELSEWHERE;
		return refuse_structure(
		    out, "the signature is not around the whole message");
	}
	out->payload = &root->parts[0];
	return open_wrapped(j, &root->parts[0], out, f);
}
