/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_SDNOTIFY_H
#define DPK_BASE_SDNOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * sd_notify(3)'s protocol, by hand: a datagram to $NOTIFY_SOCKET. Without the
 * variable nothing happens. Best effort.
 */
void dpk_sd_notify(const char *message);

/* Were we started by a service manager that wants to be told? */
bool dpk_sd_is_watched(void);

/* Half of $WATCHDOG_USEC in milliseconds if it is meant for this process, else 0. */
uint64_t dpk_sd_watchdog_ms(void);

#endif
