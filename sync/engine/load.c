/* SPDX-License-Identifier: MIT */
/* What the journal holds, trusted no more than a store: verified under today's configuration. */
#include "engine/prove.h"
#include "engine/trust.h"

#include "base/err.h"
#include "base/log.h"
#include "base/ticks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Adds the blob to RING if it verifies and opens, else to REJECTIONS. */
static int admit(struct dpk_prover *prover, const struct dpk_blob *blob, int64_t first_seen,
	struct dpk_ring *ring, struct dpk_rejections *rejections)
{
	struct dpk_engine *engine = prover->engine;
	struct dpk_trust trust = { engine->state.certs,
		engine->state.config.unwrapped == DPK_UNWRAPPED_ACCEPT };
	struct dpk_refusal refusal = { 0 };
	uint8_t sha256[DPK_HASH_BYTES];
	struct dpk_key *key = NULL;
	int r = dpk_verify(&trust, blob, &key, &refusal);

	if (r == 0)
		r = dpk_prove(prover, key, &refusal);
	if (r != 0)
		key = dpk_key_unref(key);
	if (r < 0)
		return r;
	if (r == DPK_REFUSED) {
		r = dpk_hash(blob->data, blob->size, sha256);
		if (r == 0)
			r = dpk_rejections_add(
				rejections, blob->origin, blob->name, &refusal, sha256);
		dpk_warning("%s of the journal is not served any more: %s: %s", blob->name,
			dpk_verdict_code(refusal.verdict), refusal.text);
		return r;
	}
	r = dpk_ring_add(ring, key, first_seen);
	dpk_key_unref(key);
	return r == -EEXIST ? -EBADMSG : r;
}

static bool lost_revocation(
	const struct dpk_engine *engine, const struct dpk_rejections *rejections)
{
	if (engine->state.config.on_bad_revocation == DPK_ON_DOUBT_SERVE)
		return false;
	for (size_t i = 0; i < rejections->count; i++)
		if (rejections->items[i].could_be_revocation)
			return true;
	return false;
}

/* Puts RING (consumed) on the shelf; as a generation of its own if members fell away. */
static int show(struct dpk_engine *engine, uint64_t generation, struct dpk_ring *ring,
	struct dpk_rejections *rejections, struct dpk_err *err)
{
	struct dpk_commit commit = { .ring = ring, .now = dpk_ticks_now(), .after = generation };
	int r = 0;

	if (dpk_ring_keys(ring) == 0 || lost_revocation(engine, rejections)) {
		dpk_ring_fini(ring);
		return 0;
	}
	if (rejections->count > 0)
		r = dpk_journal_commit(engine->journal, &commit, &generation, err);
	if (r == 0)
		r = dpk_cycle_publish(engine, generation, ring, err);
	dpk_ring_fini(ring);
	return r;
}

static void take_rejections(struct dpk_engine *engine, struct dpk_rejections *rejections)
{
	for (size_t i = 0; i < rejections->count; i++) {
		rejections->items[i].first_seen = dpk_ticks_now();
		rejections->items[i].hits = 1;
	}
	dpk_state_lock(&engine->state);
	dpk_rejections_fini(&engine->state.rejections);
	engine->state.rejections = *rejections;
	dpk_state_unlock_changed(&engine->state);
	*rejections = (struct dpk_rejections){ 0 };
}

static int load_ring(struct dpk_engine *engine, struct dpk_err *err)
{
	struct dpk_rejections rejections = { 0 };
	struct dpk_journal_entry *entries = NULL;
	struct dpk_prover prover = { 0 };
	struct dpk_ring ring = { 0 };
	uint64_t generation = 0;
	size_t count = 0;
	int r = dpk_journal_load(engine->journal, &generation, &entries, &count, err);

	if (r == 0 && count > 0 && !dpk_trust_vouches(engine, entries, count)) {
		dpk_cycle_event(engine, DPK_LOG_ERROR, "unpinned",
			"the pinned signers do not vouch for the ring of the journal; it is not shown, "
			"the mount answers EIO until they have signed one");
		dpk_journal_entries_free(entries, count);
		return 0;
	}
	if (r == 0)
		r = dpk_prover_begin(&prover, engine);
	for (size_t i = 0; i < count && r == 0; i++)
		r = admit(&prover, &entries[i].blob, entries[i].first_seen, &ring, &rejections);
	dpk_prover_end(&prover);
	if (r == 0 && count > 0)
		r = show(engine, generation, &ring, &rejections, err);
	if (r == 0 && rejections.count > 0)
		take_rejections(engine, &rejections);
	dpk_ring_fini(&ring);
	dpk_rejections_fini(&rejections);
	dpk_journal_entries_free(entries, count);
	return r;
}

