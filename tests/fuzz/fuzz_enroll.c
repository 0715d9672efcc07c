/* What `countersign enroll` reads of strangers: challenge mails and Subjects,
 * the server's objects, certificate chains; and the certificate that it renews.
 */
#include "config.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/enroll_certificate.h"
#include "src/enroll_csr.h"
#include "src/enroll_mail.h"
#include "src/enroll_renew.h"
#include "src/https_client.h"
#include "src/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const mailboxes[] = { "alice@user.test" };

static void
check_token(const char *token)
{
	if (strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			  "0123456789-_") != strlen(token) ||
	    strlen(token) < 22)
		abort();
}

/* Whatever is accepted makes a reply without a line of its own. */
static void
try_mail(struct job *j, struct span in)
{
	const struct enroll_expected e = { .mailbox = mailboxes[0],
		.from = "acme+tag@ca.test" };
	struct enroll_challenge c;
	const char *token;
	struct span reply;

	if (enroll_subject_parse(j, in, &token) == 0)
		check_token(token);
	job_recover(j);
	if (enroll_mail_check(j, in, 0, &e, &c) != 1) {
		job_recover(j);
		return;
	}
	check_token(c.token_part1);
	enroll_reply_format(j, &c, e.mailbox, "digest", &reply);
	for (size_t i = 0; i < reply.n; i++)
		if ((reply.p[i] == '\n') != (i > 0 && reply.p[i - 1] == '\r'))
			abort();
}

static void
try_objects(struct job *j, struct span in)
{
	struct remote_order o = { 0 };
	const struct json *object;
	struct remote_renewal w;
	struct remote_authz a;
	const char *details;

	if (json_parse_object(j, in, "text", &object) < 0)
		goto out;
	remote_problem_text(j, object, &details);
	if (remote_order_parse(j, object, &o) == 0 &&
	    !https_url_is_good(o.finalize))
		abort();
	job_recover(j);
	if (remote_authz_parse(j, object, &a) == 0 && a.challenge_url != NULL)
		check_token(a.token_part2);
	job_recover(j);
	if (remote_renewal_parse(j, object, &w) == 0 && w.end <= w.start)
		abort();
out:
	job_recover(j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static EVP_PKEY *key;
	struct enroll_request r = { .mailboxes = mailboxes,
		.mailbox_count = 1 };
	struct span in = span_mem(data, n);
	struct enroll_certificate c;
	struct enroll_renewal w;
	struct job j;

	job_init(&j, NULL, NULL);
	try_mail(&j, in);
	try_objects(&j, in);
	/* Nothing is for a key that was made a moment ago. */
	if (key == NULL)
		key = EVP_EC_gen("prime256v1");
	r.key = key;
	if (enroll_certificate_check(&j, in, &r, &c) == 0)
		abort();
	job_recover(&j);
	if (enroll_renewal_parse(&j, in, &w) == 0 &&
	    (w.mailbox_count == 0 || w.certid == NULL))
		abort();
	job_done(&j);
	return 0;
}
