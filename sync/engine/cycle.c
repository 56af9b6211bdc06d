/* SPDX-License-Identifier: MIT */
/* One cycle: fetch, judge, plan, write down, show. In this order, and never past a failure. */
#include "engine/engine-internal.h"

#include "base/err.h"
#include "base/log.h"
#include "base/ticks.h"
#include "engine/prove.h"
#include "engine/take.h"
#include "engine/trust.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* An ETag of some servers does not change within a second; now and then ask for the whole. */
#define FULL_READ_EVERY 20

void dpk_cycle_event(
	struct dpk_engine *engine, int level, const char *code, const char *format, ...)
{
	struct dpk_event event = { .at = dpk_ticks_now() };
	char detail[768];
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	dpk_log((enum dpk_log_level)level, "%s: %s", code, detail);
	snprintf(event.code, sizeof(event.code), "%s", code);
	event.detail = detail;
	if (engine->journal && dpk_journal_add_event(engine->journal, &event) < 0)
		dpk_debug("the event could not be written into the journal");
	dpk_state_lock(&engine->state);
	dpk_state_add_event(&engine->state, code, event.at, detail);
	dpk_state_unlock_changed(&engine->state);
}

int dpk_cycle_policy(struct dpk_engine *engine, char ret_hex[static 2 * DPK_HASH_BYTES + 1])
{
	const struct dpk_state *state = &engine->state;
	uint8_t digest[DPK_HASH_BYTES] = { (uint8_t)state->config.unwrapped,
		(uint8_t)state->config.on_bad_revocation };
	int r = dpk_hash2(digest, 2, state->source.url, strlen(state->source.url), digest);

	for (size_t i = 0; state->certs && i < dpk_certs_count(state->certs) && r == 0; i++)
		r = dpk_hash2(digest, sizeof(digest), dpk_certs_at(state->certs, i)->sha256,
			DPK_HASH_BYTES, digest);
	if (r == 0 && engine->proves)
		r = dpk_hash2(digest, sizeof(digest), engine->open_policy, DPK_HASH_BYTES, digest);
	if (r == 0 && state->signing.signers) {
		uint8_t pins[DPK_HASH_BYTES];

		r = dpk_signers_digest(state->signing.signers, state->signing.pins.threshold, pins);
		if (r == 0)
			r = dpk_hash2(digest, sizeof(digest), pins, sizeof(pins), digest);
		if (r == 0)
			r = dpk_hash2(
				digest, sizeof(digest), state->signing.pins.ring.b, 16, digest);
	}
	for (size_t i = 0; i < DPK_HASH_BYTES; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
	return r;
}

/* Remembers trouble; one event when it begins or changes its kind. */
void dpk_cycle_trouble(struct dpk_engine *engine, enum dpk_verdict reason, const char *text)
{
	struct dpk_trouble *trouble = &engine->state.trouble;
	bool news;

	dpk_state_lock(&engine->state);
	news = trouble->reason != reason;
	if (news)
		trouble->since = dpk_ticks_now();
	trouble->reason = reason;
	snprintf(trouble->text, sizeof(trouble->text), "%s", text);
	dpk_state_unlock_changed(&engine->state);
	if (news)
		dpk_cycle_event(engine, DPK_LOG_WARNING, dpk_verdict_code(reason), "%s", text);
	else
		dpk_debug("%s: %s", dpk_verdict_code(reason), text);
}

static void clear_trouble(struct dpk_engine *engine)
{
	struct dpk_trouble *trouble = &engine->state.trouble;
	enum dpk_verdict was;

	dpk_state_lock(&engine->state);
	was = trouble->reason;
	trouble->reason = DPK_VERDICT_OK;
	trouble->text[0] = '\0';
	dpk_state_unlock_changed(&engine->state);
	if (was != DPK_VERDICT_OK && was != DPK_VERDICT_UNASKED)
		dpk_cycle_event(engine, DPK_LOG_NOTICE, "recovered", "no more trouble (was: %s)",
			dpk_verdict_code(was));
}

static void save_text(struct dpk_engine *engine, const char *name, const char *value)
{
	if (dpk_journal_set(engine->journal, name, value) < 0)
		dpk_debug("'%s' could not be written into the journal", name);
}

/* The store has just confirmed what is served. */
static void mark_synced(struct dpk_engine *engine, bool save)
{
	int64_t now = dpk_ticks_now();
	char text[32];

	dpk_state_lock(&engine->state);
	engine->state.synced_at = now;
	engine->state.synced_age_ms = 0;
	engine->state.synced_mono_ms = dpk_monotonic_ms();
	dpk_state_unlock_changed(&engine->state);
	if (!save && llabs(now - engine->synced_saved) < DPK_TICKS_PER_HOUR)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)now);
	save_text(engine, "synced_at", text);
	engine->synced_saved = now;
}

