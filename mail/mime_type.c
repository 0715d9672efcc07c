#include "config.h"

#include "mail/mime_type.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/finding.h"

#define PARAM_COUNT_MAX 32

struct lex {
	struct span s;
	size_t at;
};

static int
refuse_parameter(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "mime.parameter", "%s", why);
}

static bool
is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_fws(struct lex *x)
{
	while (x->at < x->s.n && is_fws(x->s.p[x->at]))
		x->at++;
}

static bool
take(struct lex *x, char c)
{
	if (x->at == x->s.n || x->s.p[x->at] != c)
		return false;
	x->at++;
	return true;
}

/* RFC 2045 section 5.1. */
static bool
is_token_char(char c)
{
	return c > 32 && c < 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct span
take_token(struct lex *x)
{
	size_t from = x->at;

	while (x->at < x->s.n && is_token_char(x->s.p[x->at]))
		x->at++;
	return span_cut(x->s, from, x->at);
}

/* A token in lower case, or an empty span. */
static struct span
take_lower(struct job *j, struct lex *x)
{
	struct span token = take_token(x);
	char *lower = span_dup(j->arena, token);
	size_t i;

	for (i = 0; i < token.n; i++)
		lower[i] = ascii_lower(lower[i]);
	return span_mem(lower, token.n);
}

/* The value of a quoted string, whose first quote is taken: 0, or -1. */
static int
take_quoted(struct job *j, struct lex *x, struct span *out)
{
	struct buf b;
	char c;

	buf_init(&b, j->arena, x->s.n);
	while (x->at < x->s.n) {
		c = x->s.p[x->at++];
		if (c == '"') {
			*out = buf_span(&b);
			return 0;
		}
		if (c == '\\') {
			if (x->at == x->s.n)
				return -1;
			c = x->s.p[x->at++];
		} else if (c == '\r' || c == '\n') {
			continue; /* a fold: its white space stays */
		}
		if ((c >= 0 && c < 32 && c != '\t') || c == 127)
			return -1;
		buf_add_char(&b, c);
	}
	return -1;
}

/* RFC 2231 in the two parameters that decide what is read (MA-56). */
static bool
is_continuation(struct span name)
{
	return span_starts(name, SPAN("boundary*")) ||
	       span_starts(name, SPAN("charset*"));
}

static int
take_param(struct job *j, struct lex *x, struct mime_type *t, struct finding *f)
{
	struct mime_param *p = &t->params[t->param_count];
	struct span same;

	p->name = take_lower(j, x);
	if (p->name.n == 0 || !take(x, '='))
		return refuse_parameter(
		    f, "a parameter that is not name=value");
	if (is_continuation(p->name))
		return refuse_parameter(
		    f, "boundary or charset in the form of RFC 2231");
	if (mime_param_get(t, p->name.p, &same))
		return refuse_parameter(f, "a parameter twice");
	if (take(x, '"')) {
		if (take_quoted(j, x, &p->value) < 0)
			return refuse_parameter(
			    f, "a quoted string that is not proper");
	} else {
		p->value = take_token(x);
		if (p->value.n == 0)
			return refuse_parameter(f, "a parameter without value");
	}
	t->param_count++;
	return 0;
}

int
mime_params_parse(
    struct job *j, struct span text, struct mime_type *out, struct finding *f)
{
	struct lex x = { text, 0 };

	out->params =
	    arena_calloc(j->arena, PARAM_COUNT_MAX, sizeof(*out->params));
	out->param_count = 0;
	for (;;) {
		skip_fws(&x);
		if (x.at == text.n)
			return 0;
		if (!take(&x, ';'))
			return refuse_parameter(f, "text after a value");
		skip_fws(&x);
		if (x.at == text.n) /* a last ";" hides nothing */
			return 0;
		if (out->param_count == PARAM_COUNT_MAX)
			return refuse_parameter(f, "too many parameters");
		if (take_param(j, &x, out, f) < 0)
			return -1;
	}
}

int
mime_type_parse(
    struct job *j, struct span body, struct mime_type *out, struct finding *f)
{
	struct lex x = { body, 0 };

	memset(out, 0, sizeof(*out));
	skip_fws(&x);
	out->type = take_lower(j, &x);
	if (out->type.n == 0 || !take(&x, '/'))
		return refuse_parameter(f, "a media type that is not a/b");
	out->subtype = take_lower(j, &x);
	if (out->subtype.n == 0)
		return refuse_parameter(f, "a media type that is not a/b");
	return mime_params_parse(j, span_from(body, x.at), out, f);
}

int
mime_param_get(const struct mime_type *t, const char *name, struct span *out)
{
	size_t i;

	for (i = 0; i < t->param_count; i++) {
		if (span_eq_str(t->params[i].name, name)) {
			*out = t->params[i].value;
			return 1;
		}
	}
	return 0;
}
