/* SPDX-License-Identifier: MIT */
/* The two pointers that a swap moves. */
#include "room.h"

#include <errno.h>
#include <string.h>

int dpkfs_room_init(struct dpkfs_room *room, const struct dpkfs_owner *owner, bool audit)
{
	pthread_rwlockattr_t attr;

	memset(room, 0, sizeof(*room));
	room->view = dpkfs_view_new(owner);
	if (!room->view)
		return -ENOMEM;
	room->audit = audit;
	atomic_init(&room->walker, -1);
	clock_gettime(CLOCK_REALTIME, &room->list.mtime);
	pthread_mutex_init(&room->lock, NULL);
	/* two busy readers must not keep a swap waiting */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&room->flip, &attr);
	pthread_rwlockattr_destroy(&attr);
	return 0;
}

void dpkfs_room_fini(struct dpkfs_room *room)
{
	dpkfs_view_unref(room->view);
	dpk_snapshot_unref(room->list.snap);
	for (size_t i = 0; i < DPKFS_PAST_MAX; i++)
		dpk_snapshot_unref(room->list.past[i].snap);
	pthread_rwlock_destroy(&room->flip);
	pthread_mutex_destroy(&room->lock);
}

struct dpkfs_view *dpkfs_room_take(struct dpkfs_room *room)
{
	struct dpkfs_view *view;

	pthread_mutex_lock(&room->lock);
	view = dpkfs_view_ref(room->view);
	pthread_mutex_unlock(&room->lock);
	return view;
}

void dpkfs_room_set_view(struct dpkfs_room *room, struct dpkfs_view *view)
{
	struct dpkfs_view *old;

	pthread_mutex_lock(&room->lock);
	old = room->view;
	room->view = view;
	pthread_mutex_unlock(&room->lock);
	dpkfs_view_unref(old); /* outside: the last reference frees a whole ring */
}

/* The kernel compares the root's mtime to tell an old listing: a clock set back must not hide one.
 */
static struct timespec later_than(struct timespec before)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec > before.tv_sec ||
		(now.tv_sec == before.tv_sec && now.tv_nsec > before.tv_nsec))
		return now;
	if (++before.tv_nsec == 1000000000) {
		before.tv_nsec = 0;
		before.tv_sec++;
	}
	return before;
}

static void drop(struct dpkfs_list *list, struct dpkfs_past *past)
{
	if (past->snap)
		list->dropped[list->dropped_count++] = past->snap;
	*past = (struct dpkfs_past){ .snap = NULL };
}

/* The oldest makes room; a free slot is the oldest of all. */
static void push_past(struct dpkfs_list *list, uint64_t until_ms)
{
	struct dpkfs_past *oldest = &list->past[0];

	for (size_t i = 1; i < DPKFS_PAST_MAX; i++)
		if (list->past[i].until_ms < oldest->until_ms)
			oldest = &list->past[i];
	drop(list, oldest);
	*oldest = (struct dpkfs_past){ .snap = list->snap, .until_ms = until_ms };
}

static void drop_past(struct dpkfs_list *list, uint64_t now_ms)
{
	for (size_t i = 0; i < DPKFS_PAST_MAX; i++)
		if (list->past[i].until_ms <= now_ms)
			drop(list, &list->past[i]);
}

void dpkfs_room_flip_begin(struct dpkfs_room *room, struct dpk_snapshot *snap, uint64_t now_ms)
{
	struct dpkfs_list *list = &room->list;

	pthread_rwlock_wrlock(&room->flip);
	if (list->snap)
		push_past(list, now_ms + DPKFS_PAST_MS);
	if (!snap)
		drop_past(list, UINT64_MAX);
	list->snap = snap ? dpk_snapshot_ref(snap) : NULL;
	list->mtime = later_than(list->mtime);
}

void dpkfs_room_flip_end(struct dpkfs_room *room)
{
	struct dpk_snapshot *dropped[DPKFS_PAST_MAX + 1];
	size_t count = room->list.dropped_count;

	memcpy(dropped, room->list.dropped, count * sizeof(dropped[0]));
	room->list.dropped_count = 0;
	pthread_rwlock_unlock(&room->flip);
	while (count > 0)
		dpk_snapshot_unref(dropped[--count]);
}

uint64_t dpkfs_room_forget_past(struct dpkfs_room *room, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	pthread_rwlock_wrlock(&room->flip);
	drop_past(&room->list, now_ms);
	for (size_t i = 0; i < DPKFS_PAST_MAX; i++)
		if (room->list.past[i].snap && room->list.past[i].until_ms < next)
			next = room->list.past[i].until_ms;
	dpkfs_room_flip_end(room);
	return next;
}

struct dpk_snapshot *dpkfs_room_listed(struct dpkfs_room *room, uint64_t generation)
{
	struct dpkfs_list *list = &room->list;

	if (!list->snap)
		return NULL;
	if ((dpk_snapshot_generation(list->snap) & DPKFS_GENERATION_MASK) == generation)
		return list->snap;
	for (size_t i = 0; i < DPKFS_PAST_MAX; i++)
		if (list->past[i].snap && (dpk_snapshot_generation(list->past[i].snap) &
						  DPKFS_GENERATION_MASK) == generation)
			return list->past[i].snap;
	return NULL;
}