/* A token is kept on disk only for a read that left nothing open. */
static void save_token(struct dpk_engine *engine)
{
	char policy[2 * DPK_HASH_BYTES + 1];

	if (!engine->clean || !engine->token[0] || dpk_cycle_policy(engine, policy) < 0) {
		save_text(engine, "token", NULL);
		return;
	}
	save_text(engine, "token_policy", policy);
	save_text(engine, "token", engine->token);
}

static bool known(
	const struct dpk_rejections *list, const struct dpk_rejection *item, uint64_t *ret_hits)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct dpk_rejection *other = &list->items[i];

		if (other->reason != item->reason || strcmp(other->name, item->name) != 0 ||
			memcmp(other->sha256, item->sha256, DPK_HASH_BYTES) != 0)
			continue;
		*ret_hits = other->hits;
		return true;
	}
	return false;
}

/* The rejections of this read take the place of the last one's; what is new is told. */
static void set_rejections(struct dpk_engine *engine, struct dpk_rejections *rejections)
{
	struct dpk_rejections old;

	if (dpk_journal_quarantine(engine->journal, rejections, dpk_ticks_now()) < 0)
		dpk_debug("rejections could not be written into the journal");
	for (size_t i = 0; i < rejections->count; i++) {
		struct dpk_rejection *item = &rejections->items[i];
		uint64_t hits = 0;

		if (!known(&engine->state.rejections, item, &hits))
			dpk_cycle_event(engine, DPK_LOG_WARNING, "rejected", "%s: %s: %s",
				item->name, dpk_verdict_code(item->reason), item->text);
		item->hits = hits + 1;
	}
	dpk_state_lock(&engine->state);
	old = engine->state.rejections;
	engine->state.rejections = *rejections;
	dpk_state_unlock_changed(&engine->state);
	*rejections = (struct dpk_rejections){ 0 };
	dpk_rejections_fini(&old);
}

static void set_hold(struct dpk_engine *engine, const struct dpk_plan *plan)
{
	struct dpk_state *state = &engine->state;
	enum dpk_hold was;

	dpk_state_lock(state);
	was = state->hold;
	if (was != plan->hold)
		state->hold_since = dpk_ticks_now();
	state->hold = plan->hold;
	state->missing = plan->missing;
	snprintf(state->hold_text, sizeof(state->hold_text), "%s", plan->text);
	dpk_state_unlock_changed(state);
}

static enum dpk_verdict reason_of_hold(enum dpk_hold hold)
{
	switch (hold) {
	case DPK_HOLD_REMOVAL: return DPK_VERDICT_REMOVAL;
	case DPK_HOLD_NO_DEFAULT: return DPK_VERDICT_NO_DEFAULT;
	case DPK_HOLD_REVOCATION: return DPK_VERDICT_REVOCATION;
	case DPK_HOLD_TOO_MANY: return DPK_VERDICT_TOO_MANY;
	case DPK_HOLD_NONE: break;
	}
	return DPK_VERDICT_OK;
}

