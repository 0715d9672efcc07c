#include "config.h"

#include "pki/ceremony_backup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/same_file.h"
#include "pki/ossl.h"

#define KEY_FILE_MAX (64 * 1024)
#define STATEMENT_MAX 500

/* --- what was said -------------------------------------------------------- */

static const char *
prefix_of(const struct ceremony_key *k)
{
	return strcmp(k->who, "root") == 0 ? "--root-backup" : "--backup";
}

static int
check_folder(struct ceremony *c, const struct ceremony_key *k)
{
	const char *dir = c->backup->dir;
	struct stat there;

	if (stat(dir, &there) < 0 || !S_ISDIR(there.st_mode))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s %s: must be a folder, on another device", prefix_of(k),
		    dir);
	if (file_is_same(c->dir, dir))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s %s: is the folder of the key itself", prefix_of(k),
		    dir);
	if (access(dir, W_OK) < 0)
		return job_fail(c->j, ERR_INTERNAL, "%s %s: %s", prefix_of(k),
		    dir, strerror(errno));
	return 0;
}

static int
check_token(struct ceremony *c, const struct ceremony_key *k)
{
	const struct ceremony_backup *b = c->backup;
	const char *module = b->module != NULL ? b->module : k->place.module;
	const char *problem = ceremony_module_problem(module);

	if (problem != NULL)
		return job_fail(c->j, ERR_INTERNAL, "%s-module %s: %s",
		    prefix_of(k), module, problem);
	problem = ceremony_token_problem(b->token);
	if (problem != NULL)
		return job_fail(c->j, ERR_INTERNAL, "%s-token %s: %s",
		    prefix_of(k), b->token, problem);
	/* By whatever path, or in a copy of the module. */
	if (strcmp(b->token, k->place.token) == 0 &&
	    file_is_copy(module, k->place.module))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s-token %s: is the token of the key itself", prefix_of(k),
		    b->token);
	return 0;
}

static int
check_statement(struct ceremony *c)
{
	struct span s = span_str(c->backup->none);

	if (s.n > 0 && s.n <= STATEMENT_MAX && !span_has_control(s))
		return 0;
	return job_fail(c->j, ERR_INTERNAL,
	    "--no-backup: say in at most %d octets why there is none (PK-211)",
	    STATEMENT_MAX);
}

int
ceremony_backup_check(struct ceremony *c, const struct ceremony_key *k)
{
	const struct ceremony_backup *b = c->backup;

	if (b == NULL)
		return 0;
	if ((b->dir != NULL) + (b->token != NULL) + (b->none != NULL) != 1)
		return job_fail(c->j, ERR_INTERNAL,
		    "%s, %s-token and --no-backup exclude each other; "
		    "-module and -pin belong to -token",
		    prefix_of(k), prefix_of(k));
	if (b->none != NULL)
		return check_statement(c);
	if (b->token == NULL && (b->module != NULL || b->pin != NULL))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s-module and %s-pin belong to %s-token", prefix_of(k),
		    prefix_of(k), prefix_of(k));
	if ((b->token != NULL) != k->is_in_token)
		return job_fail(c->j, ERR_INTERNAL,
		    k->is_in_token
			? "%s: the key is in a token and leaves it only by the "
			  "device's own means: restore it into a second one, "
			  "and name that with %s-token (PK-198, PK-211)"
			: "%s-token: the key is in a file: name a folder on "
			  "another device with %s (PK-211)",
		    prefix_of(k), prefix_of(k));
	return k->is_in_token ? check_token(c, k) : check_folder(c, k);
}

/* --- a file --------------------------------------------------------------- */

/* Is it what was written there before, when the act was stopped? */
static int
copy(struct ceremony *c, const char *name)
{
	const char *from = ceremony_path(c, name);
	const char *to =
	    arena_printf(c->j->arena, "%s/%s", c->backup->dir, name);
	struct span data = { NULL, 0 };
	struct span back = { NULL, 0 };

	if (file_read_private(c->j, from, KEY_FILE_MAX, &data) < 0 ||
	    (access(to, F_OK) < 0 && file_create(c->j, to, 0400, data) < 0) ||
	    file_read_private(c->j, to, KEY_FILE_MAX, &back) < 0)
		return -1;
	if (!span_eq(data, back))
		return job_fail(c->j, ERR_CONFLICT,
		    "%s: is another key's; it was not replaced: give an empty "
		    "folder",
		    to);
	return 0;
}

