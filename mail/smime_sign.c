#include "config.h"

#include "mail/smime_sign.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "mail/field.h"
#include "mail/finding.h"
#include "mail/smime_signer.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#define CMS_MAX 65536
#define ATTRIBUTE_MAX 4096
#define B64_LINE 76

/* RFC 7508 section 4.4 */
#define SECURE_HEADER_FIELDS "1.2.840.113549.1.9.16.2.55"
#define CANON_RELAXED 1
#define TAG_ENUMERATED 0x0a
#define TAG_UTF8_STRING 0x0c
#define TAG_VISIBLE_STRING 0x1a
#define TAG_SEQUENCE 0x30
#define TAG_SET 0x31

/* Streaming would only add indefinite lengths; capabilities are asked of
 * those who get encrypted mail. */
#define SIGN_FLAGS (CMS_BINARY | CMS_DETACHED | CMS_PARTIAL | CMS_NOSMIMECAP)

/* What is protected, where the mail has it. */
static const char *const protected_names[] = { "From", "To", "Subject", "Date",
	"Message-ID", "Auto-Submitted", "Reply-To" };

#define PROTECTED_NAMES COUNT(protected_names)

/* --- the attribute (RFC 7508)
 * ------------------------------------------------------------- */

static void
der_add(struct buf *b, uint8_t tag, struct span body)
{
	buf_add_char(b, (char)tag);
	if (body.n > 0xff) {
		buf_add_char(b, (char)0x82);
		buf_add_char(b, (char)(body.n >> 8 & 0xff));
	} else if (body.n > 0x7f) {
		buf_add_char(b, (char)0x81);
	}
	buf_add_char(b, (char)(body.n & 0xff));
	buf_add(b, body);
}

/* Relaxed: unfolded, runs of blanks as one, none at the ends. */
static struct span
relaxed_value(struct job *j, const struct field *f)
{
	struct span text = field_unfold(j, f);
	struct buf b;

	buf_init(&b, j->arena, text.n);
	for (size_t i = 0; i < text.n; i++) {
		bool blank = text.p[i] == ' ' || text.p[i] == '\t';

		if (!blank)
			buf_add_char(&b, text.p[i]);
		else if (b.n > 0 && b.p[b.n - 1] != ' ')
			buf_add_char(&b, ' ');
	}
	return buf_span(&b);
}

/* HeaderField: the status, duplicated, is the default, which DER leaves
 * out. */
static void
add_header_field(struct job *j, struct buf *b, const struct field *f)
{
	struct buf body;

	buf_init(&body, j->arena, ATTRIBUTE_MAX);
	der_add(&body, TAG_VISIBLE_STRING, f->name);
	der_add(&body, TAG_UTF8_STRING, relaxed_value(j, f));
	der_add(b, TAG_SEQUENCE, buf_span(&body));
	if (!buf_ok(&body))
		b->failed = true;
}

/* SecureHeaderFields ::= SET { canonAlgorithm, secHeaderFields }; in DER the
 * ENUMERATED comes first. */
static int
secure_header_fields(struct job *j, const struct message *m, struct span *out)
{
	static const char relaxed[] = { CANON_RELAXED };
	struct buf fields, set, whole;

	buf_init(&fields, j->arena, ATTRIBUTE_MAX);
	for (size_t i = 0; i < PROTECTED_NAMES; i++) {
		const struct field *f = message_field(m, protected_names[i]);

		if (f != NULL)
			add_header_field(j, &fields, f);
	}
	buf_init(&set, j->arena, ATTRIBUTE_MAX);
	der_add(&set, TAG_ENUMERATED, span_mem(relaxed, sizeof(relaxed)));
	der_add(&set, TAG_SEQUENCE, buf_span(&fields));
	buf_init(&whole, j->arena, ATTRIBUTE_MAX);
	der_add(&whole, TAG_SET, buf_span(&set));
	if (!buf_ok(&fields) || !buf_ok(&set) || !buf_ok(&whole))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: its header is too long to be signed");
	*out = buf_span(&whole);
	return 0;
}

/* --- the signature
 * --------------------------------------------------------------------- */

static void
cms_release(void *x)
{
	CMS_ContentInfo_free(x);
}

static void
bio_release(void *x)
{
	BIO_free(x);
}

static void
object_release(void *x)
{
	ASN1_OBJECT_free(x);
}

static void
time_release(void *x)
{
	ASN1_TIME_free(x);
}

/* The same clock for the mail and its signature. */
static bool
add_time(struct job *j, CMS_SignerInfo *si)
{
	ASN1_TIME *t =
	    arena_own(j->arena, ASN1_TIME_set(NULL, j->now), time_release);

	return t != NULL &&
	       CMS_signed_add1_attr_by_NID(
		   si, NID_pkcs9_signingTime, ASN1_STRING_type(t), t, -1) == 1;
}

/* A SET goes in as it is, with its tag. */
static bool
add_attribute(struct job *j, CMS_SignerInfo *si, struct span value)
{
	ASN1_OBJECT *oid = arena_own(
	    j->arena, OBJ_txt2obj(SECURE_HEADER_FIELDS, 1), object_release);

	return oid != NULL && CMS_signed_add1_attr_by_OBJ(si, oid, V_ASN1_SET,
				  value.p, (int)value.n) == 1;
}

