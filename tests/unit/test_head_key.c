/*
 * Keys of the audit's heads (PK-21, decision 34): who signs, with which public
 * keys it verifies, when the key is replaced, and what is wrong with a file.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/audit_mark.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/head_key.h"
#include "src/audit_keys.h"
#include "tests/unit/pki_lab.h"

static const char *
path(struct job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", lab_folder(), name);
}

static void
make(struct job *j, const char *name)
{
	const char *private = path(j, arena_printf(j->arena, "%s.key", name));
	const char *public = path(j, arena_printf(j->arena, "%s.pub", name));

	unlink(private);
	unlink(public);
	EXPECT(j, head_key_create(j, private, public), 0);
}

static void
append(struct job *j, const char *to, const char *from)
{
	struct span text;
	FILE *f = fopen(path(j, to), "a");

	assert_non_null(f);
	EXPECT(j, file_read(j, path(j, from), 4096, &text), 0);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

static const struct audit_signer *
signer(struct job *j)
{
	const struct audit_signer *s = NULL;

	EXPECT(j, audit_keys_signer(j, j->arena, lab_ca("p256"), &s), 0);
	assert_non_null(s);
	return s;
}

static const struct audit_verifier *
verifier(struct job *j)
{
	const struct audit_verifier *v = NULL;

	EXPECT(j, audit_keys_verifier(j, j->arena, &v), 0);
	assert_non_null(v);
	return v;
}

/* The key is replaced: what the former one signed still verifies. */
static void
test_rollover(struct job *j)
{
	static struct conf conf;
	const struct audit_signer *s;
	const struct audit_verifier *v;
	struct span text = SPAN("the head"), old, new, first;

	j->conf = &conf;
	conf.issuer.audit_key = path(j, "first.key");
	conf.issuer.audit_public_keys = path(j, "all.pub");
	unlink(conf.issuer.audit_public_keys);
	make(j, "first");
	make(j, "second");
	append(j, "all.pub", "first.pub");
	s = signer(j);
	first = s->spki_sha256;
	EXPECT(j, s->sign(j, s->ctx, text, &old), 0);
	v = verifier(j);
	assert_int_equal(v->verify(v->ctx, first, text, old), 1);
	assert_int_equal(v->verify(v->ctx, first, SPAN("the heat"), old), 0);
	assert_int_equal(v->verify(v->ctx, first, text, SPAN("x")), 0);
	assert_int_equal(v->verify(v->ctx, SPAN("other"), text, old), -1);

	conf.issuer.audit_key = path(j, "second.key");
	EXPECT(j, audit_keys_signer(j, j->arena, lab_ca("p256"), &s), -1);
	assert_non_null(strstr(j->err.text, "-pubout, appended to it"));
	job_recover(j);
	append(j, "all.pub", "second.pub");
	s = signer(j);
	EXPECT(j, s->sign(j, s->ctx, text, &new), 0);
	v = verifier(j);
	assert_int_equal(v->verify(v->ctx, s->spki_sha256, text, new), 1);
	assert_int_equal(v->verify(v->ctx, s->spki_sha256, text, old), 0);
	assert_int_equal(v->verify(v->ctx, first, text, old), 1);
}

static void
test_not_configured(struct job *j)
{
	static struct conf conf;
	const struct audit_verifier *v;
	const struct audit_signer *s;

	j->conf = &conf;
	EXPECT(j, audit_keys_signer(j, j->arena, NULL, &s), 0);
	assert_null(s);
	EXPECT(j, audit_keys_verifier(j, j->arena, &v), 0);
	assert_null(v);
}

/* Whatever is wrong, the error says what would be right. */
static void
test_wrong_files(struct job *j)
{
	static const struct {
		const char *octets, *says;
	} cases[] = {
		{ "", "public keys in PEM" },
		{ "nothing of the kind\n", "public keys in PEM" },
		{ "-----BEGIN PUBLIC KEY-----\nAAAA\n"
		  "-----END PUBLIC KEY-----\n",
		    "public keys in PEM" },
	};
	static struct conf conf;
	const struct audit_verifier *v;
	const struct audit_signer *s;

	j->conf = &conf;
	make(j, "good");
	conf.issuer.audit_key = path(j, "good.key");
	conf.issuer.audit_public_keys = path(j, "bad.pub");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unit_case("%s", cases[i].octets);
		EXPECT(j,
		    file_write(
			j, path(j, "bad.pub"), 0644, span_str(cases[i].octets)),
		    0);
		EXPECT(j, audit_keys_verifier(j, j->arena, &v), -1);
		assert_non_null(strstr(j->err.text, cases[i].says));
		job_recover(j);
	}
	/* A good one, and something broken behind it. */
	unlink(path(j, "bad.pub"));
	append(j, "bad.pub", "good.pub");
	EXPECT(j, audit_keys_verifier(j, j->arena, &v), 0);
	EXPECT(j,
	    file_write(j, path(j, "tail"), 0644,
		SPAN("-----BEGIN PUBLIC KEY-----\nAAAA\n")),
	    0);
	append(j, "bad.pub", "tail");
	EXPECT(j, audit_keys_verifier(j, j->arena, &v), -1);
	job_recover(j);
	conf.issuer.audit_key = path(j, "good.pub");
	assert_int_equal(chmod(path(j, "good.pub"), 0400), 0);
	EXPECT(j, audit_keys_signer(j, j->arena, NULL, &s), -1);
	assert_non_null(strstr(j->err.text, "a private key in PEM"));
	job_recover(j);
	/* What others may read is no secret. */
	conf.issuer.audit_key = path(j, "good.key");
	assert_int_equal(chmod(path(j, "good.key"), 0444), 0);
	EXPECT(j, audit_keys_signer(j, j->arena, NULL, &s), -1);
	job_recover(j);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_rollover),
	STORE_TEST_SQLITE(test_not_configured),
	STORE_TEST_SQLITE(test_wrong_files),
};
UNIT_MAIN(tests)
