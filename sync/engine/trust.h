/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_TRUST_H
#define DPK_ENGINE_TRUST_H

/* Signed mode within the engine: floor, acceptance, downgrade, clock. Engine thread only. */

#include "engine/engine-internal.h"

/*
 * Takes CONFIG's pins in place of the ones there were, with the floor that the
 * journal has for that ring. 0, or what dpk_pins_load returns; -EBADMSG for a
 * damaged journal. On failure all stays as it was.
 */
int dpk_trust_open(struct dpk_engine *engine, const struct dpk_config *config, struct dpk_err *err);

/*
 * Do the pins vouch for what the journal holds? Compares COUNT entries with the
 * envelope that was accepted. True without signers.
 */
bool dpk_trust_vouches(
	struct dpk_engine *engine, const struct dpk_journal_entry *entries, size_t count);

/* After new pins: notes that they do, or do not, vouch for the ring that is served. */
void dpk_trust_reverify(struct dpk_engine *engine);

/* What READING (signed, taken) means for floor and journal; borrows its envelope. */
void dpk_trust_acceptance(const struct dpk_engine *engine, const struct dpk_reading *reading,
	struct dpk_acceptance *ret_accepted);

/* Is there anything in it that the journal does not have yet? */
bool dpk_trust_is_news(const struct dpk_engine *engine, const struct dpk_acceptance *accepted);

/* It is in the journal: the floor rises. */
void dpk_trust_accepted(struct dpk_engine *engine, const struct dpk_acceptance *accepted);

/* Carries out accept-floor and accept-unsigned. */
void dpk_trust_words(struct dpk_engine *engine, bool floor, bool unsigned_ring);

/* Looks whether the wall clock has jumped since the last call, and says so. */
void dpk_trust_watch_clock(struct dpk_engine *engine);

/* Milliseconds until pins that do not vouch for the ring take it away; -1: never. */
int64_t dpk_trust_until_withdrawal(const struct dpk_engine *engine);

#endif
