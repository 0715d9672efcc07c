#include "config.h"

#include "src/admin_factors.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/password.h"
#include "pki/statement.h"
#include "pki/token_key.h"
#include "src/command.h"
#include "src/console.h"

#define SECRET_MAX (PASSWORD_MAX + 2)
#define KEY_FILE_MAX 65536
#define SIGNATURE_OCTETS_MAX 4096

/* --- options -------------------------------------------------------------- */

int
admin_options_take(struct admin_options *o, int *argc, char ***argv)
{
	const struct {
		const char *name;
		const char **to;
	} options[] = {
		{ "--admin", &o->name },
		{ "--admin-password-file", &o->password_file },
		{ "--admin-password-fd", &o->password_fd },
		{ "--admin-key", &o->key },
		{ "--admin-key-passphrase-file", &o->passphrase_file },
		{ "--admin-key-passphrase-fd", &o->passphrase_fd },
		{ "--admin-signer", &o->signer },
		{ "--admin-token-module", &o->token_module },
		{ "--admin-token", &o->token },
		{ "--admin-token-label", &o->token_label },
		{ "--admin-token-id", &o->token_id },
		{ "--admin-token-pin-file", &o->token_pin_file },
	};
	bool taken = true, some = false;

	*o = (struct admin_options){ .name = NULL };
	while (taken && *argc > 1) {
		taken = false;
		for (size_t i = 0; i < COUNT(options); i++) {
			if (strcmp((*argv)[1], options[i].name) != 0)
				continue;
			if (*argc < 3 || (*argv)[2][0] == '\0') {
				command_fail("%s: needs a value, as in %s NAME",
				    options[i].name, options[i].name);
				return -1;
			}
			*options[i].to = (*argv)[2];
			(*argv)[2] = (*argv)[0];
			*argc -= 2;
			*argv += 2;
			taken = some = true;
			break;
		}
	}
	if (*argc > 1 && strncmp((*argv)[1], "--admin", 7) == 0) {
		command_fail("%s: there is no such option; countersign --help "
			     "lists them",
		    (*argv)[1]);
		return -1;
	}
	if (o->name != NULL || !some)
		return 0;
	command_fail("--admin-…: say who, with --admin NAME");
	return -1;
}

/* --- secrets -------------------------------------------------------------- */

int
admin_read_secret(
    struct job *j, const char *file, const char *fd, struct span *out)
{
	int64_t number;

	*out = SPAN("");
	if (file != NULL && fd != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "give the secret's file or its descriptor, not both");
	if (fd != NULL) {
		if (span_to_int(span_str(fd), 0, 65535, &number) < 0 ||
		    fd_set_cloexec((int)number, true) < 0)
			return job_fail(j, ERR_MALFORMED,
			    "%s: give the number of an open descriptor, as 3 "
			    "in 3<FILE",
			    fd);
		return console_read_line(j, (int)number, out);
	}
	if (file == NULL)
		return 0;
	return file_read_pin(j, file, SECRET_MAX, out) < 0 ? -1 : 1;
}

int
admin_password_get(
    struct job *j, const struct admin_options *o, struct span *out)
{
	int got = admin_read_secret(j, o->password_file, o->password_fd, out);

	if (got == 0)
		got = console_ask_secret(j,
		    arena_printf(j->arena, "Password of %s: ", o->name), out);
	return got < 0 ? -1 : 0;
}

/* --- the signature -------------------------------------------------------- */

static int
sign_with_file(struct job *j, const struct admin_options *o,
    struct span statement, struct span *out)
{
	struct span pem = { NULL, 0 }, passphrase = { NULL, 0 };
	int got;

	if (file_read_private(j, o->key, KEY_FILE_MAX, &pem) < 0)
		return -1;
	got = admin_read_secret(
	    j, o->passphrase_file, o->passphrase_fd, &passphrase);
	if (got == 0)
		got = console_ask_secret(j,
		    arena_printf(j->arena, "Passphrase of %s: ", o->key),
		    &passphrase);
	if (got < 0)
		return -1;
	return statement_sign_pem(j, pem, passphrase, statement, out) < 0
		   ? job_context(j, "%s", o->key)
		   : 0;
}

static int
sign_with_token(struct job *j, const struct admin_options *o,
    const struct span spkis[ADMIN_KEYS], struct span statement,
    struct span *out)
{
	int result = 0;
	struct token_place *place = arena_alloc(j->arena, sizeof(*place));

	*place = (struct token_place){ .module = o->token_module,
		.token = o->token,
		.label = o->token_label,
		.id = o->token_id,
		.pin_file = o->token_pin_file,
		.statement = "none" };
	if (place->module == NULL || place->token == NULL ||
	    place->label == NULL || place->id == NULL ||
	    place->pin_file == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "a key in a token needs --admin-token-module, "
		    "--admin-token, --admin-token-label, --admin-token-id and "
		    "--admin-token-pin-file");
	/* A PIN that was wrong is not tried for the second one: the token says
	 * so (PK-199). */
	for (size_t i = 0; i < ADMIN_KEYS; i++) {
		if (spkis[i].n == 0)
			continue;
		job_recover(j);
		result =
		    statement_sign_token(j, place, spkis[i], statement, out);
		if (result == 0)
			break;
	}
	return result;
}

/* The program that signs, in the child: what else is open is none of its
 * business. */
static void
run_signer(const char *program, int from, int to)
{
	if (dup2(from, STDIN_FILENO) >= 0 && dup2(to, STDOUT_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
		(void)execl(program, program, (char *)NULL);
	_exit(127);
}

static int
exchange(struct job *j, const char *program, int in[2], int out[2],
    struct span statement, struct span *signature)
{
	pid_t pid;
	int status = 0, result;

	/* A statement fits into a pipe (STATEMENT_MAX): no deadlock. */
	if (write(in[1], statement.p, statement.n) != (ssize_t)statement.n)
		return job_fail(j, ERR_INTERNAL, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		run_signer(program, in[0], out[1]);
	if (pid < 0)
		return job_fail(j, ERR_INTERNAL, "fork: %s", strerror(errno));
	close(in[1]);
	close(out[1]);
	in[1] = out[1] = -1;
	result =
	    fd_read_all(j, out[0], program, SIGNATURE_OCTETS_MAX, signature);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (result == 0 && status != 0)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "%s: ended without a signature", program);
	return result;
}

static int
sign_with_program(struct job *j, const struct admin_options *o,
    struct span statement, struct span *out)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 };
	int result;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		result = job_fail(j, ERR_INTERNAL, "pipe: %s", strerror(errno));
	else
		result = exchange(j, o->signer, to, from, statement, out);
	for (int i = 0; i < 2; i++) {
		if (to[i] >= 0)
			close(to[i]);
		if (from[i] >= 0)
			close(from[i]);
	}
	return result;
}

int
admin_signature_get(struct job *j, const struct admin_options *o,
    const struct span spkis[ADMIN_KEYS], struct span statement,
    struct span *out)
{
	int ways = (o->key != NULL) + (o->signer != NULL) +
		   (o->token_module != NULL || o->token != NULL);

	*out = SPAN("");
	if (ways > 1)
		return job_fail(j, ERR_MALFORMED,
		    "give one of --admin-key, --admin-signer and "
		    "--admin-token");
	if (o->key != NULL)
		return sign_with_file(j, o, statement, out);
	if (o->signer != NULL)
		return sign_with_program(j, o, statement, out);
	return ways == 1 ? sign_with_token(j, o, spkis, statement, out) : 0;
}
