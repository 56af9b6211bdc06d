/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_PLAN_H
#define DPK_ENGINE_PLAN_H

/*
 * The ring's rules: from what is served and what the store offers now to what
 * is served next. Pure: no clock, no file, no network; every input is here.
 *
 *  - An id is served once. Of two elements with one id and equal bytes one is
 *    taken; with other bytes the one that is served already, else neither.
 *  - A store never takes anything away by being empty, missing or partial:
 *    what left it stays served (it is sticky) until two consecutive reads
 *    agree and either max_remove or an administrator allows it. What is new
 *    is taken at once all the same, for it may be a revocation.
 *  - A revocation leaves only with its key, or under a later mass revocation.
 *  - A refused element that could be a revocation holds everything.
 *  - A change that takes the default key away, under the rules of any .NET,
 *    now or in 24 or 72 hours, holds everything.
 */

#include "engine/ring.h"

/* A verified element and where it came from. */
struct dpk_offer {
	struct dpk_key *key;       /* a reference */
	const char *origin, *name; /* borrowed */
};

/* An element that was kept out; owned strings. */
struct dpk_rejection {
	char *origin, *name;
	enum dpk_verdict reason;
	char *text;
	bool could_be_revocation;
	bool has_facts;
	struct dpk_facts facts;
	uint8_t sha256[DPK_HASH_BYTES]; /* of its bytes; of its name where there are none */
	int64_t first_seen;             /* ticks */
	uint64_t hits;                  /* reads that met it */
};

struct dpk_rejections {
	struct dpk_rejection *items;
	size_t count;
};

void dpk_rejections_fini(struct dpk_rejections *rejections);

/* Adds a copy of all. 0 or -ENOMEM. Past DPK_QUARANTINE_MAX nothing is added and 0 is returned. */
int dpk_rejections_add(struct dpk_rejections *rejections, const char *origin, const char *name,
	const struct dpk_refusal *refusal, const uint8_t *sha256);

enum dpk_hold {
	DPK_HOLD_NONE = 0,
	DPK_HOLD_REMOVAL,    /* what left the store stays served; the rest is taken, if unsigned */
	DPK_HOLD_NO_DEFAULT, /* nothing is taken */
	DPK_HOLD_REVOCATION, /* nothing is taken */
	DPK_HOLD_TOO_MANY,   /* nothing is taken */
};

struct dpk_plan_input {
	const struct dpk_ring *current; /* served now; may be empty */
	const struct dpk_offer *offers;
	size_t offer_count;
	uint64_t max_remove;
	uint64_t removed_last_day; /* keys dropped in the last 24 hours */
	bool serve_no_default;
	bool serve_bad_revocation;
	bool agreed;         /* the previous read offered the very same */
	bool is_signed;      /* OFFERS are the whole ring, in its signers' word */
	uint64_t remove_max; /* with is_signed: unexpired keys that may leave */
	bool accept;         /* an administrator's accept-removal */
	int64_t now;         /* ticks */
};

struct dpk_plan {
	struct dpk_ring ring; /* what is to be served */
	bool changed;         /* it differs from what is served now */
	enum dpk_hold hold;
	char text[400]; /* of the hold: what, how many, remedy */
	size_t missing; /* keys served that the store no longer has */
	bool wants_second_read;
	struct dpk_guid *removed; /* keys that leave with this plan */
	size_t removed_count;
};

void dpk_plan_fini(struct dpk_plan *plan);

/* Rejections of the read come in REJECTIONS; `duplicate-id` ones are added. 0 or -ENOMEM. */
int dpk_plan_make(const struct dpk_plan_input *input, struct dpk_rejections *rejections,
	struct dpk_plan *ret_plan);

/* "removal", "no-default", "revocation", "too-many" or "". */
const char *dpk_hold_word(enum dpk_hold hold);

/* Does .NET find a default in A but not in B, at NOW, +24 h or +72 h? 1, 0 or -ENOMEM. */
int dpk_plan_loses_default(const struct dpk_ring *a, const struct dpk_ring *b, int64_t now);

#endif
