/* SPDX-License-Identifier: MIT */
/* Signed mode: what the engine believes, and since when. */
#include "engine/trust.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/ticks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_JUMP (5 * DPK_TICKS_PER_MIN)
/* a machine that was off for longer than this has more likely a wrong clock */
#define OFF_MAX (366 * DPK_TICKS_PER_DAY)
/* how long a running daemon shows a ring that new pins do not vouch for */
#define UNPINNED_MAX_MS (UINT64_C(24) * 3600 * 1000)

/* The age of a signature, on a node whose clock may be wrong. */
static uint64_t age_of(int64_t issued, int64_t last_known, int64_t now)
{
	int64_t known = issued > last_known ? issued : last_known;

	if (now <= issued || now > known + OFF_MAX)
		return 0;
	return (uint64_t)((now - issued) / DPK_TICKS_PER_MS);
}

static int64_t saved_time(struct dpk_engine *engine)
{
	char *value = NULL;
	int64_t at = 0;

	if (dpk_journal_get(engine->journal, "synced_at", &value) == 0)
		at = strtoll(value, NULL, 10);
	free(value);
	return at;
}

static bool journal_says(struct dpk_engine *engine, const char *name, const char *wanted)
{
	char *value = NULL;
	bool same = dpk_journal_get(engine->journal, name, &value) == 0 &&
		    (!wanted || strcmp(value, wanted) == 0);

	free(value);
	return same;
}

static int load_floor(struct dpk_engine *engine, const struct dpk_config *config,
	struct dpk_signed_state *signing, struct dpk_err *err)
{
	_cleanup_(freep) uint8_t *envelope = NULL;
	struct dpk_acceptance accepted;
	int r = dpk_journal_accepted(engine->journal, &config->ring_id, &accepted, &envelope);

	if (r < 0 && r != -ENOENT)
		return dpk_err_set(err, r, "the journal's floor cannot be read");
	if (r == 0)
		r = dpk_hash(envelope, accepted.envelope_size, engine->envelope_sha256);
	if (r == 0) {
		signing->floor = accepted.floor;
		signing->issued = accepted.issued;
		signing->expires = accepted.expires;
		signing->age_ms = age_of(accepted.issued, saved_time(engine), dpk_ticks_now());
		signing->mono_ms = dpk_monotonic_ms();
	}
	signing->floor.min_epoch = config->min_epoch;
	signing->floor.min_version = config->min_version;
	return 0;
}

static void note_lost_floor(struct dpk_engine *engine, struct dpk_signed_state *signing)
{
	if (dpk_journal_was_lost(engine->journal) && !signing->floor.known &&
		!journal_says(engine, "floor_lost", NULL)) {
		dpk_journal_set(engine->journal, "floor_lost", "yes");
		dpk_cycle_event(engine, DPK_LOG_WARNING, "floor-lost",
			"FLOOR LOST: the journal is gone, and with it the versions that this node has "
			"accepted; only a snapshot that has not expired is taken, from min_epoch and "
			"min_version on. When you know why: dpkeyctl accept-floor");
	}
	signing->floor_lost = journal_says(engine, "floor_lost", NULL);
}

int dpk_trust_open(struct dpk_engine *engine, const struct dpk_config *config, struct dpk_err *err)
{
	struct dpk_signed_state signing = { 0 }, old = engine->state.signing;
	bool downgraded = false;
	int r = 0;

	if (config->signers) {
		r = dpk_pins_load(config, &signing.signers, &signing.pins, err);
		if (r == 0)
			r = load_floor(engine, config, &signing, err);
		if (r < 0) {
			dpk_signers_free(signing.signers);
			return r;
		}
		note_lost_floor(engine, &signing);
	} else {
		downgraded = journal_says(engine, "authenticity", "signed");
	}
	dpk_state_lock(&engine->state);
	engine->state.signing = signing;
	engine->state.downgraded = downgraded;
	dpk_state_unlock_changed(&engine->state);
	dpk_signers_free(old.signers);
	if (downgraded)
		dpk_cycle_event(engine, DPK_LOG_ERROR, "downgrade",
			"this node has accepted signed rings, and no signers are configured any more; "
			"the ring stays and the store is not asked. Set signers=, or: dpkeyctl "
			"accept-unsigned");
	return 0;
}

