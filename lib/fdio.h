/*
 * Files and descriptors: whole-file reads with a limit, writes that are
 * complete or absent (temporary name, fsync, rename, fsync of the folder).
 */
#ifndef LIB_FDIO_H
#define LIB_FDIO_H

#include "lib/buf.h"

#include <sys/types.h>

struct job;

/* The file's bytes in the arena; ERR_INTERNAL naming the path and why. */
int file_read(struct job *j, const char *path, size_t max, struct span *out);
/*
 * The same where others may have put something in the file's place: a regular
 * file is read, and nothing else is waited for or followed (a pipe without a
 * writer, a device, a link).
 */
int file_read_regular(
    struct job *j, const char *path, size_t max, struct span *out);
bool file_is_regular(const char *path);
/* The same from an open file, whose path is for messages. */
int fd_read_all(
    struct job *j, int fd, const char *path, size_t max, struct span *out);
/*
 * The same as file_read() for a secret: wiped with the arena; refused if group
 * or others may read or write it, and if it is empty.  One trailing line end is
 * removed.
 */
int file_read_secret(
    struct job *j, const char *path, size_t max, struct span *out);
/* A .pem that holds a private key: as file_read_secret, bytes unchanged. */
int file_read_private(
    struct job *j, const char *path, size_t max, struct span *out);
/* A PIN: as file_read_secret, and it must be of mode 0400 and, unless root
 * reads it, belong to the user that does (PK-199). */
int file_read_pin(
    struct job *j, const char *path, size_t max, struct span *out);
/* A secret from an open descriptor, to its end: wiped with the arena, one
 * trailing line end removed; the path is for messages. */
int fd_read_secret(
    struct job *j, int fd, const char *path, size_t max, struct span *out);
/* Replaces `path` atomically and durably. */
int file_write(struct job *j, const char *path, mode_t mode, struct span data);
/* Fails (ERR_CONFLICT) if `path` exists: for keys that must never be lost. What
 * it makes it notes (lib/made.h). */
int file_create(struct job *j, const char *path, mode_t mode, struct span data);
/* The folder that a file is (to be) in: what stands before the last slash, or
 * ".". */
const char *file_folder(struct arena *a, const char *path);
/* Makes durable what was done to the name `path`: its folder.  0, or -1
 * ERR_INTERNAL. */
int file_sync_folder(struct job *j, const char *path);

/*
 * The two ends of what two processes say messages to each other over, that a
 * third one starts: SOCK_SEQPACKET, close-on-exec, non-blocking.  0, or -1
 * ERR_INTERNAL.
 */
int fd_message_pair(struct job *j, int fds[2]);

/*
 * For the begin of main(): whoever started the program without standard input,
 * output or error gets /dev/null for it.  The next file that is opened would
 * have its number, and what is printed would be written into a key.
 */
void fd_hold_standard(void);
/*
 * Likewise, for one that starts others: what else it was started with, from 3
 * on, is no program's that it starts.
 */
void fd_keep_inherited(void);
/* Likewise, for one that only forks: nothing is executed that would close it,
 * and no sandbox guards what is open. */
void fd_close_inherited(void);
int fd_set_cloexec(int fd, bool on);
int fd_set_nonblocking(int fd, bool on);

#endif
