/*
 * Do two paths name one file?  A path is text: links of either kind, and "..",
 * give one file many.
 */
#ifndef LIB_SAME_FILE_H
#define LIB_SAME_FILE_H

#include <stdbool.h>

/*
 * By device and inode, with symbolic links followed.  Two that are not there
 * (yet) are the same if they have one name in the same folder.  NULL is no
 * file's path.
 */
bool file_is_same(const char *a, const char *b);
/* The same file, or a copy of it: of a library, which finds what the other
 * does. */
bool file_is_copy(const char *a, const char *b);

#endif
