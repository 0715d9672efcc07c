#include "config.h"

#include "src/own_keys.h"

#include "db/store_own_key.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/keycheck.h"
#include "pki/spki_file.h"
#include "src/worker.h"

#define FILE_MAX ((size_t)256 * 1024)
#define FILE_CERTS_MAX 16

struct own_file {
	const char *path;
	struct spki_hashes *keys;
	size_t count;
};

struct own_keys {
	struct own_file *files;
	size_t count;
};

static int
load_file(
    struct job *j, struct arena *keep, const char *path, struct own_keys *k)
{
	struct own_file *f = &k->files[k->count];
	struct span pem;

	if (path == NULL)
		return 0;
	f->path = arena_strdup(keep, path);
	if (file_read(j, path, FILE_MAX, &pem) < 0)
		return -1;
	if (spki_file_certificates(
		j, keep, pem, FILE_CERTS_MAX, &f->keys, &f->count) < 0)
		return job_context(j, "%s", path);
	k->count++;
	return 0;
}

static int
load_issuer(struct job *j, struct arena *keep, const struct conf_issuer *i,
    struct own_keys *k)
{
	if (load_file(j, keep, i->ca_certificate, k) < 0 ||
	    load_file(j, keep, i->ca_chain, k) < 0)
		return -1;
	for (size_t n = 0; n < i->alternate_chains.n; n++)
		if (load_file(j, keep, i->alternate_chains.v[n], k) < 0)
			return -1;
	return 0;
}

/* Files that it needs are missed by former_open(); of one that has ended
 * nothing else needs them. */
static void
load_former(struct job *j, struct arena *keep, const struct conf_former *f,
    struct own_keys *k)
{
	struct log_text q;

	if (load_issuer(j, keep, &f->issuer, k) == 0)
		return;
	log_warning("keys of a former CA not read",
	    "name=%s error=%s next=\"nothing, if the server has run with it "
	    "before: they are on record then\"",
	    f->name, log_text(&q, j->err.text));
	job_recover(j);
}

static size_t
file_count(const struct conf *conf)
{
	size_t n = 2 + conf->issuer.alternate_chains.n;

	for (size_t i = 0; i < conf->former_count; i++)
		n += 2 + conf->formers[i].issuer.alternate_chains.n;
	return n;
}

int
own_keys_load(struct job *j, struct arena *keep, const struct own_keys **out)
{
	struct own_keys *k = arena_calloc(keep, 1, sizeof(*k));

	k->files = arena_calloc(keep, file_count(j->conf), sizeof(*k->files));
	if (load_issuer(j, keep, &j->conf->issuer, k) < 0)
		return -1;
	for (size_t i = 0; i < j->conf->former_count; i++)
		load_former(j, keep, &j->conf->formers[i], k);
	*out = k;
	return 0;
}

static struct key_hash
hash_of(const struct spki_hashes *k)
{
	return (struct key_hash){ span_mem(k->spki, SHA256_LEN),
		span_mem(k->bare, k->has_bare ? SHA256_LEN : 0) };
}

static int
put_all(struct job *j, const struct own_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct own_file *f = &keys->files[i];

		for (size_t n = 0; n < f->count; n++) {
			const struct key_hash h = hash_of(&f->keys[n]);

			if (store_own_key_put(j, &h, f->path) < 0)
				return -1;
		}
	}
	return 0;
}

int
own_keys_record(struct job *j, const struct own_keys *keys)
{
	if (store_begin(j) < 0)
		return -1;
	if (put_all(j, keys) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static bool
is_in(const struct own_file *f, const struct key_hash *key)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct key_hash h = hash_of(&f->keys[i]);

		if (span_eq(h.spki_sha256, key->spki_sha256) ||
		    (h.bare_sha256.n > 0 &&
			span_eq(h.bare_sha256, key->bare_sha256)))
			return true;
	}
	return false;
}

int
own_keys_have(
    struct job *j, const struct own_keys *keys, const struct key_hash *key)
{
	for (size_t i = 0; keys != NULL && i < keys->count; i++)
		if (is_in(&keys->files[i], key))
			return 1;
	return store_own_key_is(j, key);
}

int
own_keys_add_responder(
    struct job *j, const char *serial, struct span certificate)
{
	uint8_t spki[SHA256_LEN], bare[SHA256_LEN];
	struct certview v;

	if (certview_parse(certificate, &v) < 0 ||
	    spki_bare_sha256(v.spki, bare) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "the responder's key cannot be read");
	sha256(v.spki, spki);
	return store_own_key_put(j,
	    &(struct key_hash){
		span_mem(spki, SHA256_LEN), span_mem(bare, SHA256_LEN) },
	    arena_printf(j->arena, "OCSP responder %s", serial));
}
