#include "config.h"

#include "pki/ceremony_bundle.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ceremony.h"
#include "pki/ceremony_lock.h"
#include "pki/ossl.h"

#define FILE_MAX_OCTETS ((size_t)16 * 1024 * 1024)
#define LINTS "lints"
#define LINTS_MAX ((size_t)256 * 1024)

static const char *const folders[] = { "", "root/", "issuing/" };
#define FOLDER_COUNT COUNT(folders)

/* What may be shown, beside issued/SERIAL.pem and linted/HASH.json. */
static const char *const shown[] = { "transcript", "root.pem", "root.crl",
	"issuing.csr", "issuing.pem", "issuing.crl", "root-key.token",
	"issuing-key.token" };
#define SHOWN_COUNT COUNT(shown)

static bool
is_issued(struct span name)
{
	return span_starts(name, SPAN("issued/")) &&
	       span_ends(name, SPAN(".pem"));
}

/* What others' linters said in a ceremony (PK-214). */
static bool
is_linted(struct span name)
{
	return span_starts(name, SPAN("linted/")) &&
	       span_ends(name, SPAN(".json"));
}

static bool
is_shown(struct span name)
{
	for (size_t i = 0; i < SHOWN_COUNT; i++)
		if (span_eq_str(name, shown[i]))
			return true;
	return is_issued(name) || is_linted(name);
}

/* --- collecting ----------------------------------------------------------- */

static int
add(struct job *j, struct bundle *b, const char *name, struct span data)
{
	if (b->n == BUNDLE_ENTRIES_MAX)
		return job_fail(j, ERR_INTERNAL, "bundle: too many files");
	b->v[b->n++] = (struct bundle_entry){ name, data };
	return 0;
}

static int
add_file(struct job *j, const char *dir, const char *name, struct bundle *b)
{
	const char *path = arena_printf(j->arena, "%s/%s", dir, name);
	struct span data;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (file_read(j, path, FILE_MAX_OCTETS, &data) < 0)
		return -1;
	return add(j, b, name, data);
}

