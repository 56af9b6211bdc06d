/* SPDX-License-Identifier: MIT */
#ifndef DPK_CTL_GATHER_H
#define DPK_CTL_GATHER_H

/* Elements for the verbs that need no daemon. */

#include "ctl/ctl.h"
#include "engine/config.h"
#include "engine/stream.h"

/*
 * Reads ARGUMENT, a file (one element; a signed snapshot if its name ends in
 * .p7m), a directory or a store URL, with the
 * very store program that a mount would run. An exit status: 0 and *HARVEST,
 * the caller's to dpk_harvest_fini; else what went wrong was said on stderr.
 */
int dpk_ctl_gather(
	const struct dpk_config *config, const char *argument, struct dpk_harvest *ret_harvest);

/* The configuration of -r and -o; an exit status. */
int dpk_ctl_config(const struct dpk_ctl *ctl, struct dpk_config *ret_config);

#endif
