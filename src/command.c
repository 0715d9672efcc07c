#include "config.h"

#include "src/command.h"

#include "db/store.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "lib/utf8.h"
#include "pki/profile.h"
#include "src/admin_enter.h"
#include "src/admin_factors.h"
#include "src/admin_login.h"
#include "src/conf_file.h"
#include "src/database.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERIAL_MAX 64

int
command_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("countersign: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

static bool
is_word_of(const char *word, const char *words)
{
	size_t n = strlen(word);

	for (const char *p = words; (p = strstr(p, word)) != NULL; p++)
		if ((p == words || p[-1] == ' ') &&
		    (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

int
command_takes_only(
    const struct command_option *options, const char *verb, const char *names)
{
	for (const struct command_option *o = options; o->name != NULL; o++) {
		bool given = o->text != NULL ? *o->text != NULL : *o->flag;

		if (!given || is_word_of(o->name, names))
			continue;
		command_fail("%s: --%s is not for it", verb, o->name);
		return -1;
	}
	return 0;
}

int
command_domain(struct job *j, const char *text, const char **out)
{
	const char *why = "it has a single label";

	if (addr_domain(j, span_str(text), out) < 0)
		why = arena_strdup(j->arena, j->err.text);
	else if (strchr(*out, '.') != NULL)
		return 0;
	job_recover(j);
	return job_fail(j, ERR_MALFORMED,
	    "--domain %s: give a domain name, as example.org: %s", text, why);
}

int
command_profile(struct job *j, const char *name)
{
	const char *known = "", *n;

	if (profile_find(j->conf, span_str(name)) != NULL)
		return 0;
	for (size_t i = 0; (n = profile_name(j->conf, i)) != NULL; i++)
		known = arena_printf(
		    j->arena, "%s%s%s", known, i > 0 ? ", " : "", n);
	return job_fail(j, ERR_MALFORMED,
	    "--profile %s: there is no such profile; there are %s", name,
	    known);
}

int
command_text(struct job *j, const char *option, const char *text, size_t max)
{
	struct span s = span_str(text);

	if (s.n == 0 || s.n > max)
		return job_fail(j, ERR_MALFORMED,
		    "--%s: give a text of 1 to %zu octets", option, max);
	if (!utf8_is_valid(s))
		return job_fail(
		    j, ERR_MALFORMED, "--%s: give a text in UTF-8", option);
	if (span_has_control(s))
		return job_fail(j, ERR_MALFORMED,
		    "--%s: give a text in one line, without control characters",
		    option);
	return 0;
}

const char *
command_serial(struct job *j, const char *text)
{
	struct buf b;
	size_t digits;

	if (strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0)
		text += 2;
	digits = strlen(text);
	for (const char *p = text; (p = strchr(p, ':')) != NULL; p++)
		digits--;
	buf_init(&b, j->arena, SERIAL_MAX);
	if (digits % 2 != 0)
		buf_add_char(&b, '0');
	for (; *text != '\0'; text++)
		if (*text != ':')
			buf_add_char(&b, ascii_lower(*text));
	return buf_ok(&b) ? b.p : "";
}

void
command_tell_cut(size_t shown, size_t max)
{
	if (shown >= max)
		command_fail(
		    "no more than %zu are shown; there may be others", max);
}

bool
command_is_printed(void)
{
	int earlier = ferror(stdout);

	return fflush(stdout) == 0 && !earlier;
}

void
command_end_output(void)
{
	/* What failed before has left its mark, but perhaps no errno. */
	int earlier = ferror(stdout);

	if (command_is_printed())
		return;
	command_fail("standard output cannot be written%s%s",
	    earlier ? "" : ": ", earlier ? "" : strerror(errno));
	_exit(EXIT_FAILURE);
}

#define USAGE_BEGINS "usage: countersign "

int
command_misused(const char *usage, const char *fmt, ...)
{
	const char *end = strstr(usage, "\n\n"), *name;
	va_list ap;

	assert(end != NULL);
	assert(strncmp(usage, USAGE_BEGINS, strlen(USAGE_BEGINS)) == 0);
	name = usage + strlen(USAGE_BEGINS);
	fprintf(stderr, "%.*s\ncountersign: ", (int)(end - usage), usage);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; countersign %.*s --help says more\n",
	    (int)strcspn(name, " "), name);
	return -1;
}

int
command_counts(int argc, char **argv, const char *usage, int arguments)
{
	int left = argc - optind;

	if (left > arguments)
		return command_misused(usage, "%s: is one argument too many",
		    argv[optind + arguments]);
	return left < arguments
		   ? command_misused(usage, "an argument is missing")
		   : 0;
}

int
command_take(const char *option, const char *text, const char **to)
{
	/* What a shell makes of a variable that is not set must not be taken
	 * for "of any". */
	if (text[0] == '\0') {
		command_fail("--%s: an empty text; leave the option out, or "
			     "say which",
		    option);
		return -1;
	}
	if (*to != NULL) {
		command_fail("--%s: is given twice; give it once, and the "
			     "command again for another",
		    option);
		return -1;
	}
	*to = text;
	return 0;
}

/* The flag and the text, or the next text, of an option that was given. */
static int
take(const struct command_option *o, const char *text)
{
	size_t i = 0;

	if (o->flag != NULL)
		*o->flag = true;
	if (o->text == NULL)
		return 0;
	while (o->flag != NULL && i < COMMAND_TEXTS_MAX && o->text[i] != NULL)
		i++;
	if (i == COMMAND_TEXTS_MAX) {
		command_fail("--%s: is given more than %d times", o->name,
		    COMMAND_TEXTS_MAX);
		return -1;
	}
	return command_take(o->name, text, &o->text[i]);
}

int
command_refused(char **argv)
{
	if (strncmp(argv[optind - 1], "--admin", 7) == 0)
		command_fail("options of an admin stand before the command: "
			     "countersign %s … %s …",
		    argv[optind - 1], argv[0]);
	else
		command_fail("try countersign %s --help", argv[0]);
	return -1;
}

/* What getopt_long() returns for the first of a command's own. */
#define OWN 256

int
command_parse(int argc, char **argv, const char *usage,
    const struct command_option *options, const char **config, int arguments)
{
	const struct command_option file = { "config", NULL, config };
	struct option list[COMMAND_OPTIONS_MAX + 3] = {
		{ "config", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
	};
	const struct command_option *o;
	int c;

	*config = NULL;
	for (int i = 0; options[i].name != NULL; i++) {
		assert(i < COMMAND_OPTIONS_MAX);
		list[i + 2] = (struct option){ options[i].name,
			options[i].text != NULL ? required_argument
						: no_argument,
			NULL, OWN + i };
	}
	while ((c = getopt_long(argc, argv, "f:h", list, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (c != 'f' && c < OWN)
			return command_refused(argv);
		o = c == 'f' ? &file : &options[c - OWN];
		if (take(o, optarg) < 0)
			return -1;
	}
	if (*config == NULL)
		*config = COMMAND_DEFAULT_CONFIG;
	return arguments >= 0 ? command_counts(argc, argv, usage, arguments)
			      : 0;
}

/* --- the database, and who may ------------------------------------------- */

static struct {
	struct command_line line;
	const struct admin_options *options;
	struct admin self;         /* name and role alone */
	const struct admin *admin; /* self, who has shown both factors */
} given;

void
command_line_is(int argc, char **argv, const struct admin_options *options)
{
	given.line = (struct command_line){ argc, argv };
	given.options = options;
}

const struct admin *
command_admin(void)
{
	return given.admin;
}

void
command_admin_is(const struct admin *self)
{
	given.admin = self;
}

bool
command_is_by(const char *name)
{
	return given.options != NULL && given.options->name != NULL &&
	       strcmp(given.options->name, name) == 0;
}

static int
log_in(struct command *c, const struct act_row *act)
{
	const struct admin_options *o = given.options;
	struct job *j = &c->job;

	given.self = (struct admin){ .name = o->name };
	if (admin_enter(j, o, act, &given.line, command_operator(j),
		&given.self.role) < 0)
		return -1;
	given.admin = &given.self;
	return 0;
}

/* The first admin is made by whoever can write the database. */
static int
needs_admin(struct job *j, enum act act)
{
	int exists;

	if (act_row(act)->need < NEED_SELF)
		return 0;
	exists = store_admin_exists(j);
	if (act == ACT_ADMIN_ADD && exists == 0)
		return 0;
	return exists < 0 ? -1 : admin_is_required(j);
}

static int
check_admin(struct command *c, enum act act)
{
	const struct act_row *row = act_row(act);
	struct job *j = &c->job;
	int needed = needs_admin(j, act);
	int exists;

	if (needed < 0)
		return -1;
	if (given.options != NULL && given.options->name != NULL)
		return log_in(c, row);
	if (needed == 0)
		return 0;
	if (admin_login_missing(j, row, command_operator(j)) < 0)
		return -1;
	exists = store_admin_exists(j);
	if (exists < 0)
		return -1;
	if (exists == 0)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "%s is an admin's (admin.required, or public mode), and "
		    "there is none: countersign admin add makes the first, who "
		    "counts from the first command on",
		    row->name);
	return job_fail(j, ERR_UNAUTHORIZED,
	    "%s is an admin's: countersign --admin NAME --admin-key FILE %s … "
	    "(countersign admin list shows who there is)",
	    row->name, row->command);
}

int
command_open(struct command *c, const char *config, enum act act)
{
	struct store_login login;

	assert(act_row(act)->need != NEED_NONE);
	*c = (struct command){ .keep = arena_new() };
	log_open("command", LOG_LEVEL_WARNING);
	if (conf_load(c->keep, config, conf_report_stderr, NULL, &c->conf) <
	    0) {
		arena_free(c->keep);
		return -1;
	}
	job_init(&c->job, NULL, c->conf);
	if (database_login(&c->job, DATABASE_OWNER, &login) < 0 ||
	    store_open_as(&c->job, &login, &c->store) < 0) {
		command_fail("%s", c->job.err.text);
		command_close(c);
		return -1;
	}
	c->job.store = c->store;
	if (check_admin(c, act) < 0) {
		command_fail("%s", c->job.err.text);
		command_close(c);
		return -1;
	}
	return 0;
}

const char *
command_operator(struct job *j)
{
	const char *name = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw;

	if (given.admin != NULL)
		return admin_actor(j, given.admin->name);
	if (name != NULL && name[0] != '\0')
		return arena_printf(j->arena, "operator:%s", name);
	pw = getpwuid(getuid());
	if (pw != NULL)
		return arena_printf(j->arena, "operator:%s", pw->pw_name);
	return arena_printf(j->arena, "operator:uid %u", (unsigned)getuid());
}

void
command_close(struct command *c)
{
	job_done(&c->job);
	store_close(c->store);
	given.admin = NULL;
	arena_free(c->keep);
}

int
command_end(struct command *c, int result)
{
	if (result < 0) {
		store_rollback(&c->job);
		command_fail("%s", c->job.err.text);
	}
	command_close(c);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
