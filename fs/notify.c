/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/ticks.h"
#include "swap.h"
#include "thread.h"

/* Without memory a change is tried again after this. */
#define RETRY_MS 1000

/* Waits are on CLOCK_MONOTONIC, times are CLOCK_BOOTTIME: after a suspend we look again. */
#define LOOK_AGAIN_MS 30000

/* Attributes under way while the owner changes may still be cached after it. */
#define CHOWN_AGAIN_MS 2000

/* What the notify thread wakes up for. */
struct news {
	uint64_t seq;
	bool closed;
	bool chown;
	struct dpkfs_owner owner;
};

/* Turns the shelf's wait into our own, which chown and time can end as well. */
static void *watch(void *arg)
{
	struct dpkfs_notify *notify = arg;
	uint64_t seq = 0;
	int r;

	do {
		r = dpk_shelf_wait(notify->shelf, seq, -1, &seq);
		pthread_mutex_lock(&notify->lock);
		notify->seq = seq;
		notify->closed = r < 0;
		pthread_cond_signal(&notify->news);
		pthread_mutex_unlock(&notify->lock);
	} while (r == 0);
	return NULL;
}

static struct timespec after(uint64_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	return ts;
}

/* Until something is new, or DUE_MS (UINT64_MAX: never) has come. */
static struct news wait_for_news(struct dpkfs_notify *notify, uint64_t due_ms)
{
	uint64_t now_ms = dpk_monotonic_ms(), wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	struct timespec until = after(wait_ms < LOOK_AGAIN_MS ? wait_ms : LOOK_AGAIN_MS);
	struct news news;
	int r = 0;

	pthread_mutex_lock(&notify->lock);
	while (r == 0 && !notify->closed && !notify->chown && notify->seq == notify->shown_seq)
		r = due_ms == UINT64_MAX ?
			    pthread_cond_wait(&notify->news, &notify->lock) :
			    pthread_cond_timedwait(&notify->news, &notify->lock, &until);
	news = (struct news){ notify->seq, notify->closed, notify->chown, notify->owner };
	notify->chown = false;
	pthread_mutex_unlock(&notify->lock);
	return news;
}

/* What the shelf holds may be newer than SEQ already; then the next wait ends at once. */
static int show(struct dpkfs_notify *notify, uint64_t seq)
{
	struct dpk_snapshot *snap;
	int r;

	if (seq == notify->shown_seq)
		return 0;
	snap = dpk_shelf_take(notify->shelf);
	r = dpkfs_swap(notify, snap);
	dpk_snapshot_unref(snap);
	if (r < 0)
		return r;
	notify->shown_seq = seq;
	dpk_shelf_exposed(notify->shelf, seq);
	return 0;
}

static int change_owner(struct dpkfs_notify *notify, const struct news *news)
{
	int r;

	if (!news->chown)
		return 0;
	r = dpkfs_swap_chown(notify, &news->owner);
	if (r < 0)
		return r;
	notify->chown_again_ms = dpk_monotonic_ms() + CHOWN_AGAIN_MS;
	return 0;
}

/* Everything that time brings. */
static int tidy(struct dpkfs_notify *notify)
{
	uint64_t now_ms = dpk_monotonic_ms();

	dpkfs_swap_again(notify, now_ms);
	if (notify->chown_again_ms <= now_ms) {
		dpkfs_swap_attributes(notify);
		notify->chown_again_ms = UINT64_MAX;
	}
	return dpkfs_swap_bury(notify, now_ms);
}

static uint64_t next_due(struct dpkfs_notify *notify)
{
	uint64_t due = dpkfs_room_forget_past(notify->room, dpk_monotonic_ms());
	uint64_t others[] = {
		dpkfs_names_next_ms(&notify->again),
		notify->chown_again_ms,
		dpkfs_view_next_end_ms(notify->room->view),
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i] < due)
			due = others[i];
	return due;
}

static void *run(void *arg)
{
	struct dpkfs_notify *notify = arg;

	for (;;) {
		struct news news = wait_for_news(notify, next_due(notify));

		if (news.closed)
			return NULL;
		if (show(notify, news.seq) == 0 && change_owner(notify, &news) == 0 &&
			tidy(notify) == 0)
			continue;
		dpk_error("no memory for a change of the ring; what is served stays for now");
		if (news.chown)
			dpkfs_notify_chown(notify, &news.owner);
		nanosleep(&(struct timespec){ .tv_sec = RETRY_MS / 1000 }, NULL);
	}
}

void dpkfs_notify_init(
	struct dpkfs_notify *notify, struct dpkfs_room *room, const struct dpkfs_options *options)
{
	pthread_condattr_t attr;

	memset(notify, 0, sizeof(*notify));
	notify->room = room;
	notify->grace_ms = options->grace_ms;
	notify->kernel.no_epoch = options->no_epoch;
	notify->kernel.mute = options->no_notify;
	notify->walker = (struct dpkfs_helper)DPKFS_HELPER_INIT;
	notify->chown_again_ms = UINT64_MAX;
	pthread_mutex_init(&notify->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&notify->news, &attr);
	pthread_condattr_destroy(&attr);
}

int dpkfs_notify_start(struct dpkfs_notify *notify, struct fuse_session *session,
	struct dpk_shelf *shelf, struct dpk_err *err)
{
	int r;

	notify->kernel.session = session;
	notify->shelf = shelf;
	atomic_store(&notify->room->walker, notify->walker.pid);
	r = dpkfs_thread_start(&notify->thread, "notify", run, notify);
	notify->thread_running = r == 0;
	if (r == 0) {
		r = dpkfs_thread_start(&notify->watcher, "watch-shelf", watch, notify);
		notify->watcher_running = r == 0;
	}
	return r < 0 ? dpk_err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

void dpkfs_notify_chown(struct dpkfs_notify *notify, const struct dpkfs_owner *owner)
{
	pthread_mutex_lock(&notify->lock);
	notify->chown = true;
	notify->owner = *owner;
	pthread_cond_signal(&notify->news);
	pthread_mutex_unlock(&notify->lock);
}

int dpkfs_notify_join(struct dpkfs_notify *notify, int timeout_ms)
{
	int r = dpkfs_thread_join(notify->watcher, &notify->watcher_running, timeout_ms);

	if (r == 0)
		r = dpkfs_thread_join(notify->thread, &notify->thread_running, timeout_ms);
	return r;
}

void dpkfs_notify_fini(struct dpkfs_notify *notify)
{
	dpkfs_names_fini(&notify->again);
	pthread_cond_destroy(&notify->news);
	pthread_mutex_destroy(&notify->lock);
}
