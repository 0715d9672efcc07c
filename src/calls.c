#include "config.h"

#include "src/calls.h"

#include "lib/count.h"
#include "lib/job.h"

#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
/* The sanitizers' own threads stop and look at the others. */
#ifdef SANITIZED
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

/* By name: a kernel or libseccomp that does not know one has none to refuse. */
static const char *const hostile[] = { "ptrace", "process_vm_readv",
	"process_vm_writev", "kexec_load", "kexec_file_load", "init_module",
	"finit_module", "delete_module", "bpf", "mount", "umount2",
	"pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount",
	"mount_setattr", "setns", "unshare", "userfaultfd", "add_key",
	"request_key", "keyctl", "reboot", "swapon", "swapoff",
	"open_by_handle_at", "iopl", "ioperm", "acct", "quotactl" };

static const char *const needless[] = { "perf_event_open", "settimeofday",
	"clock_settime", "clock_adjtime", "adjtimex", "sethostname",
	"setdomainname", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "setuid", "setgid", "setreuid", "setregid",
	"setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
	"personality", "syslog", "vhangup", "mknod", "mknodat",
	"name_to_handle_at", "memfd_create", "pidfd_getfd", "fanotify_init",
	"lookup_dcookie", "nfsservctl" };

/* The whole life of a process that reads rows, signs, and writes rows. */
static const char *const needed[] = { "read", "write", "readv", "writev",
	"pread64", "pwrite64", "preadv", "pwritev", "lseek", "open", "openat",
	"close", "close_range", "stat", "fstat", "lstat", "newfstatat", "statx",
	"fstatfs", "statfs", "access", "faccessat", "faccessat2", "flock",
	"fsync", "fdatasync", "sync_file_range", "ftruncate", "fallocate",
	"fchmod", "fchown", "fchmodat", "fchownat", "chmod", "chown", "unlink",
	"unlinkat", "mkdir", "mkdirat", "rename", "renameat", "renameat2",
	"umask", "getdents64", "getcwd", "readlink", "readlinkat", "utimensat",
	"poll", "ppoll", "select", "pselect6", "eventfd2", "nanosleep",
	"clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday",
	"time", "getrandom", "mmap", "munmap", "mprotect", "mremap", "madvise",
	"msync", "mlock", "mlock2", "munlock", "mlockall", "brk",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"rt_sigtimedwait", "futex", "sched_yield", "sched_getaffinity",
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
	"getresuid", "getresgid", "getgroups", "exit", "exit_group",
	"restart_syscall", "prctl", "uname", "sysinfo", "getrusage",
	"getrlimit", "set_robust_list", "set_tid_address", "rseq", "dup",
	"dup2", "dup3", "pipe2", "membarrier", "getcpu" };

/* What a connection to a database server needs besides. */
static const char *const networked[] = { "connect", "bind", "sendto", "sendmsg",
	"sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "getsockopt",
	"setsockopt", "getsockname", "getpeername", "shutdown", "socketpair",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait" };

static const char *const accepting[] = { "listen", "accept", "accept4" };
static const char *const executing[] = { "execve", "execveat" };

/* Of those that could also send signals: what files need (short list). */
static const uint64_t file_controls[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,
	F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK,
	F_OFD_SETLK, F_OFD_SETLKW };
static const uint64_t io_controls[] = { TCGETS, TIOCGWINSZ, FIONBIO, FIONREAD,
	FIOCLEX, FIONCLEX };

/* A signal of one role to another ends it; so does a limit of 0. */
static const char *const signalling[] = { "kill", "tkill", "pidfd_open",
	"pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo" };
/* Nor does one keep another from its work. */
static const char *const slowing[] = { "setpriority", "ioprio_set",
	"sched_setscheduler", "sched_setparam", "sched_setattr",
	"sched_setaffinity" };
/* "Send that process a signal when there is something to read." */
static const uint64_t owners[] = { F_SETOWN, F_SETSIG, F_SETOWN_EX };
static const uint64_t pipe_owners[] = { FIOSETOWN, SIOCSPGRP };

#define LIST(names) names, COUNT(names)

static int
add(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int e;

		if (number < 0)
			continue;
		e = seccomp_rule_add(f, action, number, 0);
		if (e < 0)
			return e;
	}
	return 0;
}

/* Calls with this second argument, of which the kernel takes 32 bits. */
static int
add_commands(scmp_filter_ctx f, uint32_t action, int number,
    const uint64_t *commands, size_t count)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < count; i++)
		e = seccomp_rule_add(f, action, number, 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, commands[i]));
	return e;
}

/* To itself alone: run-time systems signal their own threads. */
static int
allow_own(scmp_filter_ctx f)
{
	int e = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	    SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid(), 0));

	if (e == 0)
		e = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
		    SCMP_A0(SCMP_CMP_EQ, 0, 0));
	if (e == 0)
		e = add_commands(
		    f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), LIST(file_controls));
	if (e == 0)
		e = add_commands(
		    f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), LIST(io_controls));
	return e;
}

