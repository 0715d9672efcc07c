#include "config.h"

#include "tests/unit/command_lab.h"

#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "tests/unit/pki_lab.h"

#define WORDS_MAX 32
#define SAID_MAX (1024 * 1024)

/* The smallest good file; nothing that it names is there. */
static const char rest[] = "base_url = \"https://acme.ca.example\"\n"
			   "ca_name = \"Example CA\"\n"
			   "seal_key = nothing\n"
			   "web {\n"
			   "\tlisten = { \"127.0.0.1:443\" }\n"
			   "\ttls_certificate = web.pem\n"
			   "\ttls_key = web.key\n"
			   "}\n"
			   "sender {\n"
			   "\tfrom = \"acme@ca.example\"\n"
			   "\trelay_host = localhost\n"
			   "\trelay_signs = yes\n"
			   "}\n"
			   "validator {\n"
			   "\timap_host = imap.ca.example\n"
			   "\timap_user = acme\n"
			   "\timap_password = imap.pw\n"
			   "}\n"
			   "issuer {\n"
			   "\tca_certificate = ca.pem\n"
			   "\tca_chain = root.pem\n"
			   "\tca_key = ca.key\n"
			   "\tca_key_passphrase = ca.pass\n"
			   "\tcrl_url = \"http://crl.ca.example/ca.crl\"\n"
			   "\tcrl_file = ca.crl\n"
			   "}\n";

/* Where `stream` led before; it leads into the file from now on. */
static int
lead(FILE *stream, const char *file)
{
	int saved, fd;

	fflush(stream);
	saved = dup(fileno(stream));
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(saved >= 0 && fd >= 0);
	assert_true(dup2(fd, fileno(stream)) >= 0);
	close(fd);
	return saved;
}

static void
lead_back(FILE *stream, int saved)
{
	fflush(stream);
	assert_true(dup2(saved, fileno(stream)) >= 0);
	close(saved);
}

static const char *
said(struct job *j, const char *file)
{
	struct span text = { NULL, 0 };

	EXPECT(j, file_read(j, file, SAID_MAX, &text), 0);
	return span_dup(j->arena, text);
}

struct command_said
command_lab_run(struct job *j, int (*command)(int, char **), const char *name,
    const char *const *words)
{
	const char *conf = arena_printf(j->arena, "%s/conf", lab_folder());
	const char *out = arena_printf(j->arena, "%s/out", lab_folder());
	const char *err = arena_printf(j->arena, "%s/err", lab_folder());
	const char *argv[WORDS_MAX + 4] = { name, "-f", conf };
	struct command_said s;
	int argc = 3, saved[2];

	for (; *words != NULL; words++) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = *words;
	}
	EXPECT(j,
	    file_write(j, conf, 0600,
		span_str(arena_printf(
		    j->arena, "database = \"%s\"\n%s", fixture_url(), rest))),
	    0);
	saved[0] = lead(stdout, out);
	saved[1] = lead(stderr, err);
	optind = 0;
	s.status = command(argc, (char **)(uintptr_t)argv);
	lead_back(stdout, saved[0]);
	lead_back(stderr, saved[1]);
	s.out = said(j, out);
	s.err = said(j, err);
	unit_case("%s%s", s.out, s.err);
	return s;
}
