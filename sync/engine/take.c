/* SPDX-License-Identifier: MIT */
/* Taking what a plan says: written down first, shown second. */
#include "engine/take.h"

#include "base/err.h"
#include "base/log.h"
#include "base/ticks.h"
#include "engine/snapshot-build.h"
#include "engine/trust.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

/* a swap takes milliseconds; a machine that swaps memory may take longer */
#define EXPOSE_WAIT_MS 30000

int dpk_cycle_publish(
	struct dpk_engine *engine, uint64_t generation, struct dpk_ring *ring, struct dpk_err *err)
{
	struct dpk_snapshot *snap = NULL;
	struct dpk_ring old;
	uint64_t seq;
	int r = dpk_snapshot_build(generation, ring, &snap, err);

	if (r < 0)
		return r;
	dpk_state_lock(&engine->state);
	old = engine->state.ring;
	engine->state.ring = *ring;
	engine->state.generation = generation;
	engine->state.withdrawn = false;
	dpk_state_unlock_changed(&engine->state);
	*ring = (struct dpk_ring){ 0 };
	dpk_ring_fini(&old);
	seq = dpk_shelf_publish(engine->shelf, snap);
	dpk_snapshot_unref(snap);
	if (engine->running && dpk_shelf_wait_exposed(engine->shelf, seq, EXPOSE_WAIT_MS) == 0)
		engine->exposed = generation;
	eventfd_write(engine->status_fd, 1);
	return 0;
}

static void run_hook(struct dpk_engine *engine, uint64_t generation)
{
	struct dpk_err err = DPK_ERR_INIT;
	char number[24];

	if (!engine->state.config.on_change)
		return;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)generation);
	/* one at a time: the newest generation is the one that matters */
	if (engine->hook_pid > 0)
		dpk_run_hook_kill(engine->hook_pid);
	engine->hook_pid = 0;
	if (dpk_run_hook(engine->state.config.on_change, number, &engine->hook_pid, &err) < 0)
		dpk_cycle_event(engine, DPK_LOG_WARNING, "on-change", "%s", dpk_err_text(&err));
}

static int commit(struct dpk_engine *engine, const struct dpk_plan *plan,
	const struct dpk_acceptance *accepted, uint64_t *ret_generation)
{
	struct dpk_generation generation = { .committed = dpk_ticks_now() };
	struct dpk_commit commit = { .ring = &plan->ring,
		.removed = plan->removed,
		.removed_count = plan->removed_count,
		.now = generation.committed,
		.after = engine->state.generation,
		.accepted = accepted };
	struct dpk_err err = DPK_ERR_INIT;
	int r;

	for (int attempt = 0; attempt < 2; attempt++) {
		r = dpk_journal_commit(engine->journal, &commit, &generation.number, &err);
		if (r == 0)
			break;
		/* what SQLite holds in memory is not to be trusted after a failed write */
		dpk_warning("%s", dpk_err_text(&err));
		if (attempt == 1 || dpk_journal_reopen(engine->journal, &err) < 0)
			break;
	}
	if (r < 0) {
		dpk_cycle_trouble(engine, DPK_VERDICT_JOURNAL, dpk_err_text(&err));
		return r;
	}
	generation.keys = dpk_ring_keys(&plan->ring);
	generation.revocations = plan->ring.count - generation.keys;
	dpk_state_lock(&engine->state);
	dpk_state_add_generation(&engine->state, &generation);
	dpk_state_unlock_changed(&engine->state);
	*ret_generation = generation.number;
	return 0;
}

static void tell_change(struct dpk_engine *engine, uint64_t generation, const struct dpk_ring *old,
	const struct dpk_ring *ring)
{
	size_t added = 0, left = 0, replaced = 0;

	for (size_t i = 0; i < ring->count; i++) {
		const struct dpk_member *was =
			dpk_ring_find(old, dpk_key_name(ring->members[i].key));

		added += !was;
		replaced +=
			was && memcmp(dpk_key_sha256(was->key),
				       dpk_key_sha256(ring->members[i].key), DPK_HASH_BYTES) != 0;
	}
	for (size_t i = 0; i < old->count; i++)
		left += !dpk_ring_find(ring, dpk_key_name(old->members[i].key));
	dpk_cycle_event(engine, DPK_LOG_NOTICE, "generation",
		"%llu: %zu elements (%zu added, %zu replaced, %zu removed)",
		(unsigned long long)generation, ring->count, added, replaced, left);
}

/* Written down first, shown second. */
static int take_plan(
	struct dpk_engine *engine, struct dpk_plan *plan, const struct dpk_acceptance *accepted)
{
	struct dpk_err err = DPK_ERR_INIT;
	uint64_t generation;
	int r = commit(engine, plan, accepted, &generation);

	if (r < 0)
		return r;
	if (accepted)
		dpk_trust_accepted(engine, accepted);
	tell_change(engine, generation, &engine->state.ring, &plan->ring);
	r = dpk_cycle_publish(engine, generation, &plan->ring, &err);
	if (r < 0) {
		dpk_cycle_trouble(engine, DPK_VERDICT_NAME, dpk_err_text(&err));
		return r;
	}
	run_hook(engine, generation);
	return 0;
}

/* A snapshot that changes no element may still raise the floor, or bring new signatures. */
static int take_signature(struct dpk_engine *engine, const struct dpk_acceptance *accepted)
{
	struct dpk_err err = DPK_ERR_INIT;
	int r;

	if (!dpk_trust_is_news(engine, accepted))
		return 0;
	r = dpk_journal_accept(engine->journal, accepted, &err);
	if (r < 0) {
		dpk_journal_reopen(engine->journal, NULL);
		dpk_cycle_trouble(engine, DPK_VERDICT_JOURNAL, dpk_err_text(&err));
		return r;
	}
	dpk_trust_accepted(engine, accepted);
	return 0;
}

/* Written down, and shown if it changes something. */
int dpk_take(struct dpk_engine *engine, const struct dpk_reading *reading, struct dpk_plan *plan,
	bool changed)
{
	struct dpk_acceptance accepted;

	if (!reading->is_signed)
		return changed ? take_plan(engine, plan, NULL) : 0;
	if (plan->hold != DPK_HOLD_NONE)
		return 0;
	dpk_trust_acceptance(engine, reading, &accepted);
	if (changed)
		return take_plan(engine, plan, &accepted);
	/* nothing of it can be served: neither can it be the proof of what is */
	return dpk_ring_keys(&plan->ring) > 0 ? take_signature(engine, &accepted) : 0;
}
