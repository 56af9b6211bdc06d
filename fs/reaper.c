/* SPDX-License-Identifier: MIT */
#include "reaper.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "fusectl.h"

#define PARENT_DIED SIGUSR1
#define GOODBYE     'g'

/*
 * Two signs of the parent's death are awaited: its socket ends when the
 * process is gone, the signal comes already when its main thread is, which is
 * all that happens while another of its threads cannot die.
 */
static void reaper_run(int sock, int abort_fd, const char *path)
{
	struct pollfd signs[2] = { { .fd = sock, .events = POLLIN }, { .events = POLLIN } };
	sigset_t death;
	char word = 0;

	(void)path;
	sigemptyset(&death);
	sigaddset(&death, PARENT_DIED);
	signs[1].fd = signalfd(-1, &death, SFD_CLOEXEC);
	while (poll(signs, 2, -1) < 0)
		; /* nothing but EINTR and ENOMEM */
	if (recv(sock, &word, 1, MSG_DONTWAIT) == 1 && word == GOODBYE)
		return;
	dpkfs_fusectl_abort(abort_fd);
}

int dpkfs_reaper_start(int abort_fd, struct dpkfs_helper *ret_reaper, struct dpk_err *err)
{
	const struct dpkfs_helper_job job = {
		.name = "dpkeyfs-reaper",
		.death_signal = PARENT_DIED,
		.keep_fd = abort_fd,
		.run = reaper_run,
	};

	return dpkfs_helper_start(&job, ret_reaper, err);
}

void dpkfs_reaper_dismiss(struct dpkfs_helper *reaper)
{
	static const char word = GOODBYE;

	if (reaper->pid < 0)
		return;
	if (send(reaper->sock, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		dpkfs_helper_kill(reaper);
	dpkfs_helper_stop(reaper);
}
