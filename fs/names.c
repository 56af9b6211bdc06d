/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more. */
static int reserve(struct dpkfs_names *names)
{
	size_t cap = names->cap ? 2 * names->cap : 16;
	struct dpkfs_due *more;

	if (names->count < names->cap)
		return 0;
	more = reallocarray(names->due, cap, sizeof(*more));
	if (!more)
		return -ENOMEM;
	names->due = more;
	names->cap = cap;
	return 0;
}

int dpkfs_names_add(struct dpkfs_names *names, const char *name, uint64_t at_ms)
{
	size_t size = strlen(name) + 1;
	struct dpkfs_due *due;

	if (size > sizeof(due->name))
		return -ENAMETOOLONG;
	if (reserve(names) < 0)
		return -ENOMEM;
	due = &names->due[names->count++];
	due->at_ms = at_ms;
	memcpy(due->name, name, size);
	return 0;
}

void dpkfs_names_take_due(struct dpkfs_names *names, uint64_t now_ms, struct dpkfs_names *ret_due)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->count; i++) {
		bool due = names->due[i].at_ms <= now_ms && reserve(ret_due) == 0;

		if (due)
			ret_due->due[ret_due->count++] = names->due[i];
		else
			names->due[kept++] = names->due[i];
	}
	names->count = kept;
}

uint64_t dpkfs_names_next_ms(const struct dpkfs_names *names)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < names->count; i++)
		if (names->due[i].at_ms < next)
			next = names->due[i].at_ms;
	return next;
}

void dpkfs_names_fini(struct dpkfs_names *names)
{
	free(names->due);
	*names = (struct dpkfs_names){ .due = NULL };
}
