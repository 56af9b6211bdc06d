/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_CLEANUP_H
#define DPK_BASE_CLEANUP_H

/*
 * Scope-bound cleanup. A local marked _cleanup_(f) has f(&local) called when
 * its scope ends; it must be initialised where it is declared. Hand a value
 * over with steal_ptr() or steal_fd().
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void freep(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

/* close(2) is never retried: on Linux the descriptor is gone even on EINTR. */
static inline void closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline int steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

#define steal_ptr(p)                                                                               \
	({                                                                                         \
		__auto_type steal_where_ = (p);                                                    \
		__auto_type steal_value_ = *steal_where_;                                          \
		*steal_where_ = NULL;                                                              \
		steal_value_;                                                                      \
	})

#endif
