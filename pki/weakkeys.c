#include "config.h"

#include "pki/weakkeys.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/der.h"
#include "pki/keycheck.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define HEAD "countersign weak keys 1 "
#define HASH_DIGITS ((size_t)2 * SHA256_LEN)
#define HEAD_LEN (sizeof HEAD - 1 + HASH_DIGITS + 1)
#define DIGITS ((size_t)20)
#define LINE_LEN (DIGITS + 1)

struct weakkeys {
	struct span lines; /* of LINE_LEN each, ascending */
	const char *checksum;
};

static struct span
line_at(struct span lines, size_t i)
{
	return span_mem(lines.p + i * LINE_LEN, DIGITS);
}

static bool
is_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return true;
}

static const char *
lines_problem(struct span lines)
{
	if (lines.n == 0)
		return "holds no key";
	if (lines.n % LINE_LEN != 0)
		return "has lines that are not 20 digits long";
	for (size_t i = 0; i < lines.n / LINE_LEN; i++) {
		struct span line = line_at(lines, i);

		if (line.p[DIGITS] != '\n' || !is_digits(line))
			return "has lines that are not 20 digits long";
		if (i > 0 &&
		    memcmp(line_at(lines, i - 1).p, line.p, DIGITS) >= 0)
			return "is not sorted, or has a line twice";
	}
	return NULL;
}

static const char *
file_problem(struct span text, struct span *lines)
{
	uint8_t said[SHA256_LEN];
	uint8_t found[SHA256_LEN];

	if (!span_starts(text, SPAN(HEAD)) || text.n < HEAD_LEN ||
	    text.p[HEAD_LEN - 1] != '\n' ||
	    hex_parse_fixed(span_mem(text.p + sizeof HEAD - 1, HASH_DIGITS),
		said, sizeof said) < 0)
		return "does not begin as a list of weak keys; tools/weak-keys "
		       "makes one";
	*lines = span_from(text, HEAD_LEN);
	sha256(*lines, found);
	if (memcmp(said, found, sizeof said) != 0)
		return "is not what its checksum says; fetch it again";
	return lines_problem(*lines);
}

int
weakkeys_load(struct job *j, struct arena *keep, const char *path,
    const struct weakkeys **out)
{
	struct weakkeys *w;
	struct span text;
	struct span lines;

	*out = NULL;
	if (path == NULL)
		return 0;
	if (file_read(j, path, FILE_MAX, &text) < 0)
		return -1;
	const char *problem = file_problem(text, &lines);
	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "%s %s", path, problem);
	w = arena_alloc(keep, sizeof *w);
	w->lines = span_mem(arena_memdup(keep, lines.p, lines.n), lines.n);
	w->checksum =
	    span_dup(keep, span_cut(text, sizeof HEAD - 1, HEAD_LEN - 1));
	*out = w;
	return 0;
}

const char *
weakkeys_checksum(const struct weakkeys *w)
{
	return w == NULL ? "" : w->checksum;
}

bool
weakkeys_has(const struct weakkeys *w, struct span spki)
{
	uint8_t hash[SHA256_LEN];

	return w != NULL && spki_bare_sha256(spki, hash) == 0 &&
	       weakkeys_has_bare(w, hash);
}

bool
weakkeys_has_bare(const struct weakkeys *w, const uint8_t hash[32])
{
	static const char digits[] = "0123456789abcdef";
	char wanted[DIGITS];
	size_t from = 0;

	if (w == NULL)
		return false;
	for (size_t i = 0; i < DIGITS; i++)
		wanted[i] =
		    digits[i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15];
	for (size_t to = w->lines.n / LINE_LEN; from < to;) {
		size_t middle = from + (to - from) / 2;
		int order = memcmp(wanted, line_at(w->lines, middle).p, DIGITS);

		if (order == 0)
			return true;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return false;
}
