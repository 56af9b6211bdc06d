/* SPDX-License-Identifier: MIT */
/* Waiting for a change of a local directory, with inotify(7). */
#include "store/dir/watch.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ticks.h"
#include "store/common/digest.h"
#include "store/common/frames.h"
#include "store/dir/list.h"
#include "store/dir/scan.h"
#include "store/dir/signed.h"

#include <linux/magic.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

/* A writer touches several files; the news is when it has paused. */
#define QUIET_MS     50
#define QUIET_MAX_MS 500

#define WATCH_MASK                                                                                 \
	(IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB |        \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* The watch is over with these: the directory went away, or events were lost. */
#define WATCH_OVER (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW)

/* not in linux/magic.h of every release */
#define ZFS_MAGIC      0x2fc12fc1
#define BCACHEFS_MAGIC 0xca451a4e
#define JFS_MAGIC      0x3153464a

bool dpk_dir_is_local(int dir)
{
	/* names what is known to be local: of anything else, polling is always right */
	static const unsigned long local[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
		REISERFS_SUPER_MAGIC, ZFS_MAGIC, BCACHEFS_MAGIC, JFS_MAGIC };
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if ((unsigned long)(unsigned int)fs.f_type == local[i])
			return true;
	return false;
}

/* FILE is the one name that counts, or NULL for those of all elements. */
static bool is_news(const struct inotify_event *event, const char *file)
{
	if (event->mask & WATCH_OVER)
		return true;
	if (event->len == 0)
		return false;
	if (strcmp(event->name, DPK_DIR_VOLUME) == 0)
		return true;
	return file ? strcmp(event->name, file) == 0 : dpk_dir_is_entry(event->name);
}

/* Takes all events that are there; true if one of them is news. */
static bool take_events(int fd, const char *file)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool news = false;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (char *at = buf; at < buf + n;) {
			const struct inotify_event *event = (const void *)at;

			news = news || is_news(event, file);
			at += sizeof(*event) + event->len;
		}
	}
	return news;
}

static void wait_for_quiet(int fd, const char *file)
{
	uint64_t end = dpk_monotonic_ms() + QUIET_MAX_MS;

	while (dpk_monotonic_ms() < end) {
		struct pollfd watch = { .fd = fd, .events = POLLIN };

		if (poll(&watch, 1, QUIET_MS) <= 0)
			return;
		take_events(fd, file);
	}
}

/* Milliseconds left until END (0: no end) as poll(2) wants them. */
static int time_left(uint64_t end)
{
	uint64_t now = dpk_monotonic_ms();

	if (end == 0)
		return -1;
	if (now >= end)
		return 0;
	return end - now > INT_MAX ? INT_MAX : (int)(end - now);
}

static enum dpk_store_exit wait_for_news(
	int fd, const char *file, uint64_t end, struct dpk_err *err)
{
	for (;;) {
		struct pollfd watch[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = STDOUT_FILENO, .events = 0 },
		};
		int r = poll(watch, 2, time_left(end));

		if (r < 0 && errno != EINTR)
			return dpk_store_answer(
				err, DPK_STORE_TRANSIENT, "poll: %s", strerror(errno));
		/* an error there says that nobody reads us any more */
		if (r == 0 || (r > 0 && (watch[1].revents & (POLLERR | POLLNVAL))))
			return DPK_STORE_UNCHANGED;
		if (r > 0 && watch[0].revents && take_events(fd, file)) {
			wait_for_quiet(fd, file);
			return DPK_STORE_OK;
		}
	}
}

/* Compares what is there now with TOKEN: a change before the watch began counts. */
static enum dpk_store_exit compare_now(const char *path, const char *token, struct dpk_err *err)
{
	_cleanup_(dpk_frames_fini) struct dpk_frames frames = DPK_FRAMES_INIT;
	char now[DPK_DIGEST_STRING_MAX];
	enum dpk_store_exit code = dpk_dir_is_signed(path) ?
					   dpk_dir_read_signed(path, &frames, now, err) :
					   dpk_dir_scan(path, &frames, now, err);

	if (code != DPK_STORE_OK)
		return code;
	return strcmp(now, token) == 0 ? DPK_STORE_UNCHANGED : DPK_STORE_OK;
}

/* An inotify descriptor that watches the directory PATH, or -1 with the text set. */
static int start_watch(const char *path, struct dpk_err *err)
{
	_cleanup_(closep) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 || inotify_add_watch(fd, path, WATCH_MASK) < 0) {
		dpk_err_set(err, -errno, "cannot watch '%s': %s", path, strerror(errno));
		return -1;
	}
	return steal_fd(&fd);
}

/* Waits in the directory WATCHED for what the store PATH is made of. */
static enum dpk_store_exit wait_in(const char *watched, const char *file, const char *path,
	const struct dpk_store_config *config, struct dpk_err *err)
{
	uint64_t end = config->deadline_ms ? dpk_monotonic_ms() + config->deadline_ms : 0;
	_cleanup_(closep) int dir = dpk_dir_open(watched, err);
	_cleanup_(closep) int fd = -1;

	if (dir < 0)
		return dir == -ENOTDIR ? DPK_STORE_BAD_DATA : dpk_store_exit_of(dir);
	if (!dpk_dir_is_local(dir))
		return dpk_store_answer(err, DPK_STORE_UNSUPPORTED,
			"'%s' is on a file system whose remote changes cannot be heard; it is polled",
			path);
	fd = start_watch(watched, err);
	if (fd < 0)
		return DPK_STORE_UNSUPPORTED;
	if (config->token) {
		enum dpk_store_exit code = compare_now(path, config->token, err);

		if (code != DPK_STORE_UNCHANGED)
			return code;
	}
	return wait_for_news(fd, file, end, err);
}

enum dpk_store_exit dpk_dir_wait(
	const char *path, const struct dpk_store_config *config, struct dpk_err *err)
{
	_cleanup_(freep) char *parent = NULL;
	const char *name;

	if (!dpk_dir_is_signed(path))
		return wait_in(path, NULL, path, config, err);
	parent = dpk_dir_split(path, &name);
	if (!parent)
		return dpk_store_answer(err, DPK_STORE_TRANSIENT, "out of memory");
	return wait_in(parent, name, path, config, err);
}
