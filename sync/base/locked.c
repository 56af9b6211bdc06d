/* SPDX-License-Identifier: MIT */
/* Locked pages. Knows nothing of what is kept in them. */
#include "base/locked.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whole pages, or 0 where the number would overflow. */
static size_t pages_for(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return size == 0 || size > SIZE_MAX - page ? 0 : (size + page - 1) / page * page;
}

void *dpk_locked_alloc(size_t size)
{
	size_t length = pages_for(size);
	void *memory = MAP_FAILED;

	if (length)
		memory = mmap(
			NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		errno = ENOMEM;
		return NULL;
	}
	if (mlock(memory, length) < 0 || madvise(memory, length, MADV_DONTDUMP) < 0 ||
		madvise(memory, length, MADV_WIPEONFORK) < 0) {
		munmap(memory, length);
		errno = ENOMEM;
		return NULL;
	}
	return memory;
}

void dpk_locked_free(void *memory, size_t size)
{
	size_t length = pages_for(size);
	int saved = errno;

	if (!memory)
		return;
	explicit_bzero(memory, length);
	munmap(memory, length);
	errno = saved;
}

struct dpk_secret *dpk_secret_new(size_t size)
{
	struct dpk_secret *secret = NULL;

	if (size <= SIZE_MAX - sizeof(*secret))
		secret = dpk_locked_alloc(sizeof(*secret) + size);
	if (!secret) {
		errno = ENOMEM;
		return NULL;
	}
	atomic_init(&secret->refs, 1);
	secret->size = size;
	return secret;
}

struct dpk_secret *dpk_secret_ref(struct dpk_secret *secret)
{
	/* relaxed: whoever takes a reference already holds one */
	atomic_fetch_add_explicit(&secret->refs, 1, memory_order_relaxed);
	return secret;
}

struct dpk_secret *dpk_secret_unref(struct dpk_secret *secret)
{
	/* acquire-release: the last holder sees that the others are done before it wipes */
	if (secret && atomic_fetch_sub_explicit(&secret->refs, 1, memory_order_acq_rel) == 1)
		dpk_locked_free(secret, sizeof(*secret) + secret->size);
	return NULL;
}
