#include "config.h"

#include "pki/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"

#define BLOCK ((size_t)512)
#define NAME_MAX_OCTETS 99
#define MANIFEST "manifest"
#define MANIFEST_MAX ((size_t)256 * 1024)
#define FIRST_LINE "countersign-bundle 1\n"

static bool
part_is_good(struct span part)
{
	for (size_t i = 0; i < part.n; i++)
		if (!ascii_is_alnum(part.p[i]) &&
		    span_find(SPAN("-_."), 0, part.p[i]) == 3)
			return false;
	return part.n > 0 && part.p[0] != '.';
}

bool
bundle_name_is_good(const char *name)
{
	struct span s = span_str(name);
	size_t from = 0;

	if (s.n == 0 || s.n > NAME_MAX_OCTETS || span_eq_str(s, MANIFEST))
		return false;
	while (from <= s.n) {
		size_t end = span_find(s, from, '/');

		if (!part_is_good(span_cut(s, from, end)))
			return false;
		from = end + 1;
	}
	return true;
}

/* --- one header (POSIX.1-1988, ustar) ------------------------------------- */

static void
put(char *header, size_t at, const char *text)
{
	struct span s = span_str(text);

	memcpy(header + at, s.p, s.n);
}

static void
make_header(char header[BLOCK], const char *name, size_t size)
{
	char number[16];
	unsigned sum = 0;

	memset(header, 0, BLOCK);
	put(header, 0, name);
	put(header, 100, "0000644");
	put(header, 108, "0000000");
	put(header, 116, "0000000");
	snprintf(number, sizeof(number), "%011zo", size);
	put(header, 124, number);
	put(header, 136, "00000000000");
	put(header, 148, "        "); /* while it is summed up */
	put(header, 156, "0");
	put(header, 257, "ustar");
	put(header, 263, "00");
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(number, sizeof(number), "%06o", sum);
	memcpy(header + 148, number, 7);
}

static size_t
padding(size_t n)
{
	return (BLOCK - n % BLOCK) % BLOCK;
}

/* --- the manifest --------------------------------------------------------- */

static void
hash(struct span data, char out[65])
{
	uint8_t digest[SHA256_LEN];

	sha256(data, digest);
	hex_format(out, span_mem(digest, sizeof digest));
}

static int
make_manifest(struct job *j, struct bundle *b, struct span *out)
{
	char sum[65];
	struct buf text;

	buf_init(&text, j->arena, MANIFEST_MAX);
	buf_add(&text, SPAN(FIRST_LINE));
	for (size_t i = 0; i < b->n; i++) {
		hash(b->v[i].data, sum);
		buf_addf(
		    &text, "%s %zu %s\n", sum, b->v[i].data.n, b->v[i].name);
	}
	hash(buf_span(&text), sum);
	buf_addf(&text, "end %s\n", sum);
	*out = buf_span(&text);
	hash(*out, b->sha256);
	return buf_ok(&text) ? 0 : -1;
}

/* --- writing -------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct bundle_entry *)a)->name,
	    ((const struct bundle_entry *)b)->name);
}

static void
add(struct buf *out, const char *name, struct span data)
{
	static const char zeros[BLOCK];
	char header[BLOCK];

	make_header(header, name, data.n);
	buf_add_mem(out, header, BLOCK);
	buf_add(out, data);
	buf_add_mem(out, zeros, padding(data.n));
}

int
bundle_write(struct job *j, struct bundle *b, struct span *out)
{
	static const char end[2 * BLOCK];
	struct span manifest;
	struct buf tar;

	if (b->n > 0)
		qsort(b->v, b->n, sizeof(b->v[0]), compare);
	for (size_t i = 0; i < b->n; i++)
		if (!bundle_name_is_good(b->v[i].name) ||
		    (i > 0 && compare(&b->v[i - 1], &b->v[i]) == 0))
			return job_fail(j, ERR_INTERNAL,
			    "bundle: %s cannot be in it", b->v[i].name);
	buf_init(&tar, j->arena, BUNDLE_MAX);
	if (make_manifest(j, b, &manifest) < 0)
		return job_fail(j, ERR_INTERNAL, "bundle: too many files");
	add(&tar, MANIFEST, manifest);
	for (size_t i = 0; i < b->n; i++)
		add(&tar, b->v[i].name, b->v[i].data);
	buf_add_mem(&tar, end, sizeof end);
	*out = buf_span(&tar);
	return buf_ok(&tar) ? 0
			    : job_fail(j, ERR_INTERNAL, "bundle: too large");
}

/* --- reading -------------------------------------------------------------- */

