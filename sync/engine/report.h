/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_REPORT_H
#define DPK_ENGINE_REPORT_H

/*
 * The state as JSON, as dpkeyfs-control(7) describes it. All functions need
 * the state's lock held and return a new reference, NULL without memory.
 */

#include "engine/state.h"

#include <jansson.h>

json_t *dpk_report_status(const struct dpk_state *state);
json_t *dpk_report_history(const struct dpk_state *state);
json_t *dpk_report_events(const struct dpk_state *state);
json_t *dpk_report_health(const struct dpk_state *state);

/* How the last cycle ended: the answer to sync and wait. */
json_t *dpk_report_cycle(const struct dpk_state *state);

/* The pieces that dpkeyctl uses too. */
json_t *dpk_report_key(const struct dpk_key *key, const char *state_word);
json_t *dpk_report_ticks(int64_t ticks);                    /* null for 0 */
json_t *dpk_report_choice(const struct dpk_choice *choice); /* the id, or null */

#endif
