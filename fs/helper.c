/* SPDX-License-Identifier: MIT */
/* Forking a helper, and being rid of it again. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

/* Closes everything from 3 up but A and B; either may be -1. */
static void close_all_but(int a, int b)
{
	unsigned int low = (unsigned int)(a < b ? a : b), high = (unsigned int)(a < b ? b : a);

	if (a < 0 || b < 0)
		low = high;
	if (low > 3)
		close_range(3, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, UINT_MAX, 0);
}

static void quiet_standard_descriptors(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
}

/* Terminal and service managers signal whole groups; a helper ends with its daemon only. */
static void calm_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
}

static _Noreturn void become(const struct dpkfs_helper_job *job, int sock)
{
	int keep = job->keep_fd;

	calm_signals();
	prctl(PR_SET_PDEATHSIG, job->death_signal);
	prctl(PR_SET_NAME, job->name);
	prctl(PR_SET_DUMPABLE, 0);
	setsid();
	if (chdir("/") < 0)
		_exit(1);
	/* above the standard descriptors, whatever was closed when we were started */
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	if (keep >= 0)
		keep = fcntl(keep, F_DUPFD_CLOEXEC, 3);
	if (sock < 0 || (job->keep_fd >= 0 && keep < 0))
		_exit(1);
	close_all_but(sock, keep);
	quiet_standard_descriptors();
	/* a parent that died before PR_SET_PDEATHSIG shows as the end of the socket */
	job->run(sock, keep, job->path);
	_exit(0);
}

int dpkfs_helper_start(
	const struct dpkfs_helper_job *job, struct dpkfs_helper *ret_helper, struct dpk_err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return dpk_err_set(
			err, -errno, "no socket for '%s': %s", job->name, strerror(errno));
	pid = fork();
	if (pid == 0)
		become(job, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		int r = -errno;

		close(pair[0]);
		return dpk_err_set(err, r, "cannot fork '%s': %s", job->name, strerror(-r));
	}
	ret_helper->pid = pid;
	ret_helper->pidfd = pidfd_open(pid, 0);
	ret_helper->sock = pair[0];
	return 0;
}

static void forget(struct dpkfs_helper *helper)
{
	closep(&helper->pidfd);
	closep(&helper->sock);
	*helper = (struct dpkfs_helper)DPKFS_HELPER_INIT;
}

int dpkfs_helper_wait(struct dpkfs_helper *helper, int timeout_ms)
{
	struct pollfd ended = { .fd = helper->pidfd, .events = POLLIN };

	/* no pidfd before Linux 5.3: then poll is a sleep */
	poll(&ended, 1, timeout_ms);
	if (waitpid(helper->pid, NULL, WNOHANG) == 0)
		return -ETIMEDOUT;
	forget(helper);
	return 0;
}

void dpkfs_helper_kill(struct dpkfs_helper *helper)
{
	if (helper->pid < 0)
		return;
	kill(helper->pid, SIGKILL);
	if (dpkfs_helper_wait(helper, 200) < 0)
		forget(helper); /* init inherits it */
}

void dpkfs_helper_stop(struct dpkfs_helper *helper)
{
	if (helper->pid < 0)
		return;
	closep(&helper->sock);
	helper->sock = -1;
	if (dpkfs_helper_wait(helper, 500) < 0)
		dpkfs_helper_kill(helper);
}
