/*
 * MA-73, MA-76, MA-86, ER-35, PK-44: a verdict that rests on an S/MIME
 * signature is judged again by the issuer, from what is stored, with roots of
 * its own configuration; and years later by anybody, without any file.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>
#include <unistd.h>

#include "acme/proof.h"
#include "db/store_cert.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "mail/reply.h"
#include "mail/smime_trust.h"
#include "src/evidence.h"
#include "src/evidence_smime.h"
#include "src/judge.h"
#include "src/judge_caa.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/smime_lab.h"

#define MAILBOX "mailbox0@example.org"
#define NAMES LAB_NAMES ":content-type:content-transfer-encoding"
#define TAGS LAB_TAGS_OF("ed25519-sha256", "example.org", "sel", NAMES)

struct world {
	struct role_lab lab;
	struct smime_id root, ca, id;
	const char *roots_file, *lists[2];
	struct conf_domain domain;
	const char *text; /* in place of the answer */
	struct authz authz;
	struct reply_record reply;
};

static void
remove_file(void *path)
{
	unlink(path);
}

/* A file that is there as long as the job. */
static const char *
in_folder(struct job *j, const char *name, struct span text)
{
	char *path = arena_printf(
	    j->arena, "/tmp/countersign-smime-%d-%s", (int)getpid(), name);

	EXPECT(j, file_write(j, path, 0644, text), 0);
	return arena_own(j->arena, path, remove_file);
}

static void
write_lists(struct world *w)
{
	struct job *j = w->lab.j;

	w->lists[0] = in_folder(j, "root.crl",
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w->root }));
	w->lists[1] = in_folder(j, "ca.crl",
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w->ca }));
}

static void
close_source(void *s)
{
	smime_source_close(s);
}

/* The configuration is in force from the next reply on, as after SIGHUP. */
static void
reloaded(struct world *w)
{
	w->lab.validator.smime.conf = NULL;
}

/* In the job's arena: what the validator read is released with it. */
static struct world *
world_new(struct job *j)
{
	struct world *w = arena_alloc(j->arena, sizeof(*w));
	struct conf_validator *v = &w->lab.conf.validator;

	smime_lab_now = FIXTURE_NOW;
	role_lab_init(&w->lab, j);
	w->root = smime_lab_ca(j, NULL);
	w->ca = smime_lab_ca(j, &w->root);
	w->id = smime_lab_make(j,
	    &(struct smime_cert){ .issuer = &w->ca, .san = "email:" MAILBOX });
	w->roots_file = in_folder(j, "roots.pem", smime_lab_pem(j, w->root.x));
	write_lists(w);
	w->domain = (struct conf_domain){ .name = "example.org",
		.smime = CONF_SMIME_NOTE };
	v->smime = CONF_SMIME_REQUIRE;
	v->smime_revocation = CONF_REVOCATION_HARD;
	v->smime_roots = w->roots_file;
	v->smime_crls = (struct conf_list){ w->lists, 2 };
	arena_own(j->arena, &w->lab.validator.smime, close_source);
	reloaded(w);
	role_lab_send(&w->lab);
	role_lab_post(&w->lab);
	return w;
}

/* Only for this domain, and without DKIM. */
static void
list_domain(struct world *w)
{
	struct conf_validator *v = &w->lab.conf.validator;

	v->smime = CONF_SMIME_NOTE;
	w->domain.smime_instead_of_dkim = true;
	v->domains = &w->domain;
	v->domain_count = 1;
	reloaded(w);
}

static const char *
part_of(struct world *w)
{
	const struct challenge *c =
	    &w->lab.order->identifiers[0].authz.challenge;
	char text[B64URL_LEN(SHA256_LEN) + 1];
	uint8_t digest[SHA256_LEN];
	const char *block;

	reply_digest(c->token_part1, span_str(c->token_part2),
	    span_str(w->lab.account.thumbprint), digest);
	b64url_format(text, span_mem(digest, sizeof(digest)));
	block = arena_printf(w->lab.j->arena,
	    "-----BEGIN ACME RESPONSE-----\r\n%s\r\n"
	    "-----END ACME RESPONSE-----\r\n",
	    text);
	return arena_printf(w->lab.j->arena,
	    "From: " MAILBOX "\r\nTo: %s\r\nSubject: Re: ACME: %.*s\r\n"
	    "Content-Type: text/plain; hp=\"clear\"\r\n\r\n"
	    "%s",
	    c->from, (int)c->token_part1.n, c->token_part1.p,
	    w->text != NULL ? w->text : block);
}

