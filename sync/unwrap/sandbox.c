/* SPDX-License-Identifier: MIT */
/*
 * Giving things up, in the order in which they can be. Knows nothing of keys.
 *
 * A change of user resets two promises, so they come after it: who may trace
 * the process, and that it dies with its parent.
 */
#include "unwrap/sandbox.h"

#include "base/err.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

static int fail(struct dpk_err *err, const char *what)
{
	int r = errno ? -errno : -EPERM;

	return dpk_err_set(err, r, "cannot %s: %s", what, strerror(-r));
}

static int set_limit(__rlimit_resource_t resource, rlim_t value)
{
	const struct rlimit limit = { value, value };

	return setrlimit(resource, &limit);
}

/* Nobody traces it, and it dies with the daemon. */
static int detach(struct dpk_err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail(err, "refuse to be traced");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail(err, "end with the daemon");
	return 0;
}

int dpk_sandbox_begin(struct dpk_err *err)
{
	clearenv();
	if (chdir("/") < 0)
		return fail(err, "leave the working directory");
	if (set_limit(RLIMIT_CORE, 0) < 0)
		return fail(err, "forbid core dumps");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(err, "forbid new privileges");
	return detach(err);
}

/*
 * An empty directory as root. A mere copy of the mounts would hold on to every
 * file system that somebody wants to unmount, the daemon's own among them.
 */
static int empty_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"mode=0555,size=4k") < 0 ||
		chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/*
 * A container may forbid namespaces to its root. What they keep away, the
 * filter keeps away too, so that is no reason to go without keys.
 */
static int leave_namespaces(struct dpk_err *err)
{
	int r;

	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 && errno != EPERM)
		return fail(err, "leave the network");
	if (unshare(CLONE_NEWNS) < 0)
		return errno == EPERM ? 0 : fail(err, "leave the file systems");
	r = empty_root();
	return r < 0 ? dpk_err_set(err, r, "cannot leave the file systems: %s", strerror(-r)) : 0;
}

static int lock_memory(struct dpk_err *err)
{
	(void)err;
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is larger than any memory */
	/* what is mapped later, as nobody, counts against this limit */
	if (geteuid() == 0 && set_limit(RLIMIT_MEMLOCK, RLIM_INFINITY) < 0 && errno != EPERM)
		return fail(err, "lock memory");
	/* without the right to, secrets are in locked pages and the rest is not */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0 && geteuid() == 0)
		return fail(err, "lock memory");
#endif
	return 0;
}

static int drop_user(struct dpk_err *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return fail(err, "become nobody");
	return 0;
}

/* Calls that need no look at their arguments. */
static const int plain_calls[] = {
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), /* where the vDSO has no clock */
	SCMP_SYS(getpid),
#ifdef __SANITIZE_ADDRESS__
	SCMP_SYS(gettid),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(readlink),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(close),
	SCMP_SYS(newfstatat),
	SCMP_SYS(ioctl),
#endif
};

static int allow_fd(scmp_filter_ctx filter, int call, unsigned int fd)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, fd, 0));
}

/* Memory may be mapped and protected, but never to be run. */
static int allow_memory(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(
		filter, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(plain_calls) / sizeof(plain_calls[0]); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);
	if (r == 0)
		r = allow_fd(filter, SCMP_SYS(read), STDIN_FILENO);
	if (r == 0)
		r = allow_fd(filter, SCMP_SYS(write), STDOUT_FILENO);
	if (r == 0)
		r = allow_fd(filter, SCMP_SYS(write), STDERR_FILENO);
	if (r == 0)
		r = allow_memory(filter, SCMP_SYS(mmap));
	return r < 0 ? r : allow_memory(filter, SCMP_SYS(mprotect));
}

static int install_filter(struct dpk_err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = filter ? add_rules(filter) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? dpk_err_set(err, r, "cannot filter system calls: %s", strerror(-r)) : 0;
}

int dpk_sandbox_enter(bool token, struct dpk_err *err)
{
	bool root = geteuid() == 0;
	int r;

	if (token)
		return lock_memory(err);
	if (close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
		return fail(err, "close descriptors");
	r = root ? leave_namespaces(err) : 0;
	if (r == 0)
		r = lock_memory(err);
	if (r == 0 && root)
		r = drop_user(err);
	if (r == 0)
		r = detach(err);
	if (r < 0)
		return r;
	if (set_limit(RLIMIT_NOFILE, STDERR_FILENO + 1) < 0)
		return fail(err, "forbid new descriptors");
	return install_filter(err);
}
