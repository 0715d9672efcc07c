/*
 * The target of a request line (RFC 9112 3.2): a path with its query, or a
 * whole URL, which a server has to take as well.
 */
#ifndef SRC_HTTP_TARGET_H
#define SRC_HTTP_TARGET_H

#include <stdbool.h>

#include "lib/buf.h"

struct http_target {
	struct span authority; /* of a URL; p NULL: a path alone was sent */
	bool is_https;         /* its scheme; the other one is http */
	struct span path;      /* with its query; "/" for a URL without */
};

/* What is neither is a path that no resource has.  The spans lie in `text` or
 * are constant. */
struct http_target http_target_split(struct span text);

#endif