static int
add_all(struct job *j, const char *dir, const char *folder, struct bundle *b)
{
	DIR *d = opendir(arena_printf(j->arena, "%s/%s", dir, folder));
	struct dirent *e;
	int result = 0;

	if (d == NULL)
		return 0; /* what the transcript says of one is missed below */
	while (result == 0 && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			result = add_file(j, dir,
			    arena_printf(j->arena, "%s/%s", folder, e->d_name),
			    b);
	closedir(d);
	return result;
}

/* --- certificates and lists ----------------------------------------------- */

struct folder {
	struct job *j;
	const struct bundle *b;
	const char *name; /* "", "root/", "issuing/" */
	struct ceremony_cert root;
	bool has_root;
	struct buf *lints;
};

static const struct bundle_entry *
find(const struct folder *f, const char *name)
{
	return bundle_find(
	    f->b, arena_printf(f->j->arena, "%s%s", f->name, name));
}

static void
say_lint(struct folder *f, const char *name, enum ca_kind kind,
    const struct ceremony_cert *c)
{
	struct lint_ca_issuer issuer = { f->root.view.subject, { 0 },
		X509_get0_pubkey(f->root.x509), f->root.view.not_before,
		f->root.view.not_after };
	const struct lint_ca_input in = { .kind = kind,
		.issuer = kind == CA_KIND_ROOT ? NULL : &issuer };
	const char *problem;

	(void)certview_subject_key_id(&f->root.view, &issuer.key_id);
	problem = lint_ca(f->j->arena, &in, &c->view);
	buf_addf(f->lints, "%s: %s: %s\n", name, ca_profile_for(kind)->name,
	    problem != NULL ? problem : "pass");
}

static int
check_certificate(
    struct folder *f, const struct bundle_entry *e, enum ca_kind kind)
{
	struct ceremony_cert c;

	if (ceremony_cert_parse(f->j, e->name, e->data, &c) < 0)
		return -1;
	if (!f->has_root && kind == CA_KIND_ROOT) {
		f->root = c;
		f->has_root = true;
	}
	if (!f->has_root)
		return job_fail(
		    f->j, ERR_INTERNAL, "%s: without its root", e->name);
	if (X509_verify(c.x509, X509_get0_pubkey(f->root.x509)) != 1)
		return ossl_fail(
		    f->j, arena_printf(f->j->arena,
			      "%s: is not signed by this root", e->name));
	say_lint(f, e->name, kind, &c);
	return 0;
}

static int
check_list(struct folder *f, const struct bundle_entry *e, EVP_PKEY *key)
{
	const unsigned char *p = ossl_bytes(e->data);
	const unsigned char *end = p + e->data.n;
	X509_CRL *crl =
	    ossl_own_crl(f->j->arena, d2i_X509_CRL(NULL, &p, (long)e->data.n));

	if (key == NULL || crl == NULL || p != end ||
	    X509_CRL_verify(crl, key) != 1)
		return ossl_fail(
		    f->j, arena_printf(f->j->arena, "%s: is not this CA's list",
			      e->name));
	return 0;
}

/* Step 10 of PK-209 comes before the certificate is written. */
static int
check_issuing_list(struct folder *f)
{
	const struct bundle_entry *list = find(f, "issuing.crl");
	const struct bundle_entry *own = find(f, "issuing.pem");
	struct ceremony_cert c;

	if (list == NULL || own == NULL)
		return 0;
	return ceremony_cert_parse(f->j, own->name, own->data, &c) < 0
		   ? -1
		   : check_list(f, list, X509_get0_pubkey(c.x509));
}

static int
check_signatures(struct folder *f)
{
	const struct bundle_entry *e = find(f, "root.pem");
	size_t n = strlen(f->name);

	if (e != NULL && check_certificate(f, e, CA_KIND_ROOT) < 0)
		return -1;
	e = find(f, "root.crl");
	if (e != NULL &&
	    check_list(
		f, e, f->has_root ? X509_get0_pubkey(f->root.x509) : NULL) < 0)
		return -1;
	e = find(f, "issuing.pem");
	if (e != NULL && check_certificate(f, e, CA_KIND_ISSUING) < 0)
		return -1;
	if (check_issuing_list(f) < 0)
		return -1;
	for (size_t i = 0; i < f->b->n; i++) {
		e = &f->b->v[i];
		if (strncmp(e->name, f->name, n) == 0 &&
		    is_issued(span_str(e->name + n)) &&
		    check_certificate(f, e, CA_KIND_ISSUING) < 0)
			return -1;
	}
	return 0;
}

/* --- against the transcript ----------------------------------------------- */

/* What was written last under this name. */
static bool
last_written(const struct transcript *t, struct span name, struct span *hex)
{
	struct span line, found, digest;
	bool is_there = false;

	for (size_t at = 0; transcript_next(t, &at, &line);)
		if (transcript_written(line, &found, &digest) &&
		    span_eq(found, name)) {
			*hex = digest;
			is_there = true;
		}
	return is_there;
}

/* What it says was written, and may be shown, is there. */
static int
check_none_missing(struct folder *f, const struct transcript *t)
{
	struct span line, name, hex;

	for (size_t at = 0; transcript_next(t, &at, &line);)
		if (transcript_written(line, &name, &hex) && is_shown(name) &&
		    find(f, span_dup(f->j->arena, name)) == NULL)
			return job_fail(f->j, ERR_MALFORMED,
			    "bundle: %s%s is missing, which the transcript "
			    "has",
			    f->name, span_dup(f->j->arena, name));
	return 0;
}

static int
check_written(struct folder *f, const struct transcript *t)
{
	size_t n = strlen(f->name);

	for (size_t i = 0; i < f->b->n; i++) {
		const struct bundle_entry *e = &f->b->v[i];
		uint8_t digest[SHA256_LEN];
		struct span name, hex = { NULL, 0 };

		if (strncmp(e->name, f->name, n) != 0)
			continue;
		name = span_str(e->name + n);
		if (!is_shown(name) || span_eq_str(name, "transcript"))
			continue;
		sha256(e->data, digest);
		if (!last_written(t, name, &hex) ||
		    !span_eq_str(hex,
			hex_dup(f->j->arena, span_mem(digest, sizeof digest))))
			return job_fail(f->j, ERR_MALFORMED,
			    "bundle: %s is not what the transcript says was "
			    "written",
			    e->name);
	}
	return check_none_missing(f, t);
}

/* --- one folder, all of them ---------------------------------------------- */

static int
check_folder(struct folder *f, size_t *count)
{
	const struct bundle_entry *e = find(f, "transcript");
	struct transcript t;

	if (e == NULL)
		return 0;
	++*count;
	if (transcript_read(f->j, e->name, e->data, &t) < 0 ||
	    check_written(f, &t) < 0)
		return -1;
	return check_signatures(f);
}

/* Is it beneath a folder that has a transcript? */
static bool
is_known(struct job *j, const struct bundle *b, const char *name)
{
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		size_t n = strlen(folders[i]);

		if (strncmp(name, folders[i], n) == 0 &&
		    is_shown(span_str(name + n)) &&
		    bundle_find(b, arena_printf(j->arena, "%stranscript",
				       folders[i])) != NULL)
			return true;
	}
	return strcmp(name, LINTS) == 0;
}

