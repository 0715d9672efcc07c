/* The HTTPS certificate: for which host, and when. */
#include "config.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/count.h"
#include "src/tls.h"
#include "src/tls_watch.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#define FROM 1700000000
#define UNTIL 1800000000

static const char *certificate, *key;

static void
write_file(const char *path, const gnutls_datum_t *data)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || write(fd, data->data, data->size) != (ssize_t)data->size)
		abort();
	close(fd);
}

static void
must(int code)
{
	if (code < 0)
		abort();
}

static void
make_certificate(void)
{
	static const unsigned char address[] = { 192, 0, 2, 1 };
	static const unsigned char serial[] = { 1 };
	gnutls_x509_privkey_t k;
	gnutls_x509_crt_t c;
	gnutls_datum_t pem;

	must(gnutls_x509_privkey_init(&k));
	must(gnutls_x509_privkey_generate(k, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	must(gnutls_x509_crt_init(&c));
	must(gnutls_x509_crt_set_version(c, 3));
	must(gnutls_x509_crt_set_serial(c, serial, sizeof(serial)));
	must(gnutls_x509_crt_set_dn(c, "CN=test", NULL));
	must(gnutls_x509_crt_set_activation_time(c, FROM));
	must(gnutls_x509_crt_set_expiration_time(c, UNTIL));
	must(gnutls_x509_crt_set_key(c, k));
	must(gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_DNSNAME,
	    "acme.ca.example", strlen("acme.ca.example"), GNUTLS_FSAN_APPEND));
	must(gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_IPADDRESS,
	    address, sizeof(address), GNUTLS_FSAN_APPEND));
	must(gnutls_x509_crt_sign2(c, c, k, GNUTLS_DIG_SHA256, 0));
	must(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &pem));
	write_file(certificate, &pem);
	gnutls_free(pem.data);
	must(gnutls_x509_privkey_export2_pkcs8(
	    k, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
	write_file(key, &pem);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(c);
	gnutls_x509_privkey_deinit(k);
}

#define SAYS(text, part) assert_non_null(strstr(text, part))

/* A configuration that names the first one is in use before the process that
 * loads it: there is nothing to be looked at. */
static void
test_none(void **state)
{
	struct tls_watch w = { .looked_ms = 0 };
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(tls_kept(), 0);
	unit_log_begin();
	assert_null(tls_watch(&w, j, certificate));
	assert_string_equal(unit_log_end(), "");
	/* And nothing was: the first that is there is looked at at once. */
	assert_int_equal(w.looked_ms, 0);
}

static void
test_host(void **state)
{
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(tls_load(j, certificate, key), 0);
	assert_int_equal(tls_check_host(j, certificate, "acme.ca.example"), 0);
	assert_int_equal(tls_check_host(j, certificate, "192.0.2.1"), 0);
	assert_int_equal(tls_check_host(j, certificate, "192.0.2.2"), -1);
	job_recover(j);
	assert_int_equal(tls_check_host(j, certificate, "ca.example"), -1);
	SAYS(j->err.text, "is not for ca.example, the host of base_url");
	job_recover(j);
}

static void
test_dates(void **state)
{
	struct job *j = unit_job();

	(void)state;
	/* As test_host() loaded it. */
	assert_true(tls_not_after() == UNTIL);
	assert_int_equal(tls_check_dates(j, certificate, FROM), 0);
	assert_int_equal(tls_check_dates(j, certificate, UNTIL - 1), 0);
	assert_int_equal(tls_check_dates(j, certificate, FROM - 1), -1);
	SAYS(j->err.text, "is not valid before 2023-11-14T22:13:20Z");
	job_recover(j);
	assert_int_equal(tls_check_dates(j, certificate, UNTIL), -1);
	SAYS(j->err.text, "has ended at 2027-01-15T08:00:00Z");
	job_recover(j);
}

/* A client that refuses it leaves nothing in the log, and countersign check is
 * run by hand. */
static void
test_watch(void **state)
{
	struct tls_watch w = { .looked_ms = 0 };
	struct job *j = unit_job();
	const char *log;

	(void)state;
	unit_log_begin();
	j->now = UNTIL - TLS_SOON_SECS - 1;
	assert_null(tls_watch(&w, j, certificate));
	assert_string_equal(unit_log_end(), "");

	unit_log_begin();
	w.looked_ms = 0;
	j->now++;
	assert_null(tls_watch(&w, j, certificate));
	log = unit_log_end();
	SAYS(log, "warning event=\"HTTPS certificate ends soon\" file=\"");
	SAYS(log, "end=2027-01-15T08:00:00Z next=\"replace it and send");

	/* Once a day, and looked at once a minute. */
	unit_log_begin();
	w.looked_ms = 0;
	j->now += 86399;
	assert_null(tls_watch(&w, j, certificate));
	j->now = UNTIL;
	assert_null(tls_watch(&w, j, certificate));
	assert_string_equal(unit_log_end(), "");

	unit_log_begin();
	w.looked_ms = 0;
	SAYS(
	    tls_watch(&w, j, certificate), "has ended at 2027-01-15T08:00:00Z");
	SAYS(tls_watch(&w, j, certificate), "send countersignd SIGHUP");
	log = unit_log_end();
	SAYS(log, "error event=\"HTTPS certificate not valid\" next=\"");
	assert_null(strstr(strstr(log, "not valid") + 1, "not valid\""));

	/* Another one is looked at as soon as it is in use. */
	w.end = 0;
	j->now = FROM;
	assert_null(tls_watch(&w, j, certificate));
}

/* A reload frees what it replaces once no connection can use it: neither one
 * that began with it, nor an older one, whose handshake may take the new. */
static void
test_former(void **state)
{
	struct job *j = unit_job();
	struct tls_identity *first, *second, *third;

	(void)state;
	assert_int_equal(tls_load(j, certificate, key), 0);
	assert_int_equal(tls_kept(), 1);
	first = tls_enter();
	assert_int_equal(tls_load(j, certificate, key), 0);
	assert_int_equal(tls_kept(), 2);
	second = tls_enter();
	assert_ptr_not_equal(first, second);
	assert_int_equal(tls_load(j, key, certificate), -1);
	SAYS(j->err.text, "must hold certificates in PEM: the server's");
	job_recover(j);
	assert_int_equal(tls_load(j, certificate, certificate), -1);
	SAYS(j->err.text, "must hold a private key in PEM");
	job_recover(j);
	assert_int_equal(tls_kept(), 2);
	assert_int_equal(tls_load(j, certificate, key), 0);
	third = tls_enter();
	assert_int_equal(tls_kept(), 3);
	tls_leave(second);
	assert_int_equal(tls_kept(), 3);
	tls_leave(first);
	assert_int_equal(tls_kept(), 1);
	tls_leave(third);
	tls_leave(NULL);
	assert_int_equal(tls_kept(), 1);
	assert_true(tls_not_after() == UNTIL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_none),
	cmocka_unit_test(test_host),
	cmocka_unit_test(test_dates),
	cmocka_unit_test(test_watch),
	cmocka_unit_test(test_former),
};

int
main(void)
{
	const char *folder = unit_folder_new();
	struct arena *keep = arena_new();
	int result;

	certificate = arena_printf(keep, "%s/c.pem", folder);
	key = arena_printf(keep, "%s/k.pem", folder);
	make_certificate();
	result = unit_run(tests, COUNT(tests));
	arena_free(keep);
	return result;
}
