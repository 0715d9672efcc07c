#include "config.h"

#include "tests/unit/sandbox_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/calls.h"
#include "src/landlock.h"
#include "src/role_perspective.h"
#include "src/sandbox.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

struct conf sandbox_lab_conf;
static const char *folder;
static struct arena *keep;
static const char *command[] = { "/bin/true" };
static const char *lmtp[] = { "127.0.0.1:1" };

const char *const sandbox_lab_names[] = { "issuer", "web", "sender",
	"validator", "validator (LMTP)", "sender (token command)",
	"issuer (PostgreSQL)", "upstream (ACME)", "upstream (hook)",
	"perspective", "perspective (look-ups)", "issuer (token)", "signer",
	"signer (any network)", "signer (no network, files)", "ocsp-signer",
	"admin" };

const char *
sandbox_lab_path(struct job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", folder, name);
}

int
sandbox_lab_tried(int result)
{
	return result < 0 ? errno : 0;
}

enum role
sandbox_lab_configure(enum sandbox_lab_who who)
{
	static const enum role roles[] = { ROLE_ISSUER, ROLE_WEB, ROLE_SENDER,
		ROLE_VALIDATOR, ROLE_VALIDATOR, ROLE_SENDER, ROLE_ISSUER,
		ROLE_UPSTREAM, ROLE_UPSTREAM, ROLE_PERSPECTIVE,
		ROLE_PERSPECTIVE, ROLE_ISSUER, ROLE_SIGNER, ROLE_SIGNER,
		ROLE_SIGNER, ROLE_OCSP_SIGNER, ROLE_ADMIN };
	static const char *files[1];

	sandbox_lab_conf.sender.relay_token_command =
	    (struct conf_list){ command, who == WITH_COMMAND };
	sandbox_lab_conf.validator.lmtp_listen =
	    (struct conf_list){ lmtp, who == WITH_LMTP };
	sandbox_lab_conf.external.kind =
	    who == UPSTREAM_HOOK ? CONF_EXTERNAL_HOOK : CONF_EXTERNAL_ACME;
	sandbox_lab_conf.issuer.key.module =
	    who >= ISSUER_TOKEN && who != ADMIN ? "/usr/lib/module.so" : NULL;
	/* The PIN is the signer's alone. */
	sandbox_lab_conf.issuer.key.pin_file =
	    who == ISSUER_TOKEN ? arena_printf(keep, "%s/other/secret", folder)
				: NULL;
	sandbox_lab_conf.signer.network = who == SIGNER_ANY ? CONF_NETWORK_ANY
					  : who == SIGNER_CLOSED
					      ? CONF_NETWORK_NONE
					      : CONF_NETWORK_LOCAL;
	files[0] = arena_printf(keep, "%s/tls", folder);
	sandbox_lab_conf.signer.files =
	    (struct conf_list){ files, who == SIGNER_CLOSED };
	sandbox_lab_conf.responder.key.module = "/usr/lib/module.so";
	sandbox_lab_conf.responder.reach.network = CONF_NETWORK_LOCAL;
	sandbox_lab_conf.responder.reach.files = (struct conf_list){ files, 1 };
	sandbox_lab_conf.database =
	    who == ISSUER_POSTGRESQL
		? "postgresql:"
		: arena_printf(keep, "sqlite:%s/db/x.db", folder);
	return roles[who];
}

/* In the child: the exit status is what came of it. */
static void
attempt(enum role role, const char *intake, int (*try)(struct job *j))
{
	struct job *j = unit_job();
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	dup2(listener, 100);
	j->conf = &sandbox_lab_conf;
	if (sandbox_enter(j, role, intake) < 0) {
		fprintf(stderr, "%s\n", j->err.text);
		_exit(9);
	}
	_exit(try(j) == 0 ? WORKS : REFUSED);
}

enum sandbox_lab_outcome
sandbox_lab_try(
    enum role role, const char *intake, const struct sandbox_lab_attempt *a)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		attempt(role, intake, a->try);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	assert_true(WEXITSTATUS(status) != 9);
	return WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
}

bool
sandbox_lab_is_unable(int version)
{
	/* The sanitizers need more than the product does. */
	return UNIT_IS_SANITIZED || !calls_supported() ||
	       landlock_version() < version;
}

const char *
sandbox_lab_intake(enum sandbox_lab_who who)
{
	if (who == WITH_LMTP)
		return "lmtp";
	return who == LOOKUPS ? PERSPECTIVE_LOOKUPS : NULL;
}

static void
make_file(const char *name)
{
	int fd = open(arena_printf(keep, "%s/%s", folder, name),
	    O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		abort();
	close(fd);
}

static void
set_up(void)
{
	static const char *const folders[] = { "db", "lists", "etc", "other",
		"tls" };

	keep = arena_new();
	folder = unit_folder_new();
	for (size_t i = 0; i < COUNT(folders); i++)
		if (mkdir(arena_printf(keep, "%s/%s", folder, folders[i]),
			0700) != 0)
			abort();
	make_file("etc/x.conf");
	make_file("other/secret");
	make_file("tls/cert.pem");
	sandbox_lab_conf =
	    (struct conf){ .file = arena_printf(keep, "%s/etc/x.conf", folder),
		    .issuer.crl_file =
			arena_printf(keep, "%s/lists/issuing.crl", folder),
		    .web.tls_certificate =
			arena_printf(keep, "%s/tls/cert.pem", folder),
		    .admin.tls_certificate =
			arena_printf(keep, "%s/tls/cert.pem", folder),
		    .agent.tls_certificate =
			arena_printf(keep, "%s/tls/cert.pem", folder),
		    .sender.relay_port = 25 };
}

int
sandbox_lab_run(const struct CMUnitTest *tests, size_t count)
{
	int result;

	set_up();
	result = unit_run(tests, count);
	arena_free(keep);
	return result;
}
