#include "config.h"

#include "src/enroll_result.h"

#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/enroll_certificate.h"
#include "src/enroll_options.h"
#include "src/enroll_session.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULT_MAX (64 * 1024)

/* --- files --------------------------------------------------------------- */

/* Renewed in its place: the new certificate takes the old one's, and the
 * PKCS#12 file goes with it. */
static bool
is_in_place(const struct enroll_options *o)
{
	struct stat out, old;

	return o->renew != NULL && stat(o->out, &out) == 0 &&
	       stat(o->renew, &old) == 0 && out.st_dev == old.st_dev &&
	       out.st_ino == old.st_ino;
}

static bool
may_overwrite(const struct enroll *e)
{
	return e->o->force || is_in_place(e->o);
}

static int
check_absent(struct enroll *e, const char *option, const char *path)
{
	if (path == NULL || may_overwrite(e) || access(path, F_OK) < 0)
		return 0;
	return job_fail(e->j, ERR_CONFLICT,
	    "%s %s exists: name another file, or overwrite it with --force",
	    option, path);
}

int
enroll_result_check(struct enroll *e)
{
	if (check_absent(e, "--out", e->o->out) < 0)
		return -1;
	return check_absent(e, "--p12", e->o->p12);
}

static int
write_file(struct enroll *e, bool over, const char *path, mode_t mode,
    struct span data)
{
	if (over)
		return file_write(e->j, path, mode, data);
	return file_create(e->j, path, mode, data);
}

int
enroll_result_write(struct enroll *e, const struct enroll_certificate *c)
{
	const struct enroll_options *o = e->o;
	bool over = may_overwrite(e);
	struct span p12;

	if (write_file(e, over, o->out, 0644, c->pem) < 0)
		return -1;
	if (o->p12 == NULL)
		return 0;
	if (enroll_p12(e->j, &e->request, c, e->p12_password, &p12) < 0 ||
	    write_file(e, over, o->p12, 0600, p12) < 0)
		return job_context(e->j,
		    "the certificate is in %s, but not in PKCS#12", o->out);
	return 0;
}

static void
print_json(const struct enroll *e, const struct enroll_certificate *c)
{
	const struct enroll_request *r = &e->request;
	struct json_out out;
	struct buf b;

	buf_init(&b, e->j->arena, RESULT_MAX);
	json_out_init(&out, &b);
	json_object_begin(&out);
	json_member_str(&out, "mailbox", r->mailboxes[0]);
	json_key(&out, "mailboxes");
	json_array_begin(&out);
	for (size_t i = 0; i < r->mailbox_count; i++)
		json_put_string(&out, span_str(r->mailboxes[i]));
	json_array_end(&out);
	json_member_str(&out, "serial", c->serial);
	json_member_time(&out, "not_after", c->not_after);
	json_member_str(&out, "certificate", e->o->out);
	json_member_str(&out, "key", e->o->key);
	if (e->o->p12 != NULL)
		json_member_str(&out, "p12", e->o->p12);
	json_object_end(&out);
	puts(b.p);
}

static void
print_text(const struct enroll *e, const struct enroll_certificate *c)
{
	char not_after[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(c->not_after, not_after);
	printf("issued:");
	for (size_t i = 0; i < e->request.mailbox_count; i++)
		printf(" mailbox=%s", e->request.mailboxes[i]);
	printf(" serial=%s not_after=%s certificate=%s\n", c->serial, not_after,
	    e->o->out);
}

void
enroll_result_print(const struct enroll *e, const struct enroll_certificate *c)
{
	if (e->o->json)
		print_json(e, c);
	else
		print_text(e, c);
}
