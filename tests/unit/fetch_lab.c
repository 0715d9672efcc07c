#include "config.h"

#include "tests/unit/fetch_lab.h"

#include <stdlib.h>
#include <string.h>

struct peer_tls *fetch_lab_tls, *fetch_lab_other_tls, *fetch_lab_wrong_tls;

/* They have files. */
static void
free_certificates(void)
{
	peer_tls_free(fetch_lab_tls);
	peer_tls_free(fetch_lab_other_tls);
	peer_tls_free(fetch_lab_wrong_tls);
}

int
fetch_lab_certificates(void **state)
{
	(void)state;
	if (fetch_lab_tls != NULL)
		return 0;
	assert_int_equal(atexit(free_certificates), 0);
	fetch_lab_tls = peer_tls_new("localhost");
	fetch_lab_other_tls = peer_tls_new("localhost");
	fetch_lab_wrong_tls = peer_tls_new("mail.example.org");
	return 0;
}

struct fetch_conf
fetch_lab_conf(int port)
{
	return (struct fetch_conf){ .host = "localhost",
		.port = port,
		.tls = CONF_TLS_IMPLICIT,
		.ca_file = peer_tls_ca_file(fetch_lab_tls),
		.user = "user",
		.password = SPAN("s3cret"),
		.folder = "INBOX",
		.disposal = CONF_DISPOSAL_MOVE,
		.processed_folder = "Processed",
		.timeout_ms = TIMEOUT_MS };
}

struct fetch *
fetch_lab_new(int port, enum conf_tls mode, enum conf_disposal disposal,
    const char *ca_file, int64_t timeout_ms)
{
	struct fetch_conf conf = fetch_lab_conf(port);
	struct fetch *f = NULL;

	conf.tls = mode;
	conf.disposal = disposal;
	conf.ca_file = ca_file;
	conf.timeout_ms = timeout_ms;
	if (fetch_new(unit_job(), &conf, &f) < 0)
		fail_msg("%s", unit_job()->err.text);
	return f;
}

struct fetch *
fetch_lab_open(const struct peer_step *script, enum conf_disposal disposal,
    struct peer **p)
{
	struct fetch *f;

	*p = peer_start(script, fetch_lab_tls);
	f = fetch_lab_new(peer_port(*p), CONF_TLS_IMPLICIT, disposal,
	    peer_tls_ca_file(fetch_lab_tls), TIMEOUT_MS);
	if (fetch_connect(f, unit_job()) < 0)
		fail_msg("%s", unit_job()->err.text);
	return f;
}

void
fetch_lab_close(struct fetch *f, struct peer *p)
{
	fetch_free(f);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	peer_free(p);
}

void
fetch_lab_failed(int result, enum err_kind kind, const char *text)
{
	struct job *j = unit_job();

	assert_int_equal(result, -1);
	if (j->err.kind != kind || strstr(j->err.text, text) == NULL)
		fail_msg("%s: %s", err_kind_name(j->err.kind), j->err.text);
	job_recover(j);
}
