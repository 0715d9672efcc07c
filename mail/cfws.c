#include "config.h"

#include "mail/cfws.h"

#include <stdbool.h>

#define DEPTH_MAX 8

static bool
is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_control(char c)
{
	return (c >= 0 && c < 32 && !is_fws(c)) || c == 127;
}

/* The comment that begins at *at. */
static int
skip_comment(struct span s, size_t *at)
{
	size_t depth = 0;
	char c;

	do {
		if (*at == s.n)
			return -1;
		c = s.p[(*at)++];
		if (c == '(' && ++depth > DEPTH_MAX)
			return -1;
		if (c == ')')
			depth--;
		if (c == '\\' && (*at == s.n || is_control(s.p[(*at)++])))
			return -1;
		if (is_control(c))
			return -1;
	} while (depth > 0);
	return 0;
}

int
cfws_skip(struct span s, size_t *at)
{
	while (*at < s.n) {
		if (is_fws(s.p[*at]))
			(*at)++;
		else if (s.p[*at] != '(')
			break;
		else if (skip_comment(s, at) < 0)
			return -1;
	}
	return 0;
}
