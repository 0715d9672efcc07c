#include "config.h"

#include "tests/integration/dkim_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LENGTH_MAX (16u << 20)

static void
broken(const char *what)
{
	fprintf(stderr, "broken input: %s\n", what);
	exit(2);
}

static void
read_record(struct dkim_case *c, size_t i)
{
	size_t cap = 0;
	char *tab;
	ssize_t n;

	c->names[i] = NULL;
	n = getline(&c->names[i], &cap, stdin);
	if (n < 1 || c->names[i][n - 1] != '\n')
		broken("record");
	c->names[i][n - 1] = '\0';
	tab = strchr(c->names[i], '\t');
	if (tab == NULL)
		broken("record without tab");
	else {
		*tab = '\0';
		c->texts[i] = tab + 1;
	}
}

int
dkim_case_read(struct dkim_case *c)
{
	char line[1024];

	memset(c, 0, sizeof(*c));
	if (fgets(line, sizeof(line), stdin) == NULL)
		return 0;
	if (sscanf(line, "case %255s %lld %zu %zu", c->domain, &c->now,
		&c->record_count, &c->message_len) != 4 ||
	    c->record_count > DKIM_CASE_RECORDS || c->message_len > LENGTH_MAX)
		broken(line);
	for (size_t i = 0; i < c->record_count; i++)
		read_record(c, i);
	/* Exactly as long as the message, so that a sanitizer notices. */
	c->message = malloc(c->message_len == 0 ? 1 : c->message_len);
	if (c->message == NULL ||
	    fread(c->message, 1, c->message_len, stdin) != c->message_len)
		broken("message");
	return 1;
}

void
dkim_case_free(struct dkim_case *c)
{
	for (size_t i = 0; i < c->record_count; i++)
		free(c->names[i]);
	free(c->message);
}

const char *
dkim_case_text(const struct dkim_case *c, const char *name)
{
	for (size_t i = 0; i < c->record_count; i++) {
		if (strcasecmp(c->names[i], name) == 0)
			return c->texts[i];
	}
	return NULL;
}
