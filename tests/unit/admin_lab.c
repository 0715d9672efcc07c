#include "config.h"

#include "tests/unit/admin_lab.h"

#include "pki/statement.h"
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

static const char *const words[] = { "cert", "--revoke", "00aa" };

const struct command_line admin_lab_line = { 3, (char **)(uintptr_t)words };

struct client_pem
admin_lab_key(struct job *j, EVP_PKEY *key)
{
	struct client_pem k = admin_lab_pem(j, key, ADMIN_LAB_PASSPHRASE);

	EVP_PKEY_free(key);
	return k;
}

struct client_pem
admin_lab_new_key(struct job *j, struct admin_key *out)
{
	struct client_pem k = admin_lab_key(j, EVP_EC_gen("P-256"));

	assert_int_equal(
	    statement_key_read(j, k.public, &out->spki, &out->not_after), 0);
	return k;
}

struct client_pem
admin_lab_unproven(struct job *j, const char *name, enum admin_role role)
{
	struct admin_key key = { .set_by = NULL };
	struct client_pem k = admin_lab_new_key(j, &key);

	admin_lab_add(j, name, role, &key, ADMIN_LAB_PASSWORD);
	return k;
}

void
admin_lab_prove(struct job *j, const char *name)
{
	struct admin a;

	assert_int_equal(store_admin_by_name(j, name, &a), 1);
	COMMITTED(j, store_admin_key_prove(j, name, a.next.spki));
}

struct client_pem
admin_lab_live(struct job *j, const char *name, enum admin_role role)
{
	struct client_pem k = admin_lab_unproven(j, name, role);

	admin_lab_prove(j, name);
	return k;
}

void
admin_lab_end_certificate(struct job *j, const char *name, int secs)
{
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE admin_key SET not_after = %lld "
			   "WHERE name = '%s' AND proven_at > 0",
			   (long long)j->now + secs, name));
}

struct span
admin_lab_sign(
    struct job *j, const struct client_pem *k, const struct admin_login *l)
{
	struct span signature = { NULL, 0 };

	EXPECT(j,
	    statement_sign_pem(
		j, k->secret, ADMIN_LAB_PASSPHRASE, l->statement, &signature),
	    0);
	return signature;
}

void
admin_lab_begin(
    struct job *j, const char *name, enum act act, struct admin_login *l)
{
	EXPECT(j,
	    admin_login_begin(
		j, name, act_row(act), &admin_lab_line, "operator:test", l),
	    0);
}

int
admin_lab_log_in(struct job *j, const char *name, enum act act,
    struct span password, const struct client_pem *k)
{
	struct admin_login l;

	admin_lab_begin(j, name, act, &l);
	return admin_login_finish(j, &l, password,
	    k == NULL ? SPAN("") : admin_lab_sign(j, k, &l), ADMIN_LAB_BY);
}

void
admin_lab_refused(struct job *j, int result, const char *text)
{
	assert_int_equal(result, -1);
	assert_job_error(j, ERR_UNAUTHORIZED, text);
	job_recover(j);
}

struct audit_row
admin_lab_last_record(struct job *j, const char *name)
{
	struct audit_row *rows;
	size_t n;

	EXPECT(j, store_audit_list(j, admin_actor(j, name), &rows, &n), 0);
	assert_true(n > 0);
	return rows[n - 1];
}