static int
wrong(struct job *j, const char *what, const char *name)
{
	return job_fail(j, ERR_MALFORMED, "bundle: %s%s%s", name,
	    name[0] != '\0' ? ": " : "", what);
}

static bool
is_zero(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != 0)
			return false;
	return true;
}

/* Eleven octal digits. */
static int
read_size(const char *text, size_t *out)
{
	*out = 0;
	for (size_t i = 0; i < 11; i++) {
		if (text[i] < '0' || text[i] > '7')
			return -1;
		*out = *out * 8 + (size_t)(text[i] - '0');
	}
	return *out <= BUNDLE_MAX ? 0 : -1;
}

/* Takes one file from the front. */
static int
take(struct job *j, struct span *left, struct bundle_entry *out)
{
	char expected[BLOCK], name[NAME_MAX_OCTETS + 1];
	struct span data;
	size_t size, whole;

	if (left->n < BLOCK)
		return wrong(j, "it is cut short", "");
	memcpy(name, left->p, NAME_MAX_OCTETS);
	name[NAME_MAX_OCTETS] = '\0';
	if (strcmp(name, MANIFEST) != 0 && !bundle_name_is_good(name))
		return wrong(j,
		    "a name that none has: countersign ca bundle makes one",
		    "");
	if (read_size(left->p + 124, &size) < 0)
		return wrong(j, "its size cannot be", name);
	/* Links, folders, other modes and all else that tar knows. */
	make_header(expected, name, size);
	if (memcmp(expected, left->p, BLOCK) != 0)
		return wrong(
		    j, "it is no plain file as a bundle has them", name);
	whole = size + padding(size);
	data = span_from(*left, BLOCK);
	if (data.n < whole)
		return wrong(j, "it is cut short", name);
	if (!is_zero(span_cut(data, size, whole)))
		return wrong(j, "something stands behind its end", name);
	*out = (struct bundle_entry){ arena_strdup(j->arena, name),
		span_cut(data, 0, size) };
	*left = span_from(data, whole);
	return 0;
}

static int
check_manifest(struct job *j, struct bundle *b, struct span manifest)
{
	struct span expected;

	if (make_manifest(j, b, &expected) < 0)
		return wrong(j, "too many files", "");
	if (!span_eq(manifest, expected))
		return wrong(j,
		    "it and the files differ: one was changed, is missing "
		    "or is too many",
		    MANIFEST);
	return 0;
}

int
bundle_read(struct job *j, struct span tar, struct bundle *out)
{
	struct bundle_entry manifest = { .name = "" };
	struct bundle_entry entry = { .name = "" };
	struct span left = tar;

	out->n = 0;
	if (tar.n > BUNDLE_MAX)
		return wrong(j, "it is larger than any", "");
	if (take(j, &left, &manifest) < 0)
		return -1;
	if (strcmp(manifest.name, MANIFEST) != 0)
		return wrong(j, "the manifest is not its first file", "");
	while (left.n > 2 * BLOCK) {
		if (take(j, &left, &entry) < 0)
			return -1;
		if (strcmp(entry.name, MANIFEST) == 0)
			return wrong(j, "it is there twice", MANIFEST);
		if (out->n > 0 && compare(&out->v[out->n - 1], &entry) >= 0)
			return wrong(j, "it is not in its place", entry.name);
		if (out->n == BUNDLE_ENTRIES_MAX)
			return wrong(j, "too many files", "");
		out->v[out->n++] = entry;
	}
	if (left.n != 2 * BLOCK || !is_zero(left))
		return wrong(j, "it has not the end that a tar file has", "");
	return check_manifest(j, out, manifest.data);
}

const struct bundle_entry *
bundle_find(const struct bundle *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->v[i].name, name) == 0)
			return &b->v[i];
	return NULL;
}
