/* SPDX-License-Identifier: MIT */
#include "grave.h"

#include <stdlib.h>
#include <string.h>

struct dpkfs_grave *dpkfs_grave_new(const struct dpk_file *file, uint64_t until_ms)
{
	size_t name_size = strlen(file->name) + 1;
	struct dpkfs_grave *grave = malloc(sizeof(*grave) + name_size + file->size);

	if (!grave)
		return NULL;
	atomic_init(&grave->refs, 1);
	grave->until_ms = until_ms;
	grave->file = *file;
	grave->file.name = memcpy(grave->bytes, file->name, name_size);
	grave->file.data = memcpy(grave->bytes + name_size, file->data, file->size);
	return grave;
}

struct dpkfs_grave *dpkfs_grave_ref(struct dpkfs_grave *grave)
{
	/* relaxed: the caller's own reference keeps the object alive meanwhile */
	atomic_fetch_add_explicit(&grave->refs, 1, memory_order_relaxed);
	return grave;
}

struct dpkfs_grave *dpkfs_grave_unref(struct dpkfs_grave *grave)
{
	/* release: our reads come before the free; acquire: everybody's do */
	if (grave && atomic_fetch_sub_explicit(&grave->refs, 1, memory_order_acq_rel) == 1)
		free(grave);
	return NULL;
}