static struct span
letter(struct world *w, bool with_dkim)
{
	const struct lab_signature dkim = {
		.tags = TAGS, .key = "ed25519", .names = NAMES
	};
	const struct challenge *c =
	    &w->lab.order->identifiers[0].authz.challenge;
	struct job *j = w->lab.j;
	struct smime_letter l = { .signers = { &w->id },
		.extra = { w->ca.x },
		.part = part_of(w),
		.from = MAILBOX,
		.to = c->from,
		.subject = arena_printf(j->arena, "Re: ACME: %.*s",
		    (int)c->token_part1.n, c->token_part1.p),
		.in_reply_to = c->message_id };
	struct span raw = smime_lab_message(j, &l);

	return with_dkim ? lab_sign(j, raw, &dkim) : raw;
}

static void
take(struct world *w, bool with_dkim, enum verdict verdict, const char *code)
{
	enum verdict got = role_lab_take(&w->lab, letter(w, with_dkim));
	struct reply_record r = role_lab_last_reply(&w->lab);

	if (got != verdict)
		fail_msg("%s: %s (%s)", verdict_name(got), r.code, r.detail);
	if (code != NULL)
		assert_string_equal(r.code, code);
	if (verdict != VERDICT_MATCH)
		return;
	w->authz = *role_lab_authz(&w->lab);
	w->reply = role_lab_proof(&w->lab);
}

static int
verify(struct world *w, const struct seal_key *seal)
{
	struct signing_keys keys = { .base_url = w->lab.conf.base_url,
		.account_id = w->lab.account.id,
		.signer = w->lab.account.thumbprint };

	return evidence_verify(w->lab.j, seal, &w->authz, &keys, &w->reply);
}

/* As the issuer does it (src/gate.c). */
static int
gate(struct world *w)
{
	if (verify(w, w->lab.issuer.seal) < 0)
		return -1;
	return evidence_smime_check(w->lab.j, &w->authz, &w->reply);
}

static void
check_refused(struct world *w, int result, const char *why)
{
	assert_int_equal(result, -1);
	if (strstr(w->lab.j->err.text, why) == NULL)
		fail_msg("%s", w->lab.j->err.text);
	job_recover(w->lab.j);
}

static void
seal_again(struct world *w)
{
	uint8_t *seal = arena_alloc(w->lab.j->arena, SEAL_LEN);

	evidence_seal_reply(w->lab.issuer.seal, &w->authz, &w->reply, seal);
	w->reply.seal = span_mem(seal, SEAL_LEN);
}

/* --- require ------------------------------------------------------------- */

/* Ten years later, the files gone. */
static void
check_later(struct world *w)
{
	struct job *j = w->lab.j;
	int64_t now = j->now;

	unlink(w->roots_file);
	unlink(w->lists[0]);
	unlink(w->lists[1]);
	role_lab_at(&w->lab, now + (int64_t)10 * 365 * 86400);
	EXPECT(j, verify(w, NULL), 0);
	role_lab_at(&w->lab, now);
}

static void
test_required(struct job *j)
{
	struct world *w = world_new(j);

	assert_int_equal(role_lab_take(&w->lab, role_lab_reply(&w->lab, NULL)),
	    VERDICT_UNAUTHENTICATED);
	assert_string_equal(
	    role_lab_last_reply(&w->lab).code, "smime.structure");
	take(w, true, VERDICT_MATCH, NULL);
	EXPECT(j, gate(w), 0);
	assert_non_null(strstr(w->reply.evidence, "\"lists_kept\":true"));
	check_later(w);
}

static void
test_required_and_unsigned(struct job *j)
{
	struct world *w = world_new(j);

	take(w, false, VERDICT_UNAUTHENTICATED, "dkim.none");
}

