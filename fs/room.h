/* SPDX-License-Identifier: MIT */
#ifndef DPKFS_ROOM_H
#define DPKFS_ROOM_H

/*
 * What request handlers answer from: a view for names, attributes and bytes,
 * and a list for the directory. They are apart because a swap must show a
 * new name to lookups before it shows it to listings, and never the other
 * way round. The notify thread alone changes either.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "view.h"

/* Earlier lists, kept for readers that are in the middle of one. */
#define DPKFS_PAST_MAX 8
#define DPKFS_PAST_MS  30000

struct dpkfs_past {
	struct dpk_snapshot *snap;
	uint64_t until_ms;
};

struct dpkfs_list {
	struct dpk_snapshot *snap; /* NULL: no ring */
	struct timespec mtime;     /* of the root: grows with each list */
	struct dpkfs_past past[DPKFS_PAST_MAX];
	/* let go under the lock, freed after it: freeing a ring takes its time */
	struct dpk_snapshot *dropped[DPKFS_PAST_MAX + 1];
	size_t dropped_count;
};

struct dpkfs_room {
	/* guards view; nothing but taking a reference happens under it */
	pthread_mutex_t lock;
	struct dpkfs_view *view;
	/*
	 * Guards list. Handlers hold it for reading until their answer is
	 * written; a swap holds it for writing over one inval_inode(root),
	 * which waits for pages of the directory only, never for a request.
	 */
	pthread_rwlock_t flip;
	struct dpkfs_list list;
	/* whose listings carry full entries; -1: nobody's (0 are processes of other namespaces) */
	atomic_int walker;
	bool audit; /* constant */
};

/* 0 or -ENOMEM. */
int dpkfs_room_init(struct dpkfs_room *room, const struct dpkfs_owner *owner, bool audit);

void dpkfs_room_fini(struct dpkfs_room *room);

/* Returned owned. Any thread. */
struct dpkfs_view *dpkfs_room_take(struct dpkfs_room *room);

/* VIEW is consumed. */
void dpkfs_room_set_view(struct dpkfs_room *room, struct dpkfs_view *view);

/*
 * Lists SNAP (a reference is taken; NULL: no ring, and no past either) and
 * keeps the flip lock; the caller tells the kernel, then ends the flip.
 */
void dpkfs_room_flip_begin(struct dpkfs_room *room, struct dpk_snapshot *snap, uint64_t now_ms);
void dpkfs_room_flip_end(struct dpkfs_room *room);

/* Lets go of past lists whose time is over; returns when the next one's is, UINT64_MAX: none. */
uint64_t dpkfs_room_forget_past(struct dpkfs_room *room, uint64_t now_ms);

/* The list of GENERATION as directory offsets carry it (its low 31 bits); the flip lock is held. */
#define DPKFS_GENERATION_MASK UINT64_C(0x7fffffff)
struct dpk_snapshot *dpkfs_room_listed(struct dpkfs_room *room, uint64_t generation);

#endif
