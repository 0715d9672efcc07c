/*
 * PK-222: the files of the CMP client, and its way over HTTP (RFC 9811), with
 * a server that a script plays.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "src/cmp_client.h"
#include "src/cmp_conf.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit_folder.h"

#define DAY ((long)86400)

static const char *folder; /* what all tests read */

static const char *
path(const char *name)
{
	return arena_printf(unit_job()->arena, "%s/%s", folder, name);
}

static X509 *
certificate(EVP_PKEY *key, const char *usage, long ends)
{
	X509 *x = X509_new();
	X509_EXTENSION *e =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, usage);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_UTF8, (const unsigned char *)"Test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), -2 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), ends);
	X509_set_pubkey(x, key);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static void
write_certificate(
    const char *name, EVP_PKEY *key, const char *usage, long ends, int times)
{
	FILE *f = fopen(path(name), "w");
	X509 *x = certificate(key, usage, ends);

	assert_non_null(f);
	for (int i = 0; i < times; i++)
		PEM_write_X509(f, x);
	fclose(f);
	X509_free(x);
}

static void
write_key(const char *name, EVP_PKEY *key, mode_t mode)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	chmod(path(name), mode);
}

#define USAGE "critical,digitalSignature"

static void
make_files(void)
{
	EVP_PKEY *ra, *ca, *edwards;

	if (folder != NULL)
		return;
	folder = unit_folder_new();
	ra = EVP_EC_gen("P-256");
	ca = EVP_EC_gen("P-256");
	edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	write_key("ra.key", ra, 0600);
	write_key("open.key", ra, 0644);
	write_key("other.key", ca, 0600);
	write_key("edwards.key", edwards, 0600);
	write_certificate("ra.pem", ra, USAGE, DAY, 1);
	write_certificate("encrypts.pem", ra, "critical,keyAgreement", DAY, 1);
	write_certificate("expired.pem", ca, USAGE, -DAY, 1);
	write_certificate("ca.pem", ca, USAGE, DAY, 1);
	write_certificate("two.pem", ca, USAGE, DAY, 2);
	EVP_PKEY_free(ra);
	EVP_PKEY_free(ca);
	EVP_PKEY_free(edwards);
}

static struct conf conf;

static int
load(const char *own, const char *key, const char *server,
    const struct cmp_client **out)
{
	struct job *j = unit_job();

	make_files();
	conf.external = (struct conf_upstream){ .kind = CONF_EXTERNAL_CMP,
		.cmp_certificate = path(own),
		.cmp_key = path(key),
		.cmp_server = path(server) };
	j->conf = &conf;
	return cmp_conf_load(j, j->arena, out);
}

static void
test_files(void **state)
{
	static const struct {
		const char *own, *key, *server;
		const char *says; /* NULL: good */
	} rows[] = {
		{ "ra.pem", "ra.key", "ca.pem", NULL },
		{ "none.pem", "ra.key", "ca.pem", "external.cmp_certificate" },
		{ "ra.pem", "none.key", "ca.pem", "external.cmp_key" },
		{ "ra.pem", "open.key", "ca.pem", "external.cmp_key" },
		{ "ra.pem", "other.key", "ca.pem",
		    "external.cmp_key: is not the key of" },
		{ "ra.pem", "ra.pem", "ca.pem", "external.cmp_key" },
		{ "ra.pem", "edwards.key", "ca.pem",
		    "must be an RSA key of 2048 bits or more" },
		{ "ra.key", "ra.key", "ca.pem", "external.cmp_certificate" },
		{ "encrypts.pem", "ra.key", "ca.pem",
		    "external.cmp_certificate: its key usage" },
		{ "ra.pem", "ra.key", "two.pem", "must hold one certificate" },
		{ "ra.pem", "ra.key", "expired.pem",
		    "external.cmp_server: the certificate has expired" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct cmp_client *c = NULL;
		struct job *j = unit_job();

		unit_case("%s %s %s", rows[i].own, rows[i].key, rows[i].server);
		if (rows[i].says == NULL) {
			assert_int_equal(
			    load(rows[i].own, rows[i].key, rows[i].server, &c),
			    0);
			assert_non_null(c);
			continue;
		}
		assert_int_equal(
		    load(rows[i].own, rows[i].key, rows[i].server, &c), -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		if (strstr(j->err.text, rows[i].says) == NULL)
			fail_msg("%s", j->err.text);
		job_recover(j);
	}
}

#define HEAD(status, type)                                                     \
	"HTTP/1.1 " status "\r\nConnection: close\r\nContent-Type: " type "\r" \
	"\n"

/* Bounded, and of the right kind; whatever else is no answer. */
static void
test_transfer(void **state)
{
	static const struct {
		const char *name;
		struct peer_step last[2];
		bool is_good;
	} rows[] = {
		{ "good",
		    { { PEER_SEND,
			  HEAD("200 OK",
			      "application/pkixcmp") "Content-Length: "
						     "5\r\n\r\nbytes" },
			{ PEER_SILENCE, NULL } },
		    true },
		{ "huge",
		    { { PEER_SEND,
			  HEAD("200 OK", "application/pkixcmp") "\r\n" },
			{ PEER_FLOOD, "octets and no end of them " } },
		    false },
		{ "a page",
		    { { PEER_SEND,
			  HEAD("200 OK",
			      "text/html") "Content-Length: 5\r\n\r\nbytes" },
			{ PEER_SILENCE, NULL } },
		    false },
		{ "not found",
		    { { PEER_SEND,
			  HEAD("404 Not Found",
			      "application/pkixcmp") "Content-Length: "
						     "5\r\n\r\nbytes" },
			{ PEER_SILENCE, NULL } },
		    false },
		{ "elsewhere",
		    { { PEER_SEND,
			  HEAD("302 Found",
			      "application/pkixcmp") "Location: "
						     "/other\r\nContent-Length:"
						     " 0\r\n\r\n" },
			{ PEER_SILENCE, NULL } },
		    false },
		{ "nothing", { { PEER_RESET, NULL }, { PEER_END, NULL } },
		    false },
	};
	const struct cmp_client *c = NULL;
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(load("ra.pem", "ra.key", "ca.pem", &c), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct peer_step steps[] = { { PEER_EXPECT,
						       "POST /pkix/ " },
			{ PEER_LINES, "Connection: close\r\n" },
			{ PEER_LINES, "Content-Type: application/pkixcmp\r\n" },
			{ PEER_LINES, "\r\n" }, rows[i].last[0],
			rows[i].last[1], { PEER_END, NULL } };
		struct peer *p = peer_start(steps, NULL);
		struct span answer = { NULL, 0 };
		int sent;

		unit_case("%s", rows[i].name);
		conf.external.cmp_url = arena_printf(
		    j->arena, "http://127.0.0.1:%d/pkix/", peer_port(p));
		sent = c->send(c->send_ctx, j, SPAN("request"), &answer);
		peer_stop(p);
		assert_int_equal(sent, rows[i].is_good ? 0 : -1);
		if (rows[i].is_good) {
			assert_true(peer_heard(p, "request"));
			assert_true(span_eq(answer, SPAN("bytes")));
		}
		peer_free(p);
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_transfer),
};

UNIT_MAIN(tests)
