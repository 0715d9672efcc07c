/*
 * One act at a time in a ceremony's folder: two would plan with what the other
 * is about to make, and each would write a transcript without the other's
 * lines.  The lock is the kernel's, on the folder (flock): it ends with the
 * process, however that ends.
 */
#ifndef PKI_CEREMONY_LOCK_H
#define PKI_CEREMONY_LOCK_H

struct ceremony;
struct job;

/* Before the act looks at anything: 0, or -1 ERR_CONFLICT while another one is
 * at work.  A folder that is not there yet is locked when it is made. */
int ceremony_lock(struct ceremony *c);
/* The folder of an act that begins to write; made and locked, if it was not
 * there. */
int ceremony_lock_made(struct ceremony *c);
/* The act has come to its end: its result. */
int ceremony_unlock(struct ceremony *c, int result);

/* For whoever only reads, beside others who do: 0 and *fd, to be closed, -1 for
 * a folder that is not there; or -1 ERR_CONFLICT. */
int ceremony_lock_shared(struct job *j, const char *dir, int *fd);

#endif