static bool lists(
	const struct dpk_manifest *manifest, const char *name, const void *data, size_t size)
{
	uint8_t sha256[DPK_HASH_BYTES];

	if (dpk_hash(data, size, sha256) < 0)
		return false;
	for (size_t i = 0; i < manifest->file_count; i++)
		if (strcmp(manifest->files[i].name, name) == 0)
			return memcmp(manifest->files[i].sha256, sha256, DPK_HASH_BYTES) == 0;
	return false;
}

/* The accepted envelope, under today's pins. */
static int read_accepted(struct dpk_engine *engine, struct dpk_signed *ret_signed)
{
	const struct dpk_pins *pins = &engine->state.signing.pins;
	_cleanup_(freep) uint8_t *envelope = NULL;
	struct dpk_refusal refusal = { 0 };
	struct dpk_acceptance accepted;
	struct dpk_blob blob;
	int r = dpk_journal_accepted(engine->journal, &pins->ring, &accepted, &envelope);

	if (r < 0)
		return r;
	r = dpk_blob_init(&blob, "journal", "journal", envelope, accepted.envelope_size);
	if (r < 0)
		return r;
	r = dpk_signed_read(pins, NULL, 0, &blob, ret_signed, &refusal);
	dpk_blob_fini(&blob);
	if (r == DPK_REFUSED)
		dpk_warning("the accepted snapshot: %s: %s", dpk_verdict_code(refusal.verdict),
			refusal.text);
	return r == DPK_REFUSED ? -EBADMSG : r;
}

bool dpk_trust_vouches(
	struct dpk_engine *engine, const struct dpk_journal_entry *entries, size_t count)
{
	struct dpk_signed_state *signing = &engine->state.signing;
	struct dpk_signed snapshot;
	bool listed = true;

	if (!signing->signers)
		return true;
	if (read_accepted(engine, &snapshot) < 0)
		return false;
	for (size_t i = 0; i < count && listed; i++)
		listed = lists(&snapshot.manifest, entries[i].blob.name, entries[i].blob.data,
			entries[i].blob.size);
	dpk_signed_fini(&snapshot);
	signing->served = listed;
	return listed;
}

static bool ring_is_listed(struct dpk_engine *engine)
{
	const struct dpk_ring *ring = &engine->state.ring;
	struct dpk_signed snapshot;
	bool listed = true;

	if (read_accepted(engine, &snapshot) < 0)
		return false;
	for (size_t i = 0; i < ring->count && listed; i++) {
		size_t size;
		const uint8_t *data = dpk_key_data(ring->members[i].key, &size);

		listed = lists(&snapshot.manifest, dpk_key_name(ring->members[i].key), data, size);
	}
	dpk_signed_fini(&snapshot);
	return listed;
}

void dpk_trust_reverify(struct dpk_engine *engine)
{
	struct dpk_signed_state *signing = &engine->state.signing;
	bool listed;

	if (!signing->signers || engine->state.generation == 0 || engine->state.withdrawn)
		return;
	listed = ring_is_listed(engine);
	dpk_state_lock(&engine->state);
	signing->served = listed;
	signing->unpinned_mono_ms = listed ? 0 : dpk_monotonic_ms();
	dpk_state_unlock_changed(&engine->state);
	if (!listed)
		dpk_cycle_event(engine, DPK_LOG_ERROR, "unpinned",
			"the pinned signers do not vouch for the ring that is served; it stays for 24 "
			"hours at most, and not over a restart. Publish a snapshot that they have signed");
}

void dpk_trust_acceptance(const struct dpk_engine *engine, const struct dpk_reading *reading,
	struct dpk_acceptance *ret_accepted)
{
	const struct dpk_blob *envelope = &reading->harvest.snapshots.items[0];

	*ret_accepted = (struct dpk_acceptance){
		.ring = reading->snapshot.manifest.ring,
		.floor = engine->state.signing.floor,
		.issued = reading->snapshot.manifest.issued,
		.expires = reading->snapshot.manifest.expires,
		.envelope = envelope->data,
		.envelope_size = envelope->size,
	};
	/*
	 * Only a newer version settles the pins: whoever has just changed them must
	 * still be able to raise the epoch, although the old snapshot is read once more.
	 */
	if (engine->state.signing.floor.known &&
		engine->state.signing.floor.epoch == reading->snapshot.manifest.epoch &&
		engine->state.signing.floor.version == reading->snapshot.manifest.version)
		return;
	dpk_floor_raise(&ret_accepted->floor, reading->snapshot.pins, &reading->snapshot.manifest);
}

