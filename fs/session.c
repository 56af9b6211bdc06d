/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "ops.h"
#include "room.h"
#include "thread.h"

static enum dpk_request request_of(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_LOOKUP: return DPK_REQUEST_LOOKUP;
	case FUSE_GETATTR: return DPK_REQUEST_GETATTR;
	case FUSE_OPEN: return DPK_REQUEST_OPEN;
	case FUSE_READ: return DPK_REQUEST_READ;
	case FUSE_OPENDIR: return DPK_REQUEST_OPENDIR;
	case FUSE_READDIRPLUS: return DPK_REQUEST_READDIRPLUS;
	case FUSE_FLUSH: return DPK_REQUEST_FLUSH;
	case FUSE_STATFS: return DPK_REQUEST_STATFS;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET: return DPK_REQUEST_FORGET;
	default: return DPK_REQUEST_OTHER;
	}
}

/* Here rather than in the handlers, so that no kind of request escapes. */
static void count(struct dpkfs_session *session, const struct fuse_buf *buf)
{
	struct fuse_in_header header;

	if (buf->size < sizeof(header))
		return;
	memcpy(&header, buf->mem, sizeof(header));
	dpk_shelf_count(session->shelf, request_of(header.opcode));
}

static void *serve(void *arg)
{
	struct dpkfs_session *session = arg;
	struct fuse_buf buf = { .mem = NULL };

	while (!fuse_session_exited(session->fuse)) {
		int r = fuse_session_receive_buf(session->fuse, &buf);

		if (r == -EINTR)
			continue;
		if (r <= 0)
			break;
		count(session, &buf);
		fuse_session_process_buf(session->fuse, &buf);
	}
	free(buf.mem);
	if (!atomic_load(&session->stopping))
		eventfd_write(session->ended_fd, 1);
	return NULL;
}

__attribute__((format(printf, 2, 0))) static void log_libfuse(
	enum fuse_log_level level, const char *format, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\n")] = '\0';
	dpk_log((enum dpk_log_level)level, "%s", text); /* both are syslog's numbers */
}

static struct fuse_session *new_session(struct dpkfs_room *room, bool debug)
{
	char name[] = "dpkeyfs", option[] = "-d";
	char *argv[] = { name, option, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(debug ? 2 : 1, argv);
	struct fuse_session *fuse;

	fuse = fuse_session_new(&args, &dpkfs_ops, sizeof(dpkfs_ops), room);
	fuse_opt_free_args(&args);
	return fuse;
}

void dpkfs_session_fini(struct dpkfs_session *session)
{
	if (session->fuse)
		fuse_session_destroy(session->fuse);
	closep(&session->ended_fd);
	session->fuse = NULL;
	session->ended_fd = -1;
}

int dpkfs_session_init(struct dpkfs_session *session, int fuse_fd, struct dpkfs_room *room,
	bool debug, struct dpk_err *err)
{
	char path[32];

	memset(session, 0, sizeof(*session));
	session->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->ended_fd < 0)
		return dpk_err_set(err, -errno, "no eventfd: %s", strerror(errno));
	fuse_set_log_func(log_libfuse);
	session->fuse = new_session(room, debug);
	snprintf(path, sizeof(path), "/dev/fd/%d", fuse_fd);
	if (session->fuse && fuse_session_mount(session->fuse, path) == 0)
		return 0;
	dpkfs_session_fini(session);
	return dpk_err_set(err, -EIO, "libfuse refuses the session");
}

int dpkfs_session_start(struct dpkfs_session *session, struct dpk_shelf *shelf, struct dpk_err *err)
{
	session->shelf = shelf;
	for (size_t i = 0; i < DPKFS_SESSION_THREADS; i++) {
		int r = dpkfs_thread_start(&session->threads[i], "request", serve, session);

		if (r < 0)
			return dpk_err_set(err, r, "cannot start a thread: %s", strerror(-r));
		session->running[i] = true;
	}
	return 0;
}

void dpkfs_session_stop(struct dpkfs_session *session)
{
	atomic_store(&session->stopping, true);
	fuse_session_exit(session->fuse);
}

int dpkfs_session_join(struct dpkfs_session *session, int timeout_ms)
{
	int r = 0;

	for (size_t i = 0; i < DPKFS_SESSION_THREADS && r == 0; i++)
		r = dpkfs_thread_join(session->threads[i], &session->running[i], timeout_ms);
	return r;
}
