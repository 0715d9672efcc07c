#include "config.h"

#include "src/conf_text.h"

#include <string.h>

#include "lib/utf8.h"

/* Where the comment at text[i] ends, or i if none begins there.  A word
 * without quotes ends at #, but goes on over // (an URL). */
static size_t
comment_end(const char *text, size_t i)
{
	static const char breaks[] = " \t\r\n\"'{}()+=,";
	const char *end;

	if (text[i] == '#' ||
	    (text[i] == '/' && text[i + 1] == '/' &&
		(i == 0 || strchr(breaks, text[i - 1]) != NULL)))
		return i + strcspn(text + i, "\n");
	if (text[i] != '/' || text[i + 1] != '*' ||
	    (end = strstr(text + i + 2, "*/")) == NULL)
		return i;
	return (size_t)(end + 2 - text);
}

void
conf_text_blank_comments(char *text)
{
	char quote = '\0';

	for (size_t i = 0; text[i] != '\0'; i++) {
		size_t end = quote == '\0' ? comment_end(text, i) : i;

		for (; i < end; i++)
			if (text[i] != '\n')
				text[i] = ' ';
		if (text[i] == '\0')
			break;
		if (quote == '\0' && (text[i] == '"' || text[i] == '\''))
			quote = text[i];
		else if (quote != '\0' && text[i] == quote)
			quote = '\0';
		else if (quote != '\0' && text[i] == '\\' &&
			 text[i + 1] != '\0')
			i++;
	}
}

const char *
conf_text_fault(struct span text, int *at_line)
{
	int line = 1, depth = 0, quoted = 0;
	int opened = 0, outer = 0, unclosed = 0;
	char quote = '\0', before = '\0';

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : 0;

		*at_line = line;
		if (c == '\n')
			line++;
		if (c == '$' && next == '{' && quote != '\'')
			return "${…} is not replaced by a variable; put a "
			       "value that holds it in single quotes";
		if (quote != '\0') {
			if (c == '\\')
				i++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
			quoted = line;
		} else if (c == '/' && next == '*') {
			return "the /* of this line has no */; put a value "
			       "that holds it in quotes";
		} else if (c == '{') {
			/* No section is within another one. */
			if (depth == 1 && before != '=' && unclosed == 0)
				unclosed = outer;
			if (depth++ == 0)
				outer = line;
			opened = line;
		} else if (c == '}' && --depth < 0) {
			return "a } without its {";
		}
		if (strchr(" \t\r\n", c) == NULL)
			before = c;
	}
	*at_line = quote != '\0' ? quoted : unclosed != 0 ? unclosed : opened;
	if (quote != '\0')
		return "the quotation mark of this line is not closed";
	return depth > 0 ? "the { of this line has no }" : NULL;
}

char *
conf_text_line(char *text, int line)
{
	char *p = text;

	for (int i = 1; i < line && p != NULL; i++) {
		p = strchr(p, '\n');
		if (p != NULL)
			p++;
	}
	return p;
}

void
conf_text_blank_line(char *text, int line)
{
	char *p = conf_text_line(text, line);

	for (; p != NULL && *p != '\0' && *p != '\n'; p++)
		*p = ' ';
}

int
conf_text_last_line(const char *text)
{
	int line = 1, last = 1;

	for (; *text != '\0'; text++)
		if (*text == '\n')
			line++;
		else if (*text != ' ' && *text != '\t' && *text != '\r')
			last = line;
	return last;
}

int
conf_text_strange_line(struct span text)
{
	uint32_t code_point;
	int line = 1, more;

	for (size_t at = 0; (more = utf8_next(text, &at, &code_point)) > 0;)
		if (code_point == '\n')
			line++;
	return more < 0 ? line : 0;
}
