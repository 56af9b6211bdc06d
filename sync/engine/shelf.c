/* SPDX-License-Identifier: MIT */
/* The one place where a snapshot changes hands. Knows nothing of what is in it. */
#include "engine/shelf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct dpk_shelf {
	/* guards all below but the counters; nothing is called under it but ref and unref */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct dpk_snapshot *snap;
	uint64_t seq;
	uint64_t exposed;
	bool closed;
	atomic_ullong requests[DPK_REQUEST_COUNT];
};

struct dpk_shelf *dpk_shelf_new(void)
{
	struct dpk_shelf *shelf = calloc(1, sizeof(*shelf));
	pthread_condattr_t attr;

	if (!shelf)
		return NULL;
	pthread_mutex_init(&shelf->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&shelf->changed, &attr);
	pthread_condattr_destroy(&attr);
	return shelf;
}

void dpk_shelf_free(struct dpk_shelf *shelf)
{
	if (!shelf)
		return;
	dpk_snapshot_unref(shelf->snap);
	pthread_cond_destroy(&shelf->changed);
	pthread_mutex_destroy(&shelf->lock);
	free(shelf);
}

static uint64_t replace(struct dpk_shelf *shelf, struct dpk_snapshot *snap)
{
	struct dpk_snapshot *old;
	uint64_t seq;

	pthread_mutex_lock(&shelf->lock);
	old = shelf->snap;
	shelf->snap = snap;
	seq = ++shelf->seq;
	pthread_cond_broadcast(&shelf->changed);
	pthread_mutex_unlock(&shelf->lock);
	dpk_snapshot_unref(old); /* outside: the last reference frees a whole ring */
	return seq;
}

uint64_t dpk_shelf_publish(struct dpk_shelf *shelf, struct dpk_snapshot *snap)
{
	return replace(shelf, dpk_snapshot_ref(snap));
}

uint64_t dpk_shelf_withdraw(struct dpk_shelf *shelf)
{
	return replace(shelf, NULL);
}

void dpk_shelf_close(struct dpk_shelf *shelf)
{
	pthread_mutex_lock(&shelf->lock);
	shelf->closed = true;
	pthread_cond_broadcast(&shelf->changed);
	pthread_mutex_unlock(&shelf->lock);
}

struct dpk_snapshot *dpk_shelf_take(struct dpk_shelf *shelf)
{
	struct dpk_snapshot *snap;

	pthread_mutex_lock(&shelf->lock);
	snap = shelf->snap ? dpk_snapshot_ref(shelf->snap) : NULL;
	pthread_mutex_unlock(&shelf->lock);
	return snap;
}

static struct timespec deadline_after(int timeout_ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += timeout_ms / 1000;
	ts.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	return ts;
}

/* Waits for *COUNTER to reach AT_LEAST; the lock is held. */
static int wait_for(
	struct dpk_shelf *shelf, const uint64_t *counter, uint64_t at_least, int timeout_ms)
{
	struct timespec until = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
	int r = 0;

	while (!shelf->closed && *counter < at_least && r == 0) {
		if (timeout_ms < 0)
			pthread_cond_wait(&shelf->changed, &shelf->lock);
		else
			r = pthread_cond_timedwait(&shelf->changed, &shelf->lock, &until);
	}
	if (shelf->closed)
		return -ESHUTDOWN;
	return *counter >= at_least ? 0 : -ETIMEDOUT;
}

int dpk_shelf_wait(struct dpk_shelf *shelf, uint64_t seq, int timeout_ms, uint64_t *ret_seq)
{
	int r;

	pthread_mutex_lock(&shelf->lock);
	r = wait_for(shelf, &shelf->seq, seq + 1, timeout_ms);
	*ret_seq = shelf->seq;
	pthread_mutex_unlock(&shelf->lock);
	return r;
}

void dpk_shelf_exposed(struct dpk_shelf *shelf, uint64_t seq)
{
	pthread_mutex_lock(&shelf->lock);
	if (seq > shelf->exposed)
		shelf->exposed = seq;
	pthread_cond_broadcast(&shelf->changed);
	pthread_mutex_unlock(&shelf->lock);
}

int dpk_shelf_wait_exposed(struct dpk_shelf *shelf, uint64_t seq, int timeout_ms)
{
	int r;

	pthread_mutex_lock(&shelf->lock);
	r = wait_for(shelf, &shelf->exposed, seq, timeout_ms);
	pthread_mutex_unlock(&shelf->lock);
	return r;
}

void dpk_shelf_count(struct dpk_shelf *shelf, enum dpk_request request)
{
	atomic_fetch_add_explicit(&shelf->requests[request], 1, memory_order_relaxed);
}

uint64_t dpk_shelf_counted(struct dpk_shelf *shelf, enum dpk_request request)
{
	return atomic_load_explicit(&shelf->requests[request], memory_order_relaxed);
}
