#include "config.h"

#include "src/landlock.h"

#include "lib/job.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The header may be older than the kernel: these are the kernel's own
 * numbers, of versions 3 (truncate) and 6 (scopes).
 */
#define FS_TRUNCATE (1ULL << 14)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset_attr {
	uint64_t fs;
	uint64_t net;    /* version 4; not used */
	uint64_t scoped; /* version 6 */
};

#define ON_FILE                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |          \
	    LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE)
/* All that version 2 knows. */
#define ALL_FS                                                                 \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |          \
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |       \
	    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |   \
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |       \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |       \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |     \
	    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

int
landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

static uint64_t
access_of(unsigned rights, uint64_t handled, bool is_folder)
{
	uint64_t access = 0;

	if (rights & LANDLOCK_READ)
		access |=
		    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & LANDLOCK_WRITE)
		access |= LANDLOCK_ACCESS_FS_WRITE_FILE |
			  LANDLOCK_ACCESS_FS_REMOVE_FILE |
			  LANDLOCK_ACCESS_FS_MAKE_REG |
			  LANDLOCK_ACCESS_FS_MAKE_DIR |
			  LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE;
	if (rights & LANDLOCK_REMOVE)
		access |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (rights & LANDLOCK_EXECUTE)
		access |= LANDLOCK_ACCESS_FS_EXECUTE;
	return access & handled & (is_folder ? ~0ULL : ON_FILE);
}

static int
add_path(struct job *j, int ruleset, const struct landlock_rule *rule,
    uint64_t handled)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = 0 };
	struct stat st;
	int result = 0;

	attr.parent_fd = open(rule->path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd < 0)
		return 0;
	if (fstat(attr.parent_fd, &st) == 0)
		attr.allowed_access =
		    access_of(rule->rights, handled, S_ISDIR(st.st_mode));
	if (attr.allowed_access != 0 &&
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		&attr, 0) != 0)
		result = job_fail(j, ERR_INTERNAL, "landlock rule for %s: %s",
		    rule->path, strerror(errno));
	close(attr.parent_fd);
	return result;
}

static int
restrict_self(struct job *j, int ruleset)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		return job_fail(
		    j, ERR_INTERNAL, "landlock: %s", strerror(errno));
	return 0;
}

int
landlock_enter(struct job *j, const struct landlock_rule *rules, size_t count)
{
	int version = landlock_version();
	struct ruleset_attr attr = { .fs = ALL_FS };
	int ruleset, result = 0;

	if (version >= 3)
		attr.fs |= FS_TRUNCATE;
	if (version >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	/* An older kernel takes a longer struct if the rest is zero. */
	ruleset =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return job_fail(
		    j, ERR_INTERNAL, "landlock: %s", strerror(errno));
	for (size_t i = 0; i < count && result == 0; i++)
		result = add_path(j, ruleset, &rules[i], attr.fs);
	if (result == 0)
		result = restrict_self(j, ruleset);
	close(ruleset);
	return result;
}