bool dpk_trust_is_news(const struct dpk_engine *engine, const struct dpk_acceptance *accepted)
{
	const struct dpk_signed_state *signing = &engine->state.signing;
	const struct dpk_floor *old = &signing->floor, *new = &accepted->floor;
	uint8_t sha256[DPK_HASH_BYTES];

	return !old->known || !signing->served || old->epoch != new->epoch ||
	       old->version != new->version ||
	       /* signed again, by more or other signers */
	       dpk_hash(accepted->envelope, accepted->envelope_size, sha256) < 0 ||
	       memcmp(engine->envelope_sha256, sha256, DPK_HASH_BYTES) != 0;
}

void dpk_trust_accepted(struct dpk_engine *engine, const struct dpk_acceptance *accepted)
{
	struct dpk_signed_state *signing = &engine->state.signing;
	bool news = signing->floor.epoch != accepted->floor.epoch ||
		    signing->floor.version != accepted->floor.version;
	int64_t now = dpk_ticks_now();

	/* without a digest it is only taken for news once more */
	if (dpk_hash(accepted->envelope, accepted->envelope_size, engine->envelope_sha256) < 0)
		memset(engine->envelope_sha256, 0, DPK_HASH_BYTES);
	dpk_state_lock(&engine->state);
	signing->floor = accepted->floor;
	signing->served = true;
	signing->issued = accepted->issued;
	signing->expires = accepted->expires;
	signing->age_ms = age_of(accepted->issued, now - OFF_MAX, now);
	signing->mono_ms = dpk_monotonic_ms();
	signing->unpinned_mono_ms = 0;
	dpk_state_unlock_changed(&engine->state);
	if (news)
		dpk_cycle_event(engine, DPK_LOG_NOTICE, "accepted", "epoch %llu, version %llu",
			(unsigned long long)accepted->floor.epoch,
			(unsigned long long)accepted->floor.version);
}

void dpk_trust_words(struct dpk_engine *engine, bool floor, bool unsigned_ring)
{
	if (floor && dpk_journal_set(engine->journal, "floor_lost", NULL) == 0) {
		dpk_state_lock(&engine->state);
		engine->state.signing.floor_lost = false;
		dpk_state_unlock_changed(&engine->state);
		dpk_cycle_event(engine, DPK_LOG_NOTICE, "accept-floor",
			"an administrator knows that the floor was lost");
	}
	if (unsigned_ring && engine->state.downgraded &&
		dpk_journal_set(engine->journal, "authenticity", "unsigned") == 0) {
		dpk_state_lock(&engine->state);
		engine->state.downgraded = false;
		dpk_state_unlock_changed(&engine->state);
		dpk_cycle_event(engine, DPK_LOG_WARNING, "accept-unsigned",
			"an administrator gave up signatures: from now on whoever can write the store "
			"can add keys to this ring");
	}
}

void dpk_trust_watch_clock(struct dpk_engine *engine)
{
	int64_t wall = dpk_ticks_now();
	uint64_t mono = dpk_monotonic_ms();
	int64_t jump = 0;

	if (engine->clock_wall)
		jump = wall - engine->clock_wall -
		       (int64_t)(mono - engine->clock_mono_ms) * DPK_TICKS_PER_MS;
	engine->clock_wall = wall;
	engine->clock_mono_ms = mono;
	if (llabs(jump) < CLOCK_JUMP)
		return;
	dpk_state_lock(&engine->state);
	engine->state.clock_jump = jump;
	engine->state.clock_jump_at = wall;
	dpk_state_unlock_changed(&engine->state);
	dpk_cycle_event(engine, DPK_LOG_WARNING, "clock", "the wall clock jumped %s by %llu s",
		jump < 0 ? "back" : "ahead", (unsigned long long)(llabs(jump) / DPK_TICKS_PER_SEC));
}

int64_t dpk_trust_until_withdrawal(const struct dpk_engine *engine)
{
	uint64_t since = engine->state.signing.unpinned_mono_ms, age;

	if (!since || engine->state.withdrawn)
		return -1;
	age = dpk_monotonic_ms() - since;
	return age >= UNPINNED_MAX_MS ? 0 : (int64_t)(UNPINNED_MAX_MS - age);
}
