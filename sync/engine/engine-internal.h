/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_INTERNAL_H
#define DPK_ENGINE_INTERNAL_H

/* Between engine.c (life and schedule) and cycle.c (one cycle). All but state: engine thread only.
 */

#include "engine/control.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/reading.h"
#include "engine/runner.h"
#include "engine/shelf.h"
#include "engine/state.h"

#include <stdatomic.h>

struct dpk_engine {
	struct dpk_state state;
	struct dpk_journal *journal;
	struct dpk_shelf *shelf;
	struct dpk_control *control;
	pthread_t thread;
	bool running;
	uint64_t exposed; /* the generation that the kernel shows; 0: none yet */
	int wake_fd;      /* eventfd: a sync is wanted, or a new configuration */
	int stop_fd;      /* eventfd: end */
	int ready_fd;     /* eventfd: the kernel shows a ring */
	int status_fd;    /* eventfd: the status line changed */
	_Atomic(struct dpk_config *) next_config; /* owned by whoever swaps it out */

	char token[DPK_TOKEN_MAX + 1];
	unsigned int polls_since_full;
	bool clean;                          /* the last read was taken whole, nothing refused */
	uint8_t last_digest[DPK_HASH_BYTES]; /* of the last complete read */
	bool has_digest;
	int64_t synced_saved; /* ticks; what the journal has */

	uint8_t envelope_sha256[DPK_HASH_BYTES]; /* of the snapshot accepted last */
	int64_t clock_wall; /* ticks and monotonic time of the last look at the clock; 0: none */
	uint64_t clock_mono_ms;

	bool proves;                         /* unwrap_key is set */
	uint8_t open_policy[DPK_HASH_BYTES]; /* of its keys */

	uint64_t backoff_ms;
	pid_t wait_pid;
	int wait_pidfd;
	bool wait_unsupported;
	pid_t hook_pid;
};

/* What a cycle was asked to do. */
struct dpk_cycle_order {
	bool thorough; /* `sync`: no token, both of two agreeing reads */
	bool accept;   /* accept-removal */
	bool accept_floor, accept_unsigned;
};

/* One cycle from store to mount. True unless the store could not be read (back off). */
bool dpk_cycle_run(struct dpk_engine *engine, const struct dpk_cycle_order *order);

/* Tells those who wait what the kernel shows by now, and that the state is settled. */
void dpk_cycle_settle(struct dpk_engine *engine);

/* Reads the journal's ring, verifies it and puts it on the shelf. */
int dpk_cycle_load(struct dpk_engine *engine, struct dpk_err *err);

/* Verifies what is served anew (new certificates); publishes what is left. */
void dpk_cycle_reverify(struct dpk_engine *engine);

/* Withdraws a ring past hard_expiry. */
void dpk_cycle_withdraw(struct dpk_engine *engine);

/* Records an event in journal and state and logs it. Not under the state's lock. */
__attribute__((format(printf, 4, 5))) void dpk_cycle_event(
	struct dpk_engine *engine, int level, const char *code, const char *format, ...);

/* Remembers trouble; one event when it begins or changes its kind. */
void dpk_cycle_trouble(struct dpk_engine *engine, enum dpk_verdict reason, const char *text);

/* Publishes RING (takes its members) as generation GENERATION and waits until the kernel shows it.
 */
int dpk_cycle_publish(
	struct dpk_engine *engine, uint64_t generation, struct dpk_ring *ring, struct dpk_err *err);

/* Identifies configuration and source: a token is good for these only. */
int dpk_cycle_policy(struct dpk_engine *engine, char ret_hex[static 2 * DPK_HASH_BYTES + 1]);

#endif
