/*
 * MA-92: S/MIME signatures (MA-70 to MA-76).
 *
 *	V MESSAGE          as it is
 *	S PART             signed here, in the clear and opaque: past the
 *	                   signature, into what it covers
 *	A DER              signed here with that as secure-header-fields
 *	E EDITS            a good signature, each three octets of EDITS change
 *	                   one octet of its CMS
 *	C DER              a certificate
 *	R DER              roots and lists as the evidence holds them
 *
 * Nobody but the signer here has a key of the only root, so that a message
 * from outside is never accepted, and a changed one never as somebody
 * else's.
 */
#include "config.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/mime_part.h"
#include "mail/smime_identity.h"
#include "mail/smime_layer.h"
#include "mail/smime_trust.h"
#include "mail/smime_verify.h"
#include "pki/der.h"
#include "tests/unit/smime_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FROM "alice@user.test"

static struct {
	struct job job;
	struct smime_id root, ca, alice;
	struct smime_trust *trust;
	struct span cms; /* of the usual part */
} world;

static void
world_init(void)
{
	struct smime_letter l = { .signers = { &world.alice } };
	struct job *j = &world.job;
	struct span roots, lists[2];

	job_init(j, NULL, NULL);
	world.root = smime_lab_ca(j, NULL);
	world.ca = smime_lab_ca(j, &world.root);
	world.alice =
	    smime_lab_make(j, &(struct smime_cert){ .issuer = &world.ca });
	roots = smime_lab_der(j, world.root.x);
	lists[0] = smime_lab_crl(
	    j, &(struct smime_list_spec){ .issuer = &world.root });
	lists[1] =
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &world.ca });
	if (smime_trust_of(j, &roots, 1, lists, 2, &world.trust) < 0)
		abort();
	l.extra[0] = world.ca.x;
	world.cms = smime_lab_cms(j, &l);
}

static int
is_own(struct job *j, const char *serial)
{
	(void)j;
	return serial[0] == 'f';
}

/* Whether it was accepted; false too for what cannot be read. */
static bool
verify(struct job *j, struct span raw, struct smime_result *r)
{
	const struct message_limits limits = { 1 << 20 };
	const struct smime_policy policy = { .mode = CONF_SMIME_REQUIRE,
		.revocation = CONF_REVOCATION_HARD,
		.trust = world.trust,
		.instead_of_dkim = true,
		.is_own = is_own };
	struct message m;
	struct mime_part root;
	const struct mime_part *leaf = &root;
	struct smime_layer layer;
	struct finding f;
	const struct smime_input in = {
		.outer = &m, .layer = &layer, .from = FROM, .at = j->now
	};
	bool wrapped;

	(void)finding_set(&r->finding, FINDING_REFUSE, "unreadable", "%s", "");
	if (message_parse(j, raw, &limits, &m, &f) < 0 ||
	    mime_part_parse(j, &m, &root, &f) < 0 ||
	    smime_open(j, &root, &layer, &f) < 0)
		return false;
	(void)mime_text_part(&m, &root, &leaf, &wrapped, &f);
	if (smime_verify(j, &in, &policy, r) < 0 || r->finding.code == NULL)
		abort();
	if (r->replaces_dkim &&
	    (!r->accepted || !r->header.from || !r->header.subject))
		abort();
	return r->accepted;
}

/* Only these are possible for what Alice signed well. */
static void
check_signed(const struct smime_result *r)
{
	static const char *const codes[] = { "unreadable", "smime.accepted",
		"smime.header-mismatch", "smime.structure" };

	for (size_t i = 0; i < COUNT(codes); i++)
		if (strcmp(r->finding.code, codes[i]) == 0)
			return;
	abort();
}