static bool
build(struct job *j, const struct smime_signer *s, CMS_ContentInfo *cms,
    struct span attribute, struct span content)
{
	BIO *in = arena_own(
	    j->arena, BIO_new_mem_buf(content.p, (int)content.n), bio_release);
	CMS_SignerInfo *si =
	    CMS_add1_signer(cms, s->leaf, s->key, EVP_sha256(), SIGN_FLAGS);

	if (in == NULL || si == NULL || !add_time(j, si) ||
	    (attribute.n > 0 && !add_attribute(j, si, attribute)))
		return false;
	for (size_t i = 0; i < s->chain_count; i++)
		if (CMS_add1_cert(cms, s->chain[i]) != 1)
			return false;
	return CMS_final(cms, in, NULL, SIGN_FLAGS) == 1;
}

static int
sign_content(struct job *j, const struct smime_signer *s, struct span attribute,
    struct span content, struct span *der)
{
	CMS_ContentInfo *cms = arena_own(j->arena,
	    CMS_sign(NULL, NULL, NULL, NULL, SIGN_FLAGS), cms_release);
	unsigned char *p;
	int n = -1;

	if (cms != NULL && build(j, s, cms, attribute, content))
		n = i2d_CMS_ContentInfo(cms, NULL);
	ERR_clear_error();
	if (n <= 0 || n > CMS_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: the S/MIME signature cannot be made");
	p = arena_alloc(j->arena, (size_t)n);
	*der = span_mem(p, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	return 0;
}

/* --- the signed part
 * ------------------------------------------------------------------- */

/* The body, with the fields that it would have as a mail of its own.  It
 * states no transfer encoding: its parts do, and so receivers cannot undo it
 * before they verify. */
static int
combined_part(struct job *j, const struct message *m, struct buf *out)
{
	const struct field *type = message_field(m, "Content-Type");

	if (type == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "challenge mail: no Content-Type");
	for (size_t i = 0; i < PROTECTED_NAMES; i++) {
		const struct field *f = message_field(m, protected_names[i]);

		if (f != NULL)
			buf_add(out, f->raw);
	}
	buf_add_str(out, "Content-Type:");
	buf_add(out, type->body);
	buf_add_str(out, ";\r\n hp=\"clear\"\r\n\r\n");
	buf_add(out, m->body);
	return 0;
}

static void
wrapped_part(const struct message *m, struct buf *out)
{
	buf_add_str(out, "Content-Type: message/rfc822; forwarded=no\r\n\r\n");
	buf_add(out, m->raw);
}

/* --- the mail
 * ------------------------------------------------------------------------- */

/* A letter that is no hexadecimal digit keeps it apart from those inside:
 * none may begin another. */
static const char *
boundary_of(struct job *j, struct span content)
{
	uint8_t hash[SHA256_LEN];

	sha256(content, hash);
	return arena_printf(
	    j->arena, "=_s%s", hex_dup(j->arena, span_mem(hash, 16)));
}

static void
add_base64(struct job *j, struct buf *out, struct span der)
{
	struct buf text;

	buf_init(&text, j->arena, 2 * CMS_MAX);
	b64_add(&text, der);
	for (size_t at = 0; at < text.n; at += B64_LINE) {
		buf_add(out, span_cut(buf_span(&text), at, at + B64_LINE));
		buf_add_str(out, "\r\n");
	}
}

/* All fields stay as they are and where they are, but the type. */
static void
add_outer_header(struct buf *out, const struct message *m, const char *boundary)
{
	for (size_t i = 0; i < m->field_count; i++)
		if (!span_casestarts(m->fields[i].name, SPAN("Content-")))
			buf_add(out, m->fields[i].raw);
	buf_addf(out,
	    "Content-Type: multipart/signed;\r\n"
	    " protocol=\"application/pkcs7-signature\"; micalg=sha-256;\r\n"
	    " boundary=\"%s\"\r\n\r\n",
	    boundary);
}

static void
add_parts(struct job *j, struct buf *out, struct span content, struct span der,
    const char *boundary)
{
	buf_addf(out, "--%s\r\n", boundary);
	buf_add(out, content);
	buf_addf(out,
	    "\r\n--%s\r\n"
	    "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n"
	    "\r\n",
	    boundary);
	add_base64(j, out, der);
	buf_addf(out, "--%s--\r\n", boundary);
}

int
smime_sign(struct job *j, const struct smime_signer *s,
    enum conf_protection form, struct span message, struct span *out)
{
	const struct message_limits limits = { .message_max = message.n };
	struct span attribute = SPAN(""), der = SPAN("");
	struct message m;
	struct finding f;
	struct buf content, b;
	const char *boundary;

	if (message_parse(j, message, &limits, &m, &f) < 0)
		return job_fail(j, ERR_INTERNAL, "challenge mail: %s: %s",
		    f.code, f.detail);
	buf_init(&content, j->arena, 2 * message.n + 256);
	if (form == CONF_PROTECTION_WRAPPED)
		wrapped_part(&m, &content);
	else if (combined_part(j, &m, &content) < 0 ||
		 secure_header_fields(j, &m, &attribute) < 0)
		return -1;
	if (sign_content(j, s, attribute, buf_span(&content), &der) < 0)
		return -1;
	boundary = boundary_of(j, buf_span(&content));
	buf_init(&b, j->arena, message.n + content.n + 2 * CMS_MAX);
	add_outer_header(&b, &m, boundary);
	add_parts(j, &b, buf_span(&content), der, boundary);
	if (!buf_ok(&content) || !buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "challenge mail: too long to be signed");
	*out = buf_span(&b);
	return 0;
}
