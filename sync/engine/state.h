/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_STATE_H
#define DPK_ENGINE_STATE_H

/*
 * What the engine knows, for those who ask: written by the engine's thread,
 * read by the control thread, under one lock. Nothing under the lock does
 * I/O or waits.
 */

#include "engine/config.h"
#include "engine/journal.h"
#include "engine/plan.h"
#include "engine/pins.h"
#include "engine/source.h"
#include "keys/certs.h"

#include <pthread.h>

struct dpk_shelf;

#define DPK_STATE_EVENTS  256
#define DPK_STATE_HISTORY 128

/* The last thing that went wrong, while it lasts. */
struct dpk_trouble {
	enum dpk_verdict reason; /* OK: nothing */
	char text[640];
	int64_t since; /* ticks */
};

/* What the engine knows of signatures; all zero where the ring is not signed. */
struct dpk_signed_state {
	struct dpk_signers *signers; /* owned */
	struct dpk_pins pins;
	struct dpk_floor floor;
	bool served;               /* the pins vouch for the ring that is served */
	int64_t issued, expires;   /* ticks; of what was accepted last */
	uint64_t age_ms, mono_ms;  /* its age at that monotonic instant */
	uint64_t unpinned_mono_ms; /* since when the pins do not vouch for it; 0: they do */
	bool floor_lost;           /* until an administrator says that he knows */
};

struct dpk_state {
	pthread_mutex_t lock; /* guards all of this */
	int changed_fd;       /* eventfd for the control thread: something changed */

	struct dpk_config config;
	struct dpk_source source;
	struct dpk_certs *certs;
	struct dpk_signed_state signing;
	bool downgraded;       /* rings were signed here, and no signers are configured any more */
	int64_t clock_jump;    /* ticks by which the wall clock jumped last */
	int64_t clock_jump_at; /* ticks, after the jump; 0: it never did */
	struct dpk_shelf *shelf; /* not owned */

	uint64_t generation; /* 0: none */
	uint64_t shown;      /* the newest that the kernel shows, its cycle ended; 0: none */
	struct dpk_ring ring;
	bool withdrawn; /* past hard_expiry */
	struct dpk_rejections rejections;
	enum dpk_hold hold;
	char hold_text[400];
	int64_t hold_since;
	size_t missing;

	bool asked; /* a cycle of this process has ended */
	struct dpk_trouble trouble;
	int64_t synced_at;                      /* ticks; 0: never */
	uint64_t synced_age_ms, synced_mono_ms; /* age at that monotonic instant */

	uint64_t sync_wanted, sync_served; /* tickets of `sync` */
	bool accept_wanted, accept_floor_wanted, accept_unsigned_wanted;
	uint64_t cycles;

	struct dpk_event *events; /* newest last; at most DPK_STATE_EVENTS */
	size_t event_count;
	struct dpk_generation history[DPK_STATE_HISTORY];
	size_t history_count;
};

/* 0 or -errno. */
int dpk_state_init(struct dpk_state *state);
void dpk_state_fini(struct dpk_state *state);

static inline void dpk_state_lock(struct dpk_state *state)
{
	pthread_mutex_lock(&state->lock);
}

/* Unlocks, and tells the control thread. */
void dpk_state_unlock_changed(struct dpk_state *state);

static inline void dpk_state_unlock(struct dpk_state *state)
{
	pthread_mutex_unlock(&state->lock);
}

/* The rest needs the lock held. */

/* How long ago the store last confirmed the ring, by a clock that does not jump; UINT64_MAX: never.
 */
uint64_t dpk_state_age_ms(const struct dpk_state *state);

/* How old the signature of the accepted snapshot is, by a clock that does not jump. */
uint64_t dpk_state_signed_age_ms(const struct dpk_state *state);

/* NOW, or the latest time that a signer has vouched for. */
int64_t dpk_state_signed_now(const struct dpk_state *state, int64_t now);

/* Did the last cycle fail for another reason than a hold? */
bool dpk_state_in_trouble(const struct dpk_state *state);

/* "fresh", "stale", "offline" or "empty". */
const char *dpk_state_word(const struct dpk_state *state);

void dpk_state_add_event(struct dpk_state *state, const char *code, int64_t at, const char *detail);
void dpk_state_add_generation(struct dpk_state *state, const struct dpk_generation *generation);

#endif
