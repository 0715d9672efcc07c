#include "config.h"

#include "lib/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/made.h"
#include "lib/rnd.h"

/* ERR_INTERNAL with the path, what was tried, and errno. */
static int
fail_errno(struct job *j, const char *path, const char *what)
{
	return job_fail(
	    j, ERR_INTERNAL, "%s: %s: %s", path, what, strerror(errno));
}

static int
read_all(struct job *j, int fd, const char *path, struct buf *b)
{
	char part[4096];
	ssize_t n;

	do {
		n = read(fd, part, sizeof(part));
		if (n > 0)
			buf_add_mem(b, part, (size_t)n);
	} while ((n > 0 && buf_ok(b)) || (n < 0 && errno == EINTR));
	if (b->secret)
		wipe(part, sizeof(part));
	if (n < 0)
		return fail_errno(j, path, "cannot read");
	if (!buf_ok(b))
		return job_fail(j, ERR_INTERNAL, "%s: larger than %zu octets",
		    path, b->max);
	return 0;
}

/* On the open descriptor: the file that is checked is the one that is read. */
static int
check_private(struct job *j, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(j, path, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return job_fail(
		    j, ERR_INTERNAL, "%s: not a regular file", path);
	if ((st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: others than its owner can read or write it "
		    "(mode %04o); chmod it to 0600",
		    path, (unsigned)st.st_mode & 07777u);
	return 0;
}

typedef int check_fn(struct job *j, int fd, const char *path);

static int
check_pin(struct job *j, int fd, const char *path)
{
	struct stat st;

	if (check_private(j, fd, path) != 0)
		return -1;
	if (fstat(fd, &st) != 0)
		return fail_errno(j, path, "cannot stat");
	if ((st.st_mode & 07777) != S_IRUSR)
		return job_fail(j, ERR_INTERNAL,
		    "%s: mode %04o; chmod it to 0400", path,
		    (unsigned)st.st_mode & 07777u);
	if (geteuid() != 0 && st.st_uid != geteuid())
		return job_fail(j, ERR_INTERNAL,
		    "%s: belongs to another user than the one that reads it",
		    path);
	return 0;
}

static int
check_regular(struct job *j, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(j, path, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return job_fail(
		    j, ERR_INTERNAL, "%s: is not a regular file", path);
	return 0;
}

static int
read_path(struct job *j, const char *path, check_fn *check, struct buf *b,
    struct span *out)
{
	/* To open a pipe waits for its writer, and a device may do anything. */
	int more = check == check_regular ? O_NONBLOCK | O_NOFOLLOW : 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | more);
	int result = -1;

	if (fd < 0)
		return fail_errno(j, path, "cannot open");
	if (check != NULL && check(j, fd, path) != 0)
		goto out;
	if (read_all(j, fd, path, b) != 0)
		goto out;
	*out = buf_span(b);
	result = 0;
out:
	close(fd);
	return result;
}

int
file_read(struct job *j, const char *path, size_t max, struct span *out)
{
	struct buf b;

	buf_init(&b, j->arena, max);
	return read_path(j, path, NULL, &b, out);
}

int
file_read_regular(struct job *j, const char *path, size_t max, struct span *out)
{
	struct buf b;

	buf_init(&b, j->arena, max);
	return read_path(j, path, check_regular, &b, out);
}

bool
file_is_regular(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int
fd_read_all(
    struct job *j, int fd, const char *path, size_t max, struct span *out)
{
	struct buf b;

	buf_init(&b, j->arena, max);
	if (read_all(j, fd, path, &b) != 0)
		return -1;
	*out = buf_span(&b);
	return 0;
}

/* A copy that was cut short, or a disk that was full when it was written. */
static int
check_there(struct job *j, const char *path, struct span secret)
{
	return secret.n > 0
		   ? 0
		   : job_fail(j, ERR_INTERNAL,
			 "%s: is empty, where a key or a password has to be: "
			 "write it again, or restore it from a backup",
			 path);
}

int
file_read_private(struct job *j, const char *path, size_t max, struct span *out)
{
	struct buf b;

	buf_init_secret(&b, j->arena, max);
	if (read_path(j, path, check_private, &b, out) != 0)
		return -1;
	return check_there(j, path, *out);
}

static void
cut_line_end(struct span *text)
{
	if (span_ends(*text, SPAN("\n")))
		text->n--;
	if (span_ends(*text, SPAN("\r")))
		text->n--;
}

int
file_read_secret(struct job *j, const char *path, size_t max, struct span *out)
{
	if (file_read_private(j, path, max, out) != 0)
		return -1;
	cut_line_end(out);
	return check_there(j, path, *out);
}

int
file_read_pin(struct job *j, const char *path, size_t max, struct span *out)
{
	struct buf b;

	buf_init_secret(&b, j->arena, max);
	if (read_path(j, path, check_pin, &b, out) != 0)
		return -1;
	cut_line_end(out);
	return check_there(j, path, *out);
}

int
fd_read_secret(
    struct job *j, int fd, const char *path, size_t max, struct span *out)
{
	struct buf b;

	buf_init_secret(&b, j->arena, max);
	if (read_all(j, fd, path, &b) != 0)
		return -1;
	*out = buf_span(&b);
	cut_line_end(out);
	return 0;
}

static int
write_all(int fd, struct span data)
{
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data = span_from(data, (size_t)n);
	}
	return 0;
}

/* A new name beside `path`: a rename within one folder is atomic. */
static const char *
temporary_name(struct job *j, const char *path)
{
	char id[RND_ID_LEN + 1];

	rnd_id(id);
	return arena_printf(j->arena, "%s.%s.tmp", path, id);
}

static int
write_temporary(struct job *j, const char *path, mode_t mode, struct span data)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int result = 0;

	if (fd < 0)
		return fail_errno(j, path, "cannot create");
	/* The mode as asked for, not cut by the umask; and before there is
	 * anything to read. */
	if (fchmod(fd, mode) != 0 || write_all(fd, data) != 0 || fsync(fd) != 0)
		result = fail_errno(j, path, "cannot write");
	if (close(fd) != 0 && result == 0)
		result = fail_errno(j, path, "cannot write");
	return result;
}

const char *
file_folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	return slash == path
		   ? "/"
		   : span_dup(a, span_mem(path, (size_t)(slash - path)));
}