static int
refuse_others(scmp_filter_ctx f)
{
	static const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
	int e = add(f, refuse, LIST(signalling));

	if (e == 0)
		e = seccomp_rule_add(f, refuse, SCMP_SYS(tgkill), 1,
		    SCMP_A0(SCMP_CMP_NE, (uint64_t)getpid(), 0));
	if (e == 0)
		e = seccomp_rule_add(f, refuse, SCMP_SYS(prlimit64), 1,
		    SCMP_A0(SCMP_CMP_NE, 0, 0));
	if (e == 0)
		e = add_commands(f, refuse, SCMP_SYS(fcntl), LIST(owners));
	if (e == 0)
		e = add_commands(f, refuse, SCMP_SYS(ioctl), LIST(pipe_owners));
	return e;
}

/* Which kinds of sockets, in their order: the rest is for attacks on the
 * kernel.  getaddrinfo() asks the last one for the own addresses. */
static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
#define FAMILY_COUNT COUNT(families)

static int
allow_families(scmp_filter_ctx f)
{
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		int e = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_EQ, (uint64_t)families[i], 0));

		if (e < 0)
			return e;
	}
	return 0;
}

/* All but the first `count`. */
static int
refuse_families(scmp_filter_ctx f, size_t count)
{
	uint64_t last = 0;
	int e;

	for (size_t i = 0; i < count; i++) {
		uint64_t family = (uint64_t)families[i];

		for (uint64_t other = last + 1; other < family; other++) {
			e = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT),
			    SCMP_SYS(socket), 1,
			    SCMP_A0(SCMP_CMP_EQ, other, 0));
			if (e < 0)
				return e;
		}
		last = family;
	}
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT),
	    SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, last, 0));
}

/* Memory that is made executable after the start is an attacker's. */
static int
add_no_new_code(scmp_filter_ctx f, uint32_t action)
{
	int e = seccomp_rule_add(f, action, SCMP_SYS(mprotect), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return e < 0 ? e
		     : seccomp_rule_add(f, action, SCMP_SYS(mmap), 1,
			   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int
fill_short(scmp_filter_ctx f, const struct calls *c)
{
	int e = 0;

	for (size_t i = 0; i < COUNT(needed); i++) {
		int number = seccomp_syscall_resolve_name(needed[i]);

		if (number < 0 || number == SCMP_SYS(mmap) ||
		    number == SCMP_SYS(mprotect))
			continue;
		e = seccomp_rule_add(f, SCMP_ACT_ALLOW, number, 0);
		if (e < 0)
			return e;
	}
	e = add_no_new_code(f, SCMP_ACT_ALLOW);
	if (e == 0)
		e = allow_own(f);
	if (e == 0 && c->sockets)
		e = allow_families(f);
	if (e == 0 && c->sockets)
		e = add(f, SCMP_ACT_ALLOW, LIST(networked));
	return e;
}

static int
fill_long(scmp_filter_ctx f, const struct calls *c)
{
	static const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
	int e = add(f, refuse, LIST(needless));

	if (e == 0 && !c->sockets)
		e = seccomp_rule_add(f, refuse, SCMP_SYS(socket), 0);
	if (e == 0 && !c->sockets)
		e = seccomp_rule_add(f, refuse, SCMP_SYS(connect), 0);
	if (e == 0 && c->sockets)
		e = refuse_families(f, c->local_only ? 1 : FAMILY_COUNT);
	if (e == 0 && !c->accepts)
		e = add(f, refuse, LIST(accepting));
	if (e == 0 && !c->executes && !is_sanitized)
		e = add(f, refuse, LIST(executing));
	if (e == 0 && !c->signals && !is_sanitized)
		e = add(f, refuse, LIST(slowing));
	if (e == 0 && !c->signals && !is_sanitized)
		e = refuse_others(f);
	return e;
}

static int
fill(scmp_filter_ctx f, const struct calls *c)
{
	int e = 0;

	/* Every thread gets the filter, also one that a library started. */
	e = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (e == 0 && !is_sanitized)
		e = add(f, SCMP_ACT_KILL_PROCESS, LIST(hostile));
	if (e == 0)
		e = c->short_list && !is_sanitized ? fill_short(f, c)
						   : fill_long(f, c);
	return e == 0 ? seccomp_load(f) : e;
}

bool
calls_supported(void)
{
	/* With no filter at all the kernel says EFAULT if it knows them. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) != 0 &&
	       errno == EFAULT;
}

int
calls_limit(struct job *j, const struct calls *calls)
{
	scmp_filter_ctx f = seccomp_init(calls->short_list && !is_sanitized
					     ? SCMP_ACT_ERRNO(EPERM)
					     : SCMP_ACT_ALLOW);
	int e;

	if (f == NULL)
		return job_fail(j, ERR_INTERNAL, "seccomp: no filter");
	e = fill(f, calls);
	seccomp_release(f);
	if (e != 0)
		return job_fail(j, ERR_INTERNAL, "seccomp: %s", strerror(-e));
	return 0;
}

int
calls_leash(void)
{
	static const char *const refused[] = { "setsid", "setpgid", "socket",
		"connect", "bind", "listen", "accept", "accept4" };
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int e;

	if (f == NULL)
		return -ENOMEM;
	e = add(f, SCMP_ACT_ERRNO(EPERM), LIST(refused));
	if (e == 0)
		e = refuse_others(f);
	if (e == 0)
		e = seccomp_load(f);
	seccomp_release(f);
	return e;
}
