#include "config.h"

#include "tests/unit/admin_lab.h"

#include "tests/unit/store_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/password.h"

static struct span
take(struct job *j, BIO *out)
{
	struct span pem;
	char *p = NULL;

	pem.n = (size_t)BIO_get_mem_data(out, &p);
	pem.p = arena_memdup(j->arena, p, pem.n);
	BIO_free(out);
	return pem;
}

struct client_pem
admin_lab_pem(struct job *j, EVP_PKEY *key, struct span passphrase)
{
	BIO *secret = BIO_new(BIO_s_mem()), *public = BIO_new(BIO_s_mem());
	struct client_pem k;

	assert_non_null(key);
	assert_int_equal(
	    PEM_write_bio_PKCS8PrivateKey(secret, key, EVP_aes_256_cbc(),
		passphrase.p, (int)passphrase.n, NULL, NULL),
	    1);
	assert_int_equal(PEM_write_bio_PUBKEY(public, key), 1);
	k.secret = take(j, secret);
	k.public = take(j, public);
	return k;
}

struct conf *
admin_lab_conf(struct job *j)
{
	static struct conf conf;

	conf = (struct conf){ .base_url = "https://ca.example" };
	j->conf = &conf;
	clock_set(j->now);
	return &conf;
}

void
admin_lab_add(struct job *j, const char *name, enum admin_role role,
    const struct admin_key *key, struct span password)
{
	struct admin a = {
		.name = name, .role = role, .approved_at = j->now, .next = *key
	};

	admin_lab_conf(j);
	assert_int_equal(password_hash_at(j, password, 16, 1, &a.password), 0);
	COMMITTED(j, store_admin_add(j, &a));
}