static void load_texts(struct dpk_engine *engine)
{
	char policy[2 * DPK_HASH_BYTES + 1];
	char *value = NULL;

	if (dpk_journal_get(engine->journal, "synced_at", &value) == 0) {
		int64_t now = dpk_ticks_now(), at = strtoll(value, NULL, 10);

		/* a clock that was ahead must not make the ring look younger than new */
		engine->state.synced_at = at;
		engine->state.synced_age_ms =
			at < now ? (uint64_t)((now - at) / DPK_TICKS_PER_MS) : 0;
		engine->state.synced_mono_ms = dpk_monotonic_ms();
		engine->synced_saved = at;
		free(value);
	}
	value = NULL;
	if (dpk_cycle_policy(engine, policy) < 0 ||
		dpk_journal_get(engine->journal, "token_policy", &value) < 0)
		return;
	if (strcmp(value, policy) == 0 && engine->state.generation > 0) {
		free(value);
		value = NULL;
		if (dpk_journal_get(engine->journal, "token", &value) == 0 &&
			strlen(value) <= DPK_TOKEN_MAX)
			memcpy(engine->token, value, strlen(value) + 1);
	}
	free(value);
}

static void load_past(struct dpk_engine *engine)
{
	struct dpk_generation *generations = NULL;
	struct dpk_event *events = NULL;
	size_t count = 0;

	if (dpk_journal_events(engine->journal, DPK_STATE_EVENTS, &events, &count) == 0) {
		for (size_t i = 0; i < count; i++)
			dpk_state_add_event(
				&engine->state, events[i].code, events[i].at, events[i].detail);
		dpk_events_free(events, count);
	}
	if (dpk_journal_history(engine->journal, DPK_STATE_HISTORY, &generations, &count) == 0) {
		for (size_t i = 0; i < count; i++)
			dpk_state_add_generation(&engine->state, &generations[i]);
		free(generations);
	}
}

int dpk_cycle_load(struct dpk_engine *engine, struct dpk_err *err)
{
	int r = dpk_trust_open(engine, &engine->state.config, err);

	if (r == 0)
		r = dpk_prove_open(engine, &engine->state.config, err);
	if (r == 0)
		r = load_ring(engine, err);

	if (r == -EBADMSG) {
		dpk_warning("%s; it is set aside, and the ring comes from the store",
			dpk_err_text(err));
		r = dpk_journal_set_aside(engine->journal, err);
		if (r == 0)
			r = dpk_trust_open(engine, &engine->state.config, err);
		if (r == 0)
			dpk_cycle_event(engine, DPK_LOG_WARNING, "journal",
				"a damaged journal was set aside; it is still there, beside the new one");
	}
	if (r < 0)
		return r;
	load_texts(engine);
	load_past(engine);
	if (engine->state.generation > 0)
		dpk_cycle_event(engine, DPK_LOG_NOTICE, "started",
			"generation %llu from the journal, %zu elements",
			(unsigned long long)engine->state.generation, engine->state.ring.count);
	else
		dpk_cycle_event(engine, DPK_LOG_NOTICE, "started", "no ring in the journal yet");
	return 0;
}

/* The members of the served ring as blobs again, judged by the new trust. */
static int readmit(
	struct dpk_prover *prover, struct dpk_ring *ring, struct dpk_rejections *rejections)
{
	const struct dpk_engine *engine = prover->engine;

	for (size_t i = 0; i < engine->state.ring.count; i++) {
		const struct dpk_member *member = &engine->state.ring.members[i];
		struct dpk_blob blob;
		size_t size;
		const uint8_t *data = dpk_key_data(member->key, &size);
		int r = dpk_blob_init(&blob, "journal", dpk_key_name(member->key), data, size);

		if (r == 0) {
			r = admit(prover, &blob, member->first_seen, ring, rejections);
			dpk_blob_fini(&blob);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Nothing of the ring may be served; what still verifies is what a next plan starts from. */
static void forget_ring(struct dpk_engine *engine, struct dpk_ring *ring)
{
	struct dpk_ring old;

	dpk_cycle_withdraw(engine);
	dpk_state_lock(&engine->state);
	old = engine->state.ring;
	engine->state.ring = *ring;
	dpk_state_unlock_changed(&engine->state);
	*ring = (struct dpk_ring){ 0 };
	dpk_ring_fini(&old);
	dpk_cycle_event(engine, DPK_LOG_WARNING, "withdrawn",
		"under the new configuration the ring does not verify any more");
}

void dpk_cycle_reverify(struct dpk_engine *engine)
{
	struct dpk_rejections rejections = { 0 };
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_ring ring = { 0 };
	struct dpk_prover prover;
	int r = dpk_prover_begin(&prover, engine);

	if (r == 0)
		r = readmit(&prover, &ring, &rejections);
	dpk_prover_end(&prover);

	if (r == 0 && rejections.count > 0) {
		if (dpk_ring_keys(&ring) == 0 || lost_revocation(engine, &rejections))
			forget_ring(engine, &ring);
		r = show(engine, engine->state.generation, &ring, &rejections, &err);
		take_rejections(engine, &rejections);
	}
	dpk_trust_reverify(engine);
	if (r < 0)
		dpk_cycle_event(engine, DPK_LOG_WARNING, "reload",
			"the ring could not be verified anew: %s", dpk_err_text(&err));
	dpk_ring_fini(&ring);
	dpk_rejections_fini(&rejections);
}

void dpk_cycle_withdraw(struct dpk_engine *engine)
{
	dpk_state_lock(&engine->state);
	engine->state.withdrawn = true;
	dpk_state_unlock_changed(&engine->state);
	dpk_shelf_withdraw(engine->shelf);
}
