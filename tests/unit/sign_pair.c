#include "config.h"

#include "tests/unit/sign_pair.h"

#include "tests/unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "lib/fdio.h"
#include "src/sign_link.h"

struct sign_pair
sign_pair_make(struct job *j)
{
	int fds[2];

	assert_int_equal(fd_message_pair(j, fds), 0);
	return (struct sign_pair){ fds[0], fds[1],
		sign_link_new(j->arena, fds[0], ROLE_SIGNER) };
}

void
sign_pair_end(const struct sign_pair *p)
{
	close(p->issuer);
	close(p->signer);
}

void
sign_pair_ended_well(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}