/* What is wrong after a read that went through, if anything. */
static void settle_trouble(struct dpk_engine *engine, const struct dpk_plan *plan, size_t rejected)
{
	char text[256];

	if (plan->hold != DPK_HOLD_NONE) {
		dpk_cycle_trouble(engine, reason_of_hold(plan->hold), plan->text);
	} else if (engine->state.generation == 0) {
		snprintf(text, sizeof(text),
			"the store answered, but holds no key that can be served (%zu element%s refused)",
			rejected, rejected == 1 ? "" : "s");
		dpk_cycle_trouble(engine, DPK_VERDICT_NOT_FOUND, text);
	} else {
		clear_trouble(engine);
	}
}

static int plan_reading(struct dpk_engine *engine, struct dpk_reading *reading,
	const struct dpk_cycle_order *order, struct dpk_plan *ret_plan)
{
	const struct dpk_config *config = &engine->state.config;
	struct dpk_plan_input input = {
		.current = &engine->state.ring,
		.offers = reading->offers,
		.offer_count = reading->offer_count,
		.max_remove = config->max_remove,
		.serve_no_default = config->no_default == DPK_ON_DOUBT_SERVE,
		.serve_bad_revocation = config->on_bad_revocation == DPK_ON_DOUBT_SERVE,
		.agreed = engine->has_digest &&
			  memcmp(engine->last_digest, reading->digest, DPK_HASH_BYTES) == 0,
		.is_signed = reading->is_signed,
		.remove_max = reading->snapshot.manifest.remove_max,
		.accept = order->accept,
		.now = dpk_ticks_now(),
	};

	/* a count that cannot be read allows nothing */
	if (dpk_journal_removed_since(
		    engine->journal, input.now - DPK_TICKS_PER_DAY, &input.removed_last_day) < 0)
		input.removed_last_day = input.max_remove;
	return dpk_plan_make(&input, &reading->rejections, ret_plan);
}

/* Does what the plan says. False: nothing more can be done in this cycle. */
static bool apply(struct dpk_engine *engine, struct dpk_reading *reading, struct dpk_plan *plan)
{
	bool refreshed = plan->hold == DPK_HOLD_NONE ||
			 (plan->hold == DPK_HOLD_REMOVAL && reading->offer_count > 0);
	size_t rejected = reading->rejections.count;
	bool was_withdrawn = engine->state.withdrawn;
	bool changed = plan->changed && dpk_ring_keys(&plan->ring) > 0;
	struct dpk_err err = DPK_ERR_INIT;

	engine->clean = plan->hold == DPK_HOLD_NONE && !plan->wants_second_read && rejected == 0;
	memcpy(engine->last_digest, reading->digest, DPK_HASH_BYTES);
	engine->has_digest = true;
	memcpy(engine->token, reading->harvest.token, sizeof(engine->token));
	if (plan->wants_second_read)
		engine->token[0] = '\0';
	set_rejections(engine, &reading->rejections);
	set_hold(engine, plan);
	if (dpk_take(engine, reading, plan, changed) < 0) {
		engine->token[0] = '\0'; /* the next poll tries again */
		return false;
	}
	if (!changed && was_withdrawn && refreshed &&
		dpk_cycle_publish(engine, engine->state.generation, &plan->ring, &err) < 0)
		dpk_warning("%s", dpk_err_text(&err));
	if (refreshed && engine->state.generation > 0)
		mark_synced(engine, changed);
	save_token(engine);
	settle_trouble(engine, plan, rejected);
	return true;
}

