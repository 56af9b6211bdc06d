/* SPDX-License-Identifier: MIT */
/* The shelf: what is published, taken, waited for and closed, also by many threads. */
#include "base/ticks.h"
#include "engine/freeze.h"
#include "engine/shelf.h"

#include "tests/tap.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define TAKERS     3
#define ROUNDS_MAX 4000

/* A snapshot whose content is its generation. */
static struct dpk_snapshot *snapshot(uint64_t generation)
{
	const struct dpk_file file = {
		.name = "key.xml", .data = &generation, .size = sizeof(generation)
	};
	struct dpk_snapshot *snap = NULL;

	if (dpk_snapshot_freeze(generation, &file, 1, &snap, NULL) < 0)
		abort();
	return snap;
}

static uint64_t publish(struct dpk_shelf *shelf, uint64_t generation)
{
	struct dpk_snapshot *snap = snapshot(generation);
	uint64_t seq = dpk_shelf_publish(shelf, snap);

	dpk_snapshot_unref(snap);
	return seq;
}

static void test_basics(void)
{
	struct dpk_shelf *shelf = dpk_shelf_new();
	struct dpk_snapshot *old, *snap;
	uint64_t seq = 99, since;

	ok(!dpk_shelf_take(shelf), "an empty shelf");
	is_num(dpk_shelf_wait(shelf, 0, 0, &seq), -ETIMEDOUT, "nothing has happened");
	is_num(publish(shelf, 1), 1, "the first publication");
	is_num(dpk_shelf_wait(shelf, 0, -1, &seq), 0, "has happened");
	is_num(seq, 1, "under its number");
	old = dpk_shelf_take(shelf);
	is_num(publish(shelf, 2), 2, "the second");
	snap = dpk_shelf_take(shelf);
	ok(dpk_snapshot_generation(old) == 1 && dpk_snapshot_generation(snap) == 2,
		"who took the first keeps it");
	dpk_snapshot_unref(old);
	dpk_snapshot_unref(snap);
	is_num(dpk_shelf_withdraw(shelf), 3, "a withdrawal");
	ok(!dpk_shelf_take(shelf), "empties the shelf");
	is_num(dpk_shelf_wait(shelf, 1, 0, &seq), 0, "a waiter that missed one");
	is_num(seq, 3, "hears of the newest");
	since = dpk_monotonic_ms();
	is_num(dpk_shelf_wait(shelf, 3, 60, &seq), -ETIMEDOUT, "a waiter that missed none");
	ok(dpk_monotonic_ms() - since >= 59, "waits its time");
	is_num(dpk_shelf_wait_exposed(shelf, 3, 0), -ETIMEDOUT, "not exposed yet");
	dpk_shelf_exposed(shelf, 3);
	dpk_shelf_exposed(shelf, 2);
	is_num(dpk_shelf_wait_exposed(shelf, 3, -1), 0, "exposed, and it does not go back");
	dpk_shelf_count(shelf, DPK_REQUEST_OPEN);
	dpk_shelf_count(shelf, DPK_REQUEST_OPEN);
	is_num(dpk_shelf_counted(shelf, DPK_REQUEST_OPEN), 2, "requests are counted");
	is_num(dpk_shelf_counted(shelf, DPK_REQUEST_READ), 0, "each by itself");
	publish(shelf, 3);
	dpk_shelf_close(shelf);
	is_num(dpk_shelf_wait(shelf, 0, -1, &seq), -ESHUTDOWN, "closed");
	is_num(dpk_shelf_wait_exposed(shelf, 99, -1), -ESHUTDOWN, "for everybody");
	snap = dpk_shelf_take(shelf);
	ok(snap, "what is there can still be taken");
	dpk_snapshot_unref(snap);
	dpk_shelf_free(shelf);
	dpk_shelf_free(NULL);
}

static struct {
	struct dpk_shelf *shelf;
	atomic_bool done;
	atomic_ulong taken, wrong, woken;
} stage;

static void *take_all(void *arg)
{
	uint64_t last = 0;

	(void)arg;
	while (!atomic_load(&stage.done)) {
		struct dpk_snapshot *snap = dpk_shelf_take(stage.shelf);
		uint64_t content;

		if (!snap)
			continue;
		memcpy(&content, dpk_snapshot_at(snap, 0)->data, sizeof(content));
		if (content != dpk_snapshot_generation(snap) || content < last)
			atomic_fetch_add(&stage.wrong, 1);
		last = content;
		dpk_shelf_count(stage.shelf, DPK_REQUEST_READ);
		dpk_snapshot_unref(snap);
		atomic_fetch_add(&stage.taken, 1);
	}
	return NULL;
}

/* fs/'s notify thread: waits, looks, says that it is exposed. */
static void *expose_all(void *arg)
{
	uint64_t seq = 0, next;

	(void)arg;
	while (dpk_shelf_wait(stage.shelf, seq, -1, &next) == 0) {
		struct dpk_snapshot *snap = dpk_shelf_take(stage.shelf);

		if (next <= seq)
			atomic_fetch_add(&stage.wrong, 1);
		seq = next;
		dpk_snapshot_unref(snap);
		dpk_shelf_exposed(stage.shelf, seq);
		atomic_fetch_add(&stage.woken, 1);
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t takers[TAKERS], exposer;
	uint64_t rounds = getenv("DPK_TEST_MEMCHECK") ? ROUNDS_MAX / 20 : ROUNDS_MAX;
	unsigned int failed = 0;

	stage.shelf = dpk_shelf_new();
	for (int i = 0; i < TAKERS; i++)
		pthread_create(&takers[i], NULL, take_all, NULL);
	pthread_create(&exposer, NULL, expose_all, NULL);
	for (uint64_t i = 1; i <= rounds; i++) {
		uint64_t seq = publish(stage.shelf, i);

		if (i % 7 == 0)
			seq = dpk_shelf_withdraw(stage.shelf);
		if (i % 3 == 0)
			failed += dpk_shelf_wait_exposed(stage.shelf, seq, 10000) != 0;
	}
	publish(stage.shelf, rounds + 1);
	while (atomic_load(&stage.taken) == 0)
		sched_yield();
	atomic_store(&stage.done, true);
	dpk_shelf_close(stage.shelf);
	for (int i = 0; i < TAKERS; i++)
		pthread_join(takers[i], NULL);
	pthread_join(exposer, NULL);
	is_num(stage.wrong, 0, "what was taken is whole, and never older than before");
	is_num(failed, 0, "each publication was exposed");
	ok(stage.woken > 0, "%lu waits returned", (unsigned long)stage.woken);
	is_num(dpk_shelf_counted(stage.shelf, DPK_REQUEST_READ), (int64_t)stage.taken,
		"no count was lost");
	dpk_shelf_free(stage.shelf);
}

int main(void)
{
	test_basics();
	test_threads();
	return tap_done();
}
