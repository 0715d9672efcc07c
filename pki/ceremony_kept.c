#include "config.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ceremony_root.h"

#define LIST "root.crl"
#define LIST_MAX (16 * 1024 * 1024)

static int
put_back(struct ceremony *c, const char *name, const char *what)
{
	return job_fail(c->j, ERR_CONFLICT,
	    "%s: %s; put back the one of this folder's newest bundle or backup",
	    ceremony_path(c, name), what);
}

static int
check_issued(struct ceremony *c)
{
	struct span line, name, hex;

	for (size_t at = 0; transcript_next(&c->transcript, &at, &line);) {
		const char *path;

		if (!transcript_written(line, &name, &hex) ||
		    !span_starts(name, SPAN("issued/")))
			continue;
		path = span_dup(c->j->arena, name);
		if (!ceremony_has(c, path))
			return put_back(
			    c, path, "is missing, and the transcript has it");
	}
	return 0;
}

/* One that no line tells of is newer than all: its act was stopped. */
static int
check_list(struct ceremony *c)
{
	struct span line, name, hex, data;
	uint8_t digest[SHA256_LEN];
	const char *own;
	bool is_known = false, is_last = false;

	if (!ceremony_has(c, LIST))
		return 0;
	if (file_read(c->j, ceremony_path(c, LIST), LIST_MAX, &data) < 0)
		return -1;
	sha256(data, digest);
	own = hex_dup(c->j->arena, span_mem(digest, sizeof digest));
	for (size_t at = 0; transcript_next(&c->transcript, &at, &line);)
		if (transcript_written(line, &name, &hex) &&
		    span_eq_str(name, LIST)) {
			is_last = span_eq_str(hex, own);
			is_known = is_known || is_last;
		}
	return !is_known || is_last
		   ? 0
		   : put_back(c, LIST, "is older than the root's last list");
}

int
ceremony_kept_check(struct ceremony *c)
{
	return check_issued(c) < 0 ? -1 : check_list(c);
}

int
ceremony_first_number(struct ceremony *c, uint64_t *number)
{
	struct span line, name, hex;

	*number = CRL_NUMBER_OF_CEREMONY;
	for (size_t at = 0; transcript_next(&c->transcript, &at, &line);)
		*number += transcript_written(line, &name, &hex) &&
			   span_eq_str(name, LIST);
	return *number <= CRL_NUMBER_OF_CEREMONY + 1
		   ? 0
		   : put_back(c, LIST, "is missing, and was not the first");
}
