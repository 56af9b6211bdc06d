/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_LOCKED_H
#define DPK_BASE_LOCKED_H

/*
 * Memory for opened secrets: never swapped out, left out of core dumps, zero
 * in a child that was forked, and wiped before it is given back. Whole pages
 * of its own, so that nothing else lies beside a secret.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * At least SIZE bytes (more than 0), all zero; NULL with errno ENOMEM where
 * there is no memory or none that may be locked (RLIMIT_MEMLOCK).
 */
void *dpk_locked_alloc(size_t size);

/* Wipes and unmaps what dpk_locked_alloc(SIZE) gave. NULL is a no-op. */
void dpk_locked_free(void *memory, size_t size);

/* Bytes in one locked allocation; reference counted; immutable once its maker hands it on. */
struct dpk_secret {
	atomic_uint refs;
	size_t size;
	uint8_t data[];
};

/* SIZE zero bytes with one reference, or NULL with errno ENOMEM. SIZE may be 0. */
struct dpk_secret *dpk_secret_new(size_t size);
struct dpk_secret *dpk_secret_ref(struct dpk_secret *secret);
/* Drops a reference, and with the last one wipes and frees. NULL allowed; returns NULL. */
struct dpk_secret *dpk_secret_unref(struct dpk_secret *secret);

static inline void dpk_secret_unrefp(struct dpk_secret **secret)
{
	dpk_secret_unref(*secret);
}

#endif
