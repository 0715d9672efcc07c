/*
 * Who could change the configuration file, which decides which keys sign and
 * which programs run, or a file that it names (src/conf_files.h).  For
 * `countersign check`.
 */
#ifndef SRC_CONF_OWNER_H
#define SRC_CONF_OWNER_H

struct job;

/*
 * 0, or -1 ERR_INTERNAL saying what to do: others could write the file, or
 * put another one in its place.  Root may, and who runs this, and `user` (of
 * the roles; NULL: none).
 */
int conf_file_is_safe(struct job *j, const char *path, const char *user);

#endif