static void
sign(struct job *j, struct span part, struct span attribute)
{
	struct smime_letter l = { .signers = { &world.alice },
		.extra = { world.ca.x },
		.attribute = attribute };
	struct smime_result r;

	/* A letter's part is text: the message around it has no NUL. */
	if (part.n > 0 && memchr(part.p, '\0', part.n) != NULL)
		return;
	if (part.n > 0)
		l.part = span_dup(j->arena, part);
	for (int opaque = 0; opaque < 2; opaque++) {
		l.opaque = opaque == 1;
		(void)verify(j, smime_lab_message(j, &l), &r);
		/* A part that holds the boundary is cut elsewhere. */
		if (part.p == NULL || opaque == 1)
			check_signed(&r);
	}
}

/* Read by itself, and signed if it is a SET at all. */
static void
attribute(struct job *j, struct span der)
{
	static const char fields[] =
	    "From: " FROM "\r\nTo: acme+tag@ca.test\r\n"
	    "Subject: Re: ACME: x\r\n\r\n";
	const struct message_limits limits = { 1 << 20 };
	struct smime_protected out = { false, false, false };
	struct message m;
	struct finding f;
	struct der set;

	if (message_parse(j, span_str(fields), &limits, &m, &f) < 0)
		abort();
	(void)smime_protect_attribute(j, &m, der, &out, &f);
	if (der_only(der, DER_SET, &set) == 0)
		sign(j, span_mem(NULL, 0), der);
}

static void
edit(struct job *j, struct span edits)
{
	struct smime_letter l = { .signers = { &world.alice } };
	char *copy = span_dup(j->arena, world.cms);
	struct smime_result r;
	bool changed = false;

	for (size_t i = 0; i + 3 <= edits.n && i < 300; i += 3) {
		const unsigned char *e = (const unsigned char *)edits.p + i;
		size_t at = ((size_t)e[0] << 8 | e[1]) % world.cms.n;

		copy[at] = (char)((unsigned char)copy[at] ^ e[2]);
		changed |= e[2] != 0;
	}
	for (int opaque = 0; opaque < 2; opaque++) {
		l.opaque = opaque == 1;
		if (verify(j,
			smime_lab_around(j, &l, span_mem(copy, world.cms.n)),
			&r) &&
		    (!r.signers[0].is_from || r.signer_count != 1))
			abort();
		if (!changed && !l.opaque && !r.accepted)
			abort();
	}
}

static void
free_x509(void *x)
{
	X509_free(x);
}

static void
certificate(struct job *j, struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *x =
	    arena_own(j->arena, d2i_X509(NULL, &p, (long)der.n), free_x509);
	struct smime_letter l = { .signers = { &world.alice },
		.extra = { world.ca.x, x } };
	struct smime_result r;
	struct finding f;

	if (x == NULL)
		return;
	(void)smime_identity_check(j, x, FROM, &f);
	(void)verify(j, smime_lab_message(j, &l), &r);
	if (strcmp(r.finding.code, "smime.signature") != 0)
		check_signed(&r);
}

static void
stored_trust(struct job *j, struct span der)
{
	struct smime_trust *t = NULL;

	if (smime_trust_of(j, &der, 1, NULL, 0, &t) == 0)
		(void)smime_trust_next_update(t);
	job_recover(j);
	smime_trust_free(t);
	if (smime_trust_of(j, NULL, 0, &der, 1, &t) == 0)
		(void)smime_trust_next_update(t);
	job_recover(j);
	smime_trust_free(t);
}

static void
run(struct job *j, char how, struct span rest)
{
	struct smime_result r;

	switch (how) {
	case 'V':
		if (verify(j, rest, &r))
			abort();
		break;
	case 'S':
		sign(j, rest, span_mem(NULL, 0));
		break;
	case 'A':
		attribute(j, rest);
		break;
	case 'E':
		edit(j, rest);
		break;
	case 'C':
		certificate(j, rest);
		break;
	case 'R':
		stored_trust(j, rest);
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct job j;

	if (world.trust == NULL)
		world_init();
	if (n == 0 || n > 65536)
		return 0;
	job_init(&j, NULL, NULL);
	j.now = SMIME_LAB_NOW;
	run(&j, (char)data[0], span_mem(data + 1, n - 1));
	job_done(&j);
	return 0;
}
