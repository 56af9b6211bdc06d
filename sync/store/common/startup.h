/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_COMMON_STARTUP_H
#define DPK_STORE_COMMON_STARTUP_H

#include <stdint.h>

/*
 * Leaves behind what a store program must not inherit: environment, stray
 * descriptors, signal masks; and makes it die with its parent, leave no core
 * and gain no privileges. To be called first. 0 or -errno.
 */
int dpk_store_enter(void);

/* SIGALRM ends the program in MS milliseconds; 0 takes that back. */
void dpk_store_limit_ms(uint64_t ms);

#endif
