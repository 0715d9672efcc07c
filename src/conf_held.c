#include "config.h"

#include "src/conf_held.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each text has a slot: its header, and from the next page on its octets. */
enum slot { SLOT_START, SLOT_NEWEST, SLOT_COUNT };

#define TEXT_AT ((size_t)4096)
#define SLOT_LEN (TEXT_AT + CONF_TEXT_MAX)
#define HELD_LEN (SLOT_COUNT * SLOT_LEN)
/* Of a text that is just being replaced: a copy takes less than one. */
#define TRIES 1000
#define PAUSE_MS 1

struct header {
	uint64_t n;
	uint8_t sha256[SHA256_LEN];
};

/* --- the supervisor's end ------------------------------------------------- */

/* A reader that comes in between finds another hash, and reads again. */
static void
put(const struct conf_held *h, enum slot slot, struct span text)
{
	unsigned char *at = h->room + slot * SLOT_LEN;
	struct header head = { .n = text.n };

	if (text.n > CONF_TEXT_MAX)
		return;
	sha256(text, head.sha256);
	if (text.n > 0)
		memcpy(at + TEXT_AT, text.p, text.n);
	memcpy(at, &head, sizeof(head));
}

/* Written to through this mapping, and from now on through nothing else, not
 * even by a process of the same user that opens it again. */
static int
make(struct conf_held *h)
{
	void *room;

	if (ftruncate(h->fd, (off_t)HELD_LEN) < 0)
		return -1;
	room =
	    mmap(NULL, HELD_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
	if (room == MAP_FAILED)
		return -1;
	h->room = room;
	return madvise(room, HELD_LEN, MADV_DONTFORK) < 0
		   ? -1
		   : fcntl(h->fd, F_ADD_SEALS,
			 F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK |
			     F_SEAL_SEAL);
}

int
conf_held_open(struct job *j, struct conf_held *h, struct span text)
{
	*h = (struct conf_held){ .fd = memfd_create("configuration",
				     MFD_CLOEXEC | MFD_ALLOW_SEALING) };
	if (h->fd < 0 || make(h) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "memory for the configuration: %s", strerror(errno));
	put(h, SLOT_START, text);
	put(h, SLOT_NEWEST, text);
	return 0;
}

void
conf_held_put(const struct conf_held *h, struct span text)
{
	put(h, SLOT_NEWEST, text);
}

/* --- a role's end --------------------------------------------------------- */

static bool
read_at(int fd, void *room, size_t n, size_t at)
{
	return pread(fd, room, n, (off_t)at) == (ssize_t)n;
}

/* Was it whole? */
static bool
read_once(int fd, enum slot slot, char *room, struct span *out)
{
	uint8_t hash[SHA256_LEN];
	struct header head;

	if (!read_at(fd, &head, sizeof(head), slot * SLOT_LEN) ||
	    head.n > CONF_TEXT_MAX ||
	    !read_at(fd, room, head.n, slot * SLOT_LEN + TEXT_AT))
		return false;
	*out = span_mem(room, head.n);
	sha256(*out, hash);
	return memcmp(hash, head.sha256, sizeof(hash)) == 0;
}

static int
read_text(struct job *j, int fd, enum slot slot, struct span *out)
{
	char *room = arena_alloc(j->arena, CONF_TEXT_MAX);

	for (int i = 0; i < TRIES; i++) {
		if (read_once(fd, slot, room, out))
			return 0;
		(void)poll(NULL, 0, PAUSE_MS);
	}
	return job_fail(
	    j, ERR_INTERNAL, "what the supervisor holds is no configuration");
}

static int
load(struct arena *keep, int fd, enum slot slot, const char *path,
    conf_report_fn *report, void *ctx, const struct conf **out)
{
	struct span text;
	struct job j;
	int result;

	job_init(&j, NULL, NULL);
	result = read_text(&j, fd, slot, &text);
	if (result < 0)
		report(ctx, j.err.text);
	else
		result = conf_load_text(keep, path, text, report, ctx, out);
	job_done(&j);
	return result;
}

int
conf_held_load(struct arena *keep, int fd, const char *path,
    conf_report_fn *report, void *ctx, const struct conf **out)
{
	const struct conf *start, *newest;

	if (load(keep, fd, SLOT_START, path, report, ctx, &start) < 0 ||
	    load(keep, fd, SLOT_NEWEST, path, report, ctx, &newest) < 0)
		return -1;
	/* The supervisor has said what is kept. */
	*out = strcmp(start->sha256, newest->sha256) == 0
		   ? start
		   : conf_keep(keep, start, newest, NULL, NULL);
	return 0;
}
