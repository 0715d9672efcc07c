/*
 * What a browser sends to the pages for admins: a form or query, and a Cookie
 * field.  What is found holds no NUL, fits, and comes out again when it is
 * escaped; it stays inert on a page.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "src/form.h"
#include "src/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define VALUE_MAX 100

static void
demand(bool is_so)
{
	if (!is_so)
		abort();
}

/* Written anew, the same value is read. */
static void
check_again(struct arena *a, const char *value)
{
	struct buf form, again;

	buf_init(&form, a, 4 * VALUE_MAX + 20);
	buf_add_str(&form, "x=1&name=");
	page_query_value(&form, value);
	buf_init(&again, a, VALUE_MAX);
	demand(form_field(buf_span(&form), "name", &again) == 1);
	demand(span_eq_str(buf_span(&again), value));
}

static void
check_page(struct arena *a, struct span in)
{
	struct buf b;

	buf_init(&b, a, 6 * in.n + 10);
	page_text(&b, in);
	demand(buf_ok(&b));
	for (size_t i = 0; i < b.n; i++)
		demand(strchr("<>\"'", b.p[i]) == NULL || b.p[i] == '\0');
	demand(memchr(b.p, '\0', b.n) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_mem(data, n), cookie;
	struct arena *a = arena_new();
	struct buf value;

	buf_init(&value, a, VALUE_MAX);
	switch (form_field(in, "name", &value)) {
	case 1:
		demand(value.n <= VALUE_MAX && strlen(value.p) == value.n);
		check_again(a, value.p);
		break;
	case 0:
		demand(value.n == 0);
		break;
	default:
		break;
	}
	if (form_cookie(in, "name", &cookie) == 1)
		demand(
		    cookie.n == 0 ||
		    (cookie.p >= in.p && cookie.p + cookie.n <= in.p + in.n &&
			memchr(cookie.p, ';', cookie.n) == NULL));
	check_page(a, in);
	arena_free(a);
	return 0;
}
