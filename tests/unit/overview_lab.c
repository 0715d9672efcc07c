#include "config.h"

#include "tests/unit/overview_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "src/overview.h"
#include "src/remarks.h"
#include "tests/unit/pki_lab.h"

/* What is printed now, and how many lines are WRONG. */
const char *
overview_look(struct job *j, bool json, unsigned *wrong)
{
	struct remarks r = { .json = json };
	char *text = NULL;
	size_t n = 0;
	const char *out;

	r.to = open_memstream(&text, &n);
	assert_non_null(r.to);
	EXPECT(j, overview(j, &r), 0);
	fclose(r.to);
	out = arena_strdup(j->arena, text);
	free(text);
	*wrong = r.wrong;
	return out;
}

/* The line is there, from its first character on. */
void
expect_line(struct job *j, const char *line)
{
	unsigned wrong;
	const char *text = overview_look(j, false, &wrong);
	const char *found = strstr(text, line);

	if (found == NULL || (found > text && found[-1] != '\n'))
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

void
expect_no_line(struct job *j, const char *line)
{
	unsigned wrong;
	const char *text = overview_look(j, false, &wrong);

	if (strstr(text, line) != NULL)
		fail_msg("\"%s\" in:\n%s", line, text);
}

void
overview_start(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	lab->conf.database = "postgresql:"; /* nobody knows who runs */
	lab->conf.issuer.ca_certificate =
	    arena_printf(j->arena, "%s/issuing.pem", lab_ca_folder("p384"));
	lab->conf.issuer.crl_url = "http://crl.ca.test/issuing.crl";
	lab->conf.issuer.crl_shards = 1;
	lab->conf.issuer.max_per_hour = 50;
}