static int
check_contents(struct job *j, const struct bundle *b, struct buf *lints)
{
	size_t count = 0;

	for (size_t i = 0; i < b->n; i++)
		if (!is_known(j, b, b->v[i].name))
			return job_fail(j, ERR_MALFORMED,
			    "bundle: %s does not belong into it", b->v[i].name);
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		struct folder f = {
			.j = j, .b = b, .name = folders[i], .lints = lints
		};

		if (check_folder(&f, &count) < 0)
			return -1;
	}
	return count > 0 ? 0
			 : job_fail(j, ERR_MALFORMED,
			       "bundle: there is no transcript");
}

static int
make_bundle(struct job *j, const char *dir, struct bundle *b, struct span *tar)
{
	struct buf lints;

	b->n = 0;
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		for (size_t k = 0; k < SHOWN_COUNT; k++)
			if (add_file(j, dir,
				arena_printf(
				    j->arena, "%s%s", folders[i], shown[k]),
				b) < 0)
				return -1;
		if (add_all(j, dir,
			arena_printf(j->arena, "%sissued", folders[i]),
			b) < 0 ||
		    add_all(j, dir,
			arena_printf(j->arena, "%slinted", folders[i]), b) < 0)
			return -1;
	}
	buf_init(&lints, j->arena, LINTS_MAX);
	buf_addf(&lints, "lints of %s\n", PACKAGE_STRING);
	if (check_contents(j, b, &lints) < 0)
		return job_context(j, "%s: nothing was written", dir);
	if (add(j, b, LINTS, buf_span(&lints)) < 0)
		return -1;
	return buf_ok(&lints) ? bundle_write(j, b, tar)
			      : job_fail(j, ERR_INTERNAL,
				    "bundle: the lints say too much");
}

/* Files of one act, whole: none is at work while they are read. */
int
ceremony_bundle_make(
    struct job *j, const char *dir, struct bundle *b, struct span *tar)
{
	int locks[FOLDER_COUNT], result = 0;
	size_t n = 0;

	for (; n < FOLDER_COUNT && result == 0; n++)
		result = ceremony_lock_shared(j,
		    arena_printf(j->arena, "%s/%s", dir, folders[n]),
		    &locks[n]);
	if (result == 0)
		result = make_bundle(j, dir, b, tar);
	for (size_t i = 0; i < n; i++)
		if (locks[i] >= 0)
			close(locks[i]);
	return result;
}

int
ceremony_bundle_check(
    struct job *j, struct span tar, struct bundle *b, const char **lints)
{
	struct buf text;

	*lints = NULL;
	if (bundle_read(j, tar, b) < 0)
		return -1;
	if (bundle_find(b, LINTS) == NULL)
		return job_fail(
		    j, ERR_MALFORMED, "bundle: %s is missing", LINTS);
	buf_init(&text, j->arena, LINTS_MAX);
	if (check_contents(j, b, &text) < 0)
		return -1;
	*lints = text.p;
	return 0;
}