static int
say_same_device(struct ceremony *c, const struct ceremony_key *k)
{
	struct stat there, here;

	if (stat(c->backup->dir, &there) < 0 || stat(c->dir, &here) < 0 ||
	    there.st_dev != here.st_dev)
		return 0;
	return transcript_add(c->j, &c->transcript,
	    "WARNING: %s key: the backup is on the same file system as the "
	    "key (PK-211)",
	    k->who);
}

static int
restore_file(struct ceremony *c, const struct ceremony_key *k, EVP_PKEY **key)
{
	const char *name = arena_printf(c->j->arena, "%s-key.pem", k->who);
	const char *path =
	    arena_printf(c->j->arena, "%s/%s", c->backup->dir, name);

	if (copy(c, name) < 0 ||
	    (strcmp(k->who, "root") != 0 && copy(c, "ca-passphrase") < 0) ||
	    transcript_add(c->j, &c->transcript, "%s key: backed up to %s",
		k->who, path) < 0 ||
	    say_same_device(c, k) < 0)
		return -1;
	return ca_key_open(c->j, path, k->passphrase, key);
}

/* --- a token -------------------------------------------------------------- */

static int
restore_token(struct ceremony *c, const struct ceremony_key *k,
    struct token_place *place, EVP_PKEY *public_key,
    const struct signing_key **key)
{
	struct ceremony_backup *b = c->backup;
	struct ceremony_token pin = { .pin = b->pin };

	*place = k->place;
	place->token = b->token;
	if (b->module != NULL)
		place->module = b->module;
	/* Most modules know one session of one process only. */
	token_key_close(k->signing);
	place->is_by_hand = pin.pin == NULL || strcmp(pin.pin, "ask") == 0;
	if (ceremony_pin(c, &pin, k->who, b->token, &place->pin) < 0 ||
	    token_key_open(c->j, c->j->arena, place, public_key, key) < 0)
		return job_context(c->j, "the backup");
	return transcript_add(c->j, &c->transcript,
	    "%s key: backed up in token %s, module %s", k->who, b->token,
	    place->module);
}

/* --- either --------------------------------------------------------------- */

static int
test_restore(struct ceremony *c, const struct ceremony_key *k,
    const struct signer *signer)
{
	struct signer restored = *signer;
	struct token_place place;
	EVP_PKEY *key = NULL;
	struct span request;

	if (k->is_in_token) {
		if (restore_token(
			c, k, &place, signer->public_key, &restored.key) < 0)
			return -1;
	} else {
		if (restore_file(c, k, &key) < 0)
			return -1;
		restored.key = signing_key_new(c->j->arena, key);
	}
	/* It verifies with the key of the certificate, or fails. */
	if (ca_request_make(c->j, &restored, &request) < 0)
		return job_context(c->j, "the restored key");
	if (k->is_in_token)
		token_key_close(restored.key);
	return transcript_add(c->j, &c->transcript,
	    "%s key: restored from there as a test, and a signature verifies",
	    k->who);
}

static int
warn(struct ceremony *c, const struct ceremony_key *k)
{
	const char *line = arena_printf(c->j->arena,
	    "WARNING: %s key: no backup was made and nothing was stated "
	    "(PK-211)",
	    k->who);

	if (transcript_add(c->j, &c->transcript, "%s", line) < 0)
		return -1;
	c->tell(c->context,
	    arena_printf(c->j->arena,
		"%s; `countersign ca backup --dir %s` does it later", line,
		c->dir));
	return 0;
}

int
ceremony_backup_make(struct ceremony *c, const struct ceremony_key *k,
    const struct signer *signer)
{
	const struct ceremony_backup *b = c->backup;

	if (transcript_says(&c->transcript,
		arena_printf(c->j->arena, "%s key: restored", k->who)) &&
	    b == NULL)
		return 0;
	if (b == NULL)
		return warn(c, k);
	if (b->none != NULL)
		return transcript_add(c->j, &c->transcript,
		    "%s key: no backup, as the operator states: %s", k->who,
		    b->none);
	return test_restore(c, k, signer);
}
