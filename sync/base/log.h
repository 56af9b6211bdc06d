/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_LOG_H
#define DPK_BASE_LOG_H

#include <stdbool.h>

/*
 * Log lines on stderr, one write(2) each. Where stderr is a terminal the line
 * is bare; else it starts with "<N>", the syslog level, which journald
 * understands (sd-daemon(3)). Control characters are escaped. Lines carry
 * ids, reason codes and names; never the content of an element and never a
 * credential. Any thread may log; nothing is logged under a lock that a FUSE
 * handler can want.
 */
enum dpk_log_level {
	DPK_LOG_ERROR = 3,
	DPK_LOG_WARNING = 4,
	DPK_LOG_NOTICE = 5,
	DPK_LOG_INFO = 6,
	DPK_LOG_DEBUG = 7,
};

/*
 * To be called once, before other threads start: lines above LEVEL are not
 * written; each line begins with PROGRAM and, if it is not NULL, with the
 * RING's name. Both are copied.
 */
void dpk_log_init(const char *program, const char *ring, enum dpk_log_level level);

/*
 * From now on to syslog(3) (facility daemon) and at LEVEL, for a process that
 * has left its terminal. While other threads may log: the change is atomic enough
 * for a line to go to either place.
 */
void dpk_log_to_syslog(enum dpk_log_level level);

void dpk_log(enum dpk_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define dpk_error(...)   dpk_log(DPK_LOG_ERROR, __VA_ARGS__)
#define dpk_warning(...) dpk_log(DPK_LOG_WARNING, __VA_ARGS__)
#define dpk_notice(...)  dpk_log(DPK_LOG_NOTICE, __VA_ARGS__)
#define dpk_info(...)    dpk_log(DPK_LOG_INFO, __VA_ARGS__)
#define dpk_debug(...)   dpk_log(DPK_LOG_DEBUG, __VA_ARGS__)

#endif
