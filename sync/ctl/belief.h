/* SPDX-License-Identifier: MIT */
#ifndef DPK_CTL_BELIEF_H
#define DPK_CTL_BELIEF_H

/* Signed snapshots for the verbs that need no daemon: whom to believe, and what it says. */

#include "ctl/gather.h"
#include "keys/signed.h"

/* signers, threshold, ring_id, min_epoch and min_version of a configuration. */
struct dpk_ctl_belief {
	struct dpk_signers *signers; /* NULL: none are configured */
	struct dpk_pins pins;
	struct dpk_floor floor;
};

/*
 * Loads them; without `signers` all but the floor stays empty. An exit status; what is wrong was
 * said on stderr. The caller's to fini whatever it returns.
 */
int dpk_ctl_belief_load(const struct dpk_config *config, struct dpk_ctl_belief *ret_belief);
void dpk_ctl_belief_fini(struct dpk_ctl_belief *belief);

/* True, or false after saying which option is missing for ARGUMENT. */
bool dpk_ctl_belief_needed(const struct dpk_ctl_belief *belief, const char *argument);

/* The ring's id is there: true, or false after saying which option is missing. */
bool dpk_ctl_ring_id_needed(const struct dpk_config *config);

/*
 * May AFTER follow BEFORE at NOW (ticks)? Unexpired keys of BEFORE that AFTER
 * does not list must be no more than its remove_max. 0, DPK_REFUSED with
 * `removal`, or -ENOMEM.
 */
int dpk_ctl_check_removal(const struct dpk_signed *before, const struct dpk_manifest *after,
	int64_t now, struct dpk_refusal *ret_refusal);

/* A time as `--at` takes it: RFC 3339 or +DURATION from NOW. 0 or -EINVAL. */
int dpk_ctl_parse_time(const char *text, int64_t now, int64_t *ret_ticks);

#endif
