/* SPDX-License-Identifier: MIT */
/*
 * The first thing a store program does. Nothing here depends on the store; all
 * of it limits what a store can be talked into by whoever writes it.
 */
#include "store/common/startup.h"

#include "store/common/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* With 0, 1 or 2 closed, the next file opened would become an output stream. */
static int fill_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

/* A parent may block or ignore signals; the time limit and its kill must work. */
static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

int dpk_store_enter(void)
{
	int fd3 = fcntl(DPK_STORE_CONFIG_FD, F_GETFD);
	int r;

	umask(077);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	reset_signals();
	r = fill_standard_streams();
	if (r < 0)
		return r;
	/* best effort: the daemon opens everything close-on-exec anyway */
	close_range(fd3 < 0 ? DPK_STORE_CONFIG_FD : DPK_STORE_CONFIG_FD + 1, ~0U, 0);
	/*
	 * Libraries take orders from variables: http_proxy, SSLKEYLOGFILE,
	 * OPENSSL_CONF, NETRC. None of them is a way to configure a store.
	 */
	clearenv();
	if (setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0)
		return -errno;
	return 0;
}

void dpk_store_limit_ms(uint64_t ms)
{
	struct itimerval limit = {
		.it_value = {
			.tv_sec = (time_t)(ms / 1000),
			.tv_usec = (suseconds_t)(ms % 1000 * 1000),
		},
	};

	setitimer(ITIMER_REAL, &limit, NULL);
}
