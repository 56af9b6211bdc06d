/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

int dpkfs_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret_thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		pthread_setname_np(*ret_thread, name);
	return -r;
}

int dpkfs_thread_join(pthread_t thread, bool *running, int timeout_ms)
{
	struct timespec until;

	if (!*running)
		return 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	if (pthread_timedjoin_np(thread, NULL, &until) != 0)
		return -ETIMEDOUT;
	*running = false;
	return 0;
}
