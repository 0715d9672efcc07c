/*
 * What is said of trust anchors that are not there.  (Handshakes are tried
 * where mail servers are: tests/integration/test_mail_io.py.)
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fdio.h"
#include "mail/tls_client.h"

#define MISSING "no-such-file.pem"
#define EMPTY "test_tls_client.pem"

static void
test_anchors(void **state)
{
	struct job *j = unit_job();
	struct tls_client t;

	(void)state;
	assert_int_equal(
	    tls_client_init(j, MISSING, "mail.example.org", &t), -1);
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	assert_string_equal(j->err.text,
	    "certificates: " MISSING
	    ": cannot open: No such file or directory");
	job_recover(j);
	assert_int_equal(
	    file_write(j, EMPTY, 0600, SPAN("no certificate\n")), 0);
	assert_int_equal(tls_client_init(j, EMPTY, "mail.example.org", &t), -1);
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	assert_non_null(strstr(j->err.text, "certificates in " EMPTY ": "));
	assert_null(strstr(j->err.text, "the connection ended"));
	unlink(EMPTY);
	job_recover(j);
	assert_int_equal(tls_client_init(j, NULL, "mail.example.org", &t), 0);
	tls_client_done(&t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_anchors),
};

UNIT_MAIN(tests)
