#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/ca_build.h"
#include "pki/certfield.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "pki/ossl.h"

#define DAY_SECS ((int64_t)86400)
#define ROOT_CRL_DAYS 360 /* PK-156: below 12 months */
#define PEM_MAX (64 * 1024)
#define NAME_BASE_MAX 50 /* with what is put behind it: 64 */

enum {
	ROOT_PEM,
	ROOT_KEY,
	ISSUING_PEM,
	ISSUING_KEY,
	PASSPHRASE,
	ROOT_CRL,
	FILE_COUNT
};

static const struct {
	const char *name;
	mode_t mode;
} file_kinds[FILE_COUNT] = {
	[ROOT_PEM] = { "root.pem", 0444 },
	[ROOT_KEY] = { "root-key.pem", 0400 },
	[ISSUING_PEM] = { "issuing.pem", 0444 },
	[ISSUING_KEY] = { "issuing-key.pem", 0400 },
	[PASSPHRASE] = { "ca-passphrase", 0400 },
	[ROOT_CRL] = { "root.crl", 0444 },
};

struct output {
	const char *path;
	struct span data;
	bool is_written;
};

struct making {
	struct job *j;
	const struct ca_init *in;
	struct signer root;
	struct signer issuing;
	struct output files[FILE_COUNT];
};

/* --- what was asked for -------------------------------------------------- */

static int
refuse(struct making *m, const char *what, const char *why)
{
	(void)job_fail(m->j, ERR_INTERNAL, "%s: %s", what, why);
	return -1;
}

static int
check_input(struct making *m)
{
	const struct ca_init *in = m->in;
	const struct ca_subject subject = { in->country, in->organization,
		in->common_name };
	const char *problem;

	problem = ca_subject_problem(&subject);
	if (problem != NULL)
		return job_fail(m->j, ERR_INTERNAL, "%s", problem);
	if (strlen(subject.common_name) > NAME_BASE_MAX)
		return refuse(m, "common name",
		    "must name the CA in 1 to 50 octets (PK-119)");
	problem = public_url_problem(span_str(in->root_crl_url));
	if (problem != NULL)
		return refuse(m, "URL of the root's CRL (PK-133)", problem);
	problem = public_url_problem(span_str(in->root_url));
	if (problem != NULL)
		return refuse(m, "URL of the root (PK-133)", problem);
	return 0;
}

static int
plan_files(struct making *m)
{
	struct stat st;

	for (size_t i = 0; i < FILE_COUNT; i++) {
		const char *path = arena_printf(
		    m->j->arena, "%s/%s", m->in->dir, file_kinds[i].name);
		if (lstat(path, &st) == 0)
			return job_fail(m->j, ERR_CONFLICT,
			    "%s exists: a CA is never overwritten", path);
		if (errno != ENOENT)
			return job_fail(m->j, ERR_INTERNAL, "%s: %s", path,
			    strerror(errno));
		m->files[i].path = path;
	}
	return 0;
}

/* --- certificates (section 10) ------------------------------------------- */

static int
make_signer(struct making *m, struct signer *s, enum ca_role role,
    const char *suffix, struct span *spki)
{
	const struct ca_subject subject = { m->in->country, m->in->organization,
		arena_printf(
		    m->j->arena, "%s %s", m->in->common_name, suffix) };
	EVP_PKEY *key = ca_key_generate(m->j->arena, m->in->key_type);

	if (key == NULL)
		return refuse(
		    m, "key type", "must be p256, p384, rsa3072 or rsa4096");
	if (ca_key_check(m->j, key) < 0)
		return -1;
	return ca_signer_make(
	    m->j, key, role, ca_subject_name(m->j, &subject), s, spki);
}

/* Signed by the root. */
static int
make_certificate(struct making *m, size_t file,
    const struct lint_ca_issuer *root, const struct ca_template *t,
    struct span *der)
{
	struct buf b;

	if (ca_certificate_make(m->j, &m->root, root, t, der) < 0)
		return -1;
	buf_init(&b, m->j->arena, PEM_MAX);
	pem_add(&b, "CERTIFICATE", *der);
	m->files[file].data = buf_span(&b);
	return 0;
}

static int
make_certificates(struct making *m)
{
	struct ca_template root = { .kind = CA_KIND_ROOT,
		.is_demonstration = true };
	struct ca_template issuing = { .kind = CA_KIND_ISSUING,
		.crl_url = m->in->root_crl_url,
		.ca_issuers_url = m->in->root_url,
		.is_demonstration = true };
	struct certview v;
	struct span der;

	if (make_signer(m, &m->root, CA_ROLE_ROOT, "Root CA", &root.spki) < 0 ||
	    make_signer(m, &m->issuing, CA_ROLE_ISSUING, "Issuing CA",
		&issuing.spki) < 0)
		return -1;
	root.subject = m->root.name;
	root.key_id = m->root.key_id;
	issuing.subject = m->issuing.name;
	issuing.key_id = m->issuing.key_id;
	if (make_certificate(m, ROOT_PEM, NULL, &root, &der) < 0)
		return -1;
	if (certview_parse(der, &v) < 0)
		return refuse(m, "root", "not strict DER");
	const struct lint_ca_issuer above = { m->root.name, m->root.key_id,
		m->root.public_key, v.not_before, v.not_after };
	return make_certificate(m, ISSUING_PEM, &above, &issuing, &der);
}

static int
make_crl(struct making *m)
{
	const struct crl_input list = {
		.number = 1,
		.this_update = m->j->now,
		.next_update = m->j->now + ROOT_CRL_DAYS * DAY_SECS - 1,
	};

	return crl_sign_as(
	    m->j, &m->root, CA_ROLE_ROOT, &list, &m->files[ROOT_CRL].data);
}

static int
make_keys(struct making *m)
{
	struct span passphrase = ca_key_passphrase(m->j->arena);

	m->files[PASSPHRASE].data = passphrase;
	if (ca_key_seal(m->j, m->root.public_key, passphrase,
		&m->files[ROOT_KEY].data) < 0)
		return -1;
	return ca_key_seal(m->j, m->issuing.public_key, passphrase,
	    &m->files[ISSUING_KEY].data);
}

/* --- files --------------------------------------------------------------- */

static int
write_files(struct making *m)
{
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (file_create(m->j, m->files[i].path, file_kinds[i].mode,
			m->files[i].data) < 0)
			return -1;
		m->files[i].is_written = true;
	}
	return 0;
}

/* As the service will read them. */
static int
read_back(struct making *m)
{
	const struct ca_files files = {
		.certificate = m->files[ISSUING_PEM].path,
		.chain = m->files[ROOT_PEM].path,
		.key = m->files[ISSUING_KEY].path,
		.passphrase_file = m->files[PASSPHRASE].path,
	};
	const struct ca *ca;

	return ca_load(m->j, m->j->arena, &files, &ca);
}

int
ca_init_create(struct job *j, const struct ca_init *in)
{
	struct making m = { .j = j, .in = in };

	if (check_input(&m) < 0 || plan_files(&m) < 0 ||
	    make_certificates(&m) < 0 || make_crl(&m) < 0 || make_keys(&m) < 0)
		return -1;
	if (write_files(&m) == 0 && read_back(&m) == 0)
		return 0;
	/* All or nothing: what was written is of no use alone. */
	for (size_t i = 0; i < FILE_COUNT; i++)
		if (m.files[i].path != NULL && m.files[i].is_written)
			(void)unlink(m.files[i].path);
	return -1;
}