/* One read. 1: read and applied, a second read is wanted; 0: done; <0: the store gave nothing. */
static int read_once(struct dpk_engine *engine, const struct dpk_cycle_order *order, bool full)
{
	struct dpk_trust trust = { engine->state.certs,
		engine->state.config.unwrapped == DPK_UNWRAPPED_ACCEPT };
	struct dpk_run run = { &engine->state.source, &engine->state.config,
		full ? NULL : engine->token, engine->state.config.deadline_ms, engine->stop_fd };
	struct dpk_reading_rule rule = { &engine->state.signing.pins, &engine->state.signing.floor,
		dpk_ticks_now() };
	struct dpk_run_result result;
	struct dpk_refusal refusal = { 0 };
	struct dpk_reading reading;
	struct dpk_harvest harvest;
	struct dpk_plan plan;
	int r;

	if (engine->state.downgraded) {
		dpk_cycle_trouble(engine, DPK_VERDICT_DOWNGRADE,
			"this node has accepted signed rings and has no signers any more; the store is "
			"not asked. Set signers=, or run: dpkeyctl accept-unsigned");
		return -EBADMSG;
	}
	dpk_run_fetch(&run, &harvest, &result);
	if (result.stopped)
		return -ECANCELED;
	if (result.verdict != DPK_VERDICT_OK) {
		engine->has_digest = false; /* the next read is not consecutive */
		dpk_cycle_trouble(engine, result.verdict, result.text);
		return -EIO;
	}
	if (result.unchanged) {
		if (engine->state.hold == DPK_HOLD_NONE && engine->state.generation > 0) {
			mark_synced(engine, false);
			clear_trouble(engine);
		}
		return 0;
	}
	r = dpk_reading_make(
		&trust, engine->state.signing.signers ? &rule : NULL, &harvest, &reading, &refusal);
	if (r != 0) {
		engine->has_digest = false;
		if (r == DPK_REFUSED)
			dpk_cycle_trouble(engine, refusal.verdict, refusal.text);
		else
			dpk_cycle_trouble(engine,
				r == -E2BIG ? DPK_VERDICT_TOO_BIG : DPK_VERDICT_TRANSIENT,
				r == -E2BIG ? "the store holds more than a ring may" :
					      strerror(-r));
		return -EBADMSG;
	}
	r = dpk_prove_reading(engine, &reading);
	if (r == 0)
		r = plan_reading(engine, &reading, order, &plan);
	if (r < 0) {
		dpk_cycle_trouble(engine, DPK_VERDICT_TRANSIENT, strerror(-r));
	} else {
		r = apply(engine, &reading, &plan) && plan.wants_second_read;
		dpk_plan_fini(&plan);
	}
	dpk_reading_fini(&reading);
	return r;
}

void dpk_cycle_settle(struct dpk_engine *engine)
{
	dpk_state_lock(&engine->state);
	engine->state.shown = engine->exposed;
	dpk_state_unlock_changed(&engine->state);
	if (engine->exposed)
		eventfd_write(engine->ready_fd, 1);
	eventfd_write(engine->status_fd, 1);
}

bool dpk_cycle_run(struct dpk_engine *engine, const struct dpk_cycle_order *order)
{
	bool full = order->thorough || order->accept || engine->state.signing.unpinned_mono_ms ||
		    !engine->token[0] || ++engine->polls_since_full >= FULL_READ_EVERY ||
		    engine->state.withdrawn;
	int r;

	if (engine->hook_pid > 0 && dpk_run_hook_ended(engine->hook_pid))
		engine->hook_pid = 0;
	dpk_trust_watch_clock(engine);
	dpk_trust_words(engine, order->accept_floor, order->accept_unsigned);
	if (full)
		engine->polls_since_full = 0;
	r = read_once(engine, order, full);
	if (r == 1 && (order->thorough || order->accept))
		r = read_once(engine, order, true);
	dpk_state_lock(&engine->state);
	engine->state.asked = true;
	engine->state.cycles++;
	dpk_state_unlock_changed(&engine->state);
	/* ready at the end of a cycle, so that whoever waited finds a state that is settled */
	dpk_cycle_settle(engine);
	return r != -EIO;
}