int
file_sync_folder(struct job *j, const char *path)
{
	const char *folder = file_folder(j->arena, path);
	int fd, result = 0;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(j, folder, "cannot open");
	if (fsync(fd) != 0)
		result = fail_errno(j, folder, "cannot sync");
	close(fd);
	return result;
}

int
file_write(struct job *j, const char *path, mode_t mode, struct span data)
{
	const char *temporary = temporary_name(j, path);

	if (write_temporary(j, temporary, mode, data) != 0)
		goto fail;
	if (rename(temporary, path) != 0) {
		fail_errno(j, path, "cannot replace");
		goto fail;
	}
	return file_sync_folder(j, path);
fail:
	unlink(temporary);
	return -1;
}

int
file_create(struct job *j, const char *path, mode_t mode, struct span data)
{
	const char *temporary = temporary_name(j, path);
	int result = -1;

	if (write_temporary(j, temporary, mode, data) != 0)
		goto out;
	/* Unlike rename(), link() never replaces what is there. */
	if (link(temporary, path) == 0) {
		made_note(j, path);
		result = 0;
	} else if (errno == EEXIST)
		job_fail(
		    j, ERR_CONFLICT, "%s: exists and is not replaced", path);
	else
		fail_errno(j, path, "cannot create");
out:
	unlink(temporary);
	return result == 0 ? file_sync_folder(j, path) : -1;
}

static int
set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return -1;
	flags = on ? flags | flag : flags & ~flag;
	return fcntl(fd, set, flags) < 0 ? -1 : 0;
}

void
fd_hold_standard(void)
{
	/* The lowest number that is free is taken: all below are open. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			abort();
}

/* Before Linux 5.11 there is no such call. */
void
fd_keep_inherited(void)
{
	long end = sysconf(_SC_OPEN_MAX);

	if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < end; fd++)
		(void)fd_set_cloexec(fd, true);
}

/* Before Linux 5.9 there is no such call. */
void
fd_close_inherited(void)
{
	long end = sysconf(_SC_OPEN_MAX);

	if (close_range(STDERR_FILENO + 1, ~0u, 0) == 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < end; fd++)
		(void)close(fd);
}

int
fd_set_cloexec(int fd, bool on)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int
fd_set_nonblocking(int fd, bool on)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int
fd_message_pair(struct job *j, int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, fds) == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL, "socketpair: %s", strerror(errno));
}
