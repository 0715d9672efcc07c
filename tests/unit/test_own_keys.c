/* PK-65: the keys of CAs and responders, of now and before, are nobody's. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "db/store_own_key.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "pki/certview.h"
#include "pki/key.h"
#include "pki/keycheck.h"
#include "src/own_keys.h"
#include "tests/unit/pki_lab.h"

struct hashes {
	uint8_t spki[SHA256_LEN], bare[SHA256_LEN];
	struct key_hash key;
};

static const struct key_hash *
hash_spki(struct job *j, struct span spki)
{
	struct hashes *h = arena_alloc(j->arena, sizeof(*h));

	sha256(spki, h->spki);
	assert_int_equal(spki_bare_sha256(spki, h->bare), 0);
	h->key = (struct key_hash){ span_mem(h->spki, SHA256_LEN),
		span_mem(h->bare, SHA256_LEN) };
	return &h->key;
}

/* The first certificate of a file. */
static const struct key_hash *
hash_file(struct job *j, const char *path)
{
	struct certview v;
	struct span der;

	EXPECT(j, ca_certificate_read(j, j->arena, path, &der), 0);
	assert_int_equal(certview_parse(der, &v), 0);
	return hash_spki(j, v.spki);
}

static struct conf_issuer
files_of(struct job *j, const char *type)
{
	const char *folder = lab_ca_folder(type);

	return (struct conf_issuer){
		.ca_certificate =
		    arena_printf(j->arena, "%s/issuing.pem", folder),
		.ca_chain = arena_printf(j->arena, "%s/root.pem", folder),
	};
}

/* The issuing CA, its root, and both of a former CA; also once the former CA
 * has left the configuration. */
static void
test_record(struct job *j)
{
	struct conf_former former = { .name = "old" };
	struct conf conf = { .issuer = files_of(j, "p256") };
	const struct own_keys *keys, *less;
	const char *all[4];

	former.issuer = files_of(j, "p384");
	all[0] = conf.issuer.ca_certificate;
	all[1] = conf.issuer.ca_chain;
	all[2] = former.issuer.ca_certificate;
	all[3] = former.issuer.ca_chain;
	conf.formers = &former;
	conf.former_count = 1;
	j->conf = &conf;
	EXPECT(j, own_keys_load(j, j->arena, &keys), 0);
	for (size_t i = 0; i < 4; i++) {
		unit_case("%s", all[i]);
		EXPECT(j, store_own_key_is(j, hash_file(j, all[i])), 0);
		EXPECT(j, own_keys_have(j, keys, hash_file(j, all[i])), 1);
	}
	EXPECT(j, own_keys_record(j, keys), 0);
	EXPECT(j, own_keys_record(j, keys), 0); /* the next start */
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM own_key"), 4);

	conf.former_count = 0;
	EXPECT(j, own_keys_load(j, j->arena, &less), 0);
	for (size_t i = 0; i < 4; i++) {
		unit_case("%s", all[i]);
		EXPECT(j, store_own_key_is(j, hash_file(j, all[i])), 1);
		EXPECT(j, own_keys_have(j, less, hash_file(j, all[i])), 1);
	}
	EXPECT(j,
	    own_keys_have(
		j, keys, hash_spki(j, lab_spki(j, lab_key(KEY_TYPE_P256, 0)))),
	    0);
}

/* PK-76: in whatever encoding; and what has no bare hash is no wild card. */
static void
test_encodings(struct job *j)
{
	const struct key_hash both = { SPAN("spki"), SPAN("bare") };
	const struct key_hash other = { SPAN("another spki"), SPAN("bare") };
	const struct key_hash bare = { SPAN("x"), { NULL, 0 } };
	const struct key_hash free_one = { SPAN("y"), { NULL, 0 } };

	COMMITTED(j, store_own_key_put(j, &both, "a"));
	COMMITTED(j, store_own_key_put(j, &bare, "b"));
	EXPECT(j, store_own_key_is(j, &both), 1);
	EXPECT(j, store_own_key_is(j, &other), 1);
	EXPECT(j, store_own_key_is(j, &bare), 1);
	EXPECT(j, store_own_key_is(j, &free_one), 0);
}

/* A file that cannot be read is an error that names it; of a former CA, which
 * may have ended, a warning. */
static void
test_files(struct job *j)
{
	struct conf_former former = { .name = "old" };
	struct conf conf = { .issuer = files_of(j, "p256") };
	const char *broken =
	    arena_printf(j->arena, "%s/broken.pem", lab_folder());
	const struct own_keys *keys;

	former.issuer = files_of(j, "p384");
	former.issuer.ca_chain = "/nonexistent/chain.pem";
	conf.formers = &former;
	conf.former_count = 1;
	j->conf = &conf;
	EXPECT(j, own_keys_load(j, j->arena, &keys), 0);
	EXPECT(j,
	    own_keys_have(j, keys, hash_file(j, former.issuer.ca_certificate)),
	    1);
	EXPECT(j,
	    file_write(j, broken, 0644,
		SPAN("-----BEGIN CERTIFICATE-----\nAA==\n-----END "
		     "CERTIFICATE-----\n")),
	    0);
	conf.issuer.ca_chain = broken;
	assert_int_equal(own_keys_load(j, j->arena, &keys), -1);
	assert_non_null(strstr(j->err.text, "broken.pem"));
}

/* A responder's, from the certificate that carries it. */
static void
test_responder(struct job *j)
{
	struct conf_issuer files = files_of(j, "p256");
	struct span der;

	EXPECT(
	    j, ca_certificate_read(j, j->arena, files.ca_certificate, &der), 0);
	COMMITTED(j, own_keys_add_responder(j, "01", der));
	EXPECT(j, store_own_key_is(j, hash_file(j, files.ca_certificate)), 1);
	EXPECT(j, store_begin(j), 0);
	assert_int_equal(own_keys_add_responder(j, "02", SPAN("no DER")), -1);
	store_rollback(j);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_record),
	STORE_TEST(test_encodings),
	STORE_TEST(test_files),
	STORE_TEST(test_responder),
};

UNIT_MAIN(tests)