/* The stored roots and lists are what counts, and they cannot be others. */
static void
test_edited(struct job *j)
{
	static const struct {
		const char *from, *to, *why;
	} cases[] = {
		{ "\"roots\":[\"", "\"roots\":[],\"was\":[\"", "smime.chain" },
		{ "\"lists\":[{", "\"lists\":[],\"was\":[{",
		    "smime.revocation-unknown" },
		{ "\"smime_revocation\":1", "\"smime_revocation\":7",
		    "no rule of revocation" },
		{ "\"roots\":[\"M", "\"roots\":[\"A", "cannot be used" },
		{ "\"roots\":[\"M", "\"roots\":[\"*", "no base64" },
	};
	struct world *w = world_new(j);
	const char *good;

	take(w, true, VERDICT_MATCH, NULL);
	good = w->reply.evidence;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *at = strstr(good, cases[i].from);

		unit_case("%zu", i);
		assert_non_null(at);
		w->reply.evidence =
		    arena_printf(j->arena, "%.*s%s%s", (int)(at - good), good,
			cases[i].to, at + strlen(cases[i].from));
		seal_again(w);
		check_refused(w, verify(w, w->lab.issuer.seal), cases[i].why);
	}
}

/* A validator that was taken over names a root of its own. */
static void
test_other_roots(struct job *j)
{
	struct world *w = world_new(j);
	struct smime_id other;

	take(w, true, VERDICT_MATCH, NULL);
	other = smime_lab_ca(j, NULL);
	w->lab.conf.validator.smime_roots =
	    in_folder(j, "other.pem", smime_lab_pem(j, other.x));
	check_refused(w, gate(w), "smime_roots");
	EXPECT(j, verify(w, w->lab.issuer.seal), 0);
	/* trouble of our own is no verdict */
	w->lab.conf.validator.smime_roots = "/nowhere";
	assert_int_equal(gate(w), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	job_recover(j);
}

/* A list too large to be kept: its hash is, and the seal vouches. */
static void
test_large_list(struct job *j)
{
	struct world *w = world_new(j);
	struct span list;

	list = smime_lab_crl(
	    j, &(struct smime_list_spec){ .issuer = &w->ca, .others = 12000 });
	assert_true(list.n > SMIME_KEPT_LISTS_MAX);
	EXPECT(j, file_write(j, w->lists[1], 0644, list), 0);
	reloaded(w);
	take(w, true, VERDICT_MATCH, NULL);
	assert_non_null(strstr(w->reply.evidence, "\"lists_kept\":false"));
	assert_true(strlen(w->reply.evidence) < SMIME_KEPT_LISTS_MAX);
	EXPECT(j, gate(w), 0);
	check_later(w);
}

/* --- in place of DKIM ---------------------------------------------------- */

static void
test_instead(struct job *j)
{
	struct world *w = world_new(j);

	list_domain(w);
	take(w, false, VERDICT_MATCH, NULL);
	assert_int_equal(w->lab.queries, 0);
	assert_int_equal(w->reply.covered_hash.n, SHA256_LEN);
	EXPECT(j, gate(w), 0);
	/* the issuer's own configuration has to list the domain */
	w->domain.smime_instead_of_dkim = false;
	check_refused(w, gate(w), "for this domain");
	w->domain.smime_instead_of_dkim = true;
	w->domain.name = "example.net";
	check_refused(w, gate(w), "for this domain");
	check_later(w);
}

static void
test_not_listed(struct job *j)
{
	struct world *w = world_new(j);

	list_domain(w);
	w->domain.name = "example.net";
	take(w, false, VERDICT_UNAUTHENTICATED, "dkim.none");
}

/* MA-64: the same signed octets in another message. */
static void
test_told_again(struct job *j)
{
	struct world *w = world_new(j);
	struct span raw;

	list_domain(w);
	w->text = "I do not know what you want.\r\n";
	raw = letter(w, false);
	assert_int_equal(role_lab_take(&w->lab, raw), VERDICT_NO_RESPONSE);
	assert_int_equal(role_lab_take(&w->lab, raw), VERDICT_REPEATED);
	w->text = NULL;
	take(w, false, VERDICT_MATCH, NULL);
}

/* AC-189: who proved the mailbox so says so too that it wants no more mails. */
static void
test_stop(struct job *j)
{
	struct world *w = world_new(j);

	list_domain(w);
	take(w, false, VERDICT_MATCH, NULL);
	w->text = "STOP\r\n";
	take(w, false, VERDICT_LATE, "late.stop");
	w->domain.smime_instead_of_dkim = false;
	w->text = "Stop.\r\n\r\nSTOP\r\n";
	take(w, false, VERDICT_LATE, "late.stop-unproven");
}

static void
issue_number(struct world *w, const char *serial)
{
	const struct cert c = { .id = "CCCCCCCCCCCCCCCCCCCCCC",
		.order_id = w->lab.order->id,
		.account_id = w->lab.account.id,
		.ca_label = "ca",
		.serial = serial,
		.profile = "mailbox-multipurpose",
		.profile_sha256 = SPAN("x"),
		.tbs = SPAN("tbs"),
		.signature_alg = SPAN("alg"),
		.lint_report = "{}",
		.evidence = "{}",
		.br_version = "1",
		.spki_sha256 = SPAN("spki"),
		.not_before = w->lab.j->now,
		.not_after = w->lab.j->now + 86400,
		.reserved_at = w->lab.j->now };
	bool taken = false;

	COMMITTED(w->lab.j, store_cert_reserve(w->lab.j, &c, &taken));
	COMMITTED(w->lab.j,
	    store_cert_record(w->lab.j, c.id, SPAN("der"), SPAN("sum")));
}

/* MA-76: never with a certificate of this server, whatever its octets. */
static void
test_own_certificate(struct job *j)
{
	const ASN1_INTEGER *serial;
	struct world *w = world_new(j);

	list_domain(w);
	serial = X509_get0_serialNumber(w->id.x);
	issue_number(
	    w, hex_dup(j->arena, span_mem(ASN1_STRING_get0_data(serial),
				     (size_t)ASN1_STRING_length(serial))));
	assert_int_equal(
	    role_lab_take(&w->lab, letter(w, false)), VERDICT_UNAUTHENTICATED);
	assert_non_null(
	    strstr(role_lab_last_reply(&w->lab).evidence, "smime.identity"));
	/* with DKIM it is as good as any */
	assert_int_equal(
	    role_lab_take(&w->lab, letter(w, true)), VERDICT_MATCH);
}

/* The same through the issuer's gate: what its configuration does not say is
 * never signed. */
static void
test_gate(struct job *j)
{
	struct world *w = world_new(j);
	struct smime_id other = smime_lab_ca(j, NULL);

	list_domain(w);
	take(w, false, VERDICT_MATCH, NULL);
	EXPECT(j, judge_caa(&w->lab.validator, j), 1);
	role_lab_request_take(&w->lab, SPAN("a CSR"));
	assert_int_equal(role_lab_gate(&w->lab), GATE_OPEN);
	w->domain.smime_instead_of_dkim = false;
	assert_int_equal(role_lab_gate(&w->lab), GATE_CLOSED);
	job_recover(j);
	w->domain.smime_instead_of_dkim = true;
	assert_int_equal(role_lab_gate(&w->lab), GATE_OPEN);
	EXPECT(j, file_write(j, w->roots_file, 0644, smime_lab_pem(j, other.x)),
	    0);
	assert_int_equal(role_lab_gate(&w->lab), GATE_CLOSED);
	job_recover(j);
}

/* --- reload -------------------------------------------------------------- */

static void
test_reload(struct job *j)
{
	struct world *w = world_new(j);
	struct smime_id other;

	other = smime_lab_ca(j, NULL);
	EXPECT(j, file_write(j, w->roots_file, 0644, smime_lab_pem(j, other.x)),
	    0);
	take(w, true, VERDICT_UNAUTHENTICATED, "smime.chain");
	/* a broken file leaves what was read before in use */
	EXPECT(j, file_write(j, w->roots_file, 0644, SPAN("broken")), 0);
	reloaded(w);
	take(w, true, VERDICT_UNAUTHENTICATED, "smime.chain");
	EXPECT(j,
	    file_write(j, w->roots_file, 0644, smime_lab_pem(j, w->root.x)), 0);
	take(w, true, VERDICT_UNAUTHENTICATED, "smime.chain");
	reloaded(w);
	take(w, true, VERDICT_MATCH, NULL);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_required),
	STORE_TEST_SQLITE(test_required_and_unsigned),
	STORE_TEST_SQLITE(test_edited),
	STORE_TEST_SQLITE(test_other_roots),
	STORE_TEST_SQLITE(test_large_list),
	STORE_TEST_SQLITE(test_instead),
	STORE_TEST_SQLITE(test_not_listed),
	STORE_TEST_SQLITE(test_told_again),
	STORE_TEST_SQLITE(test_stop),
	STORE_TEST(test_own_certificate),
	STORE_TEST_SQLITE(test_gate),
	STORE_TEST_SQLITE(test_reload),
};

UNIT_MAIN(tests)
