/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_PROVE_H
#define DPK_ENGINE_PROVE_H

/* Proof that keys open, each element tried once. Engine thread only. */

#include "engine/engine-internal.h"

struct dpk_opener;

/* One round of proofs; the program runs only if there is something to try. */
struct dpk_prover {
	struct dpk_engine *engine;
	struct dpk_opener *opener; /* NULL until it is needed */
	bool limited;              /* an unsigned ring: LEFT tries */
	bool counts;               /* they count against the budget of a day */
	uint64_t left;
	int64_t now;
};

/*
 * Takes CONFIG's unwrap_key (NULL: nothing is proved) and learns what its keys
 * are, by starting the program once. As dpk_opener_start.
 */
int dpk_prove_open(struct dpk_engine *engine, const struct dpk_config *config, struct dpk_err *err);

/* Begins a round; dpk_prover_end ends it, and its program. 0 or -errno of the journal. */
int dpk_prover_begin(struct dpk_prover *prover, struct dpk_engine *engine);
void dpk_prover_end(struct dpk_prover *prover);

/*
 * Does KEY open? 0 for yes, for what has no wrapped secret, and without
 * unwrap_key; DPK_REFUSED: `unwrap`, or `too-many` past the budget; -errno: the
 * program or the journal failed, nothing is known.
 */
int dpk_prove(
	struct dpk_prover *prover, const struct dpk_key *key, struct dpk_refusal *ret_refusal);

/* The offers of READING that do not open become rejections. 0 or -errno. */
int dpk_prove_reading(struct dpk_engine *engine, struct dpk_reading *reading);

#endif
