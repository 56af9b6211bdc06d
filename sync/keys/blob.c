/* SPDX-License-Identifier: MIT */
/* Untrusted bytes and bounded lists of them. Knows nothing of what they mean. */
#include "keys/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *copy_bytes(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (copy && size)
		memcpy(copy, data, size);
	return copy;
}

int dpk_blob_init(
	struct dpk_blob *blob, const char *origin, const char *name, const void *data, size_t size)
{
	blob->origin = copy_bytes(origin, strlen(origin) + 1);
	blob->name = copy_bytes(name, strlen(name) + 1);
	blob->data = copy_bytes(data, size);
	blob->size = size;
	if (blob->origin && blob->name && blob->data)
		return 0;
	dpk_blob_fini(blob);
	return -ENOMEM;
}

void dpk_blob_fini(struct dpk_blob *blob)
{
	/* the bytes may be a plaintext key */
	if (blob->data)
		explicit_bzero(blob->data, blob->size);
	free(blob->data);
	free(blob->name);
	free(blob->origin);
	*blob = (struct dpk_blob){ 0 };
}

static int make_room(struct dpk_blobs *blobs)
{
	size_t capacity = blobs->capacity ? blobs->capacity * 2 : 16;
	struct dpk_blob *items;

	if (blobs->count < blobs->capacity)
		return 0;
	items = realloc(blobs->items, capacity * sizeof(*items));
	if (!items)
		return -ENOMEM;
	blobs->items = items;
	blobs->capacity = capacity;
	return 0;
}

int dpk_blobs_add(struct dpk_blobs *blobs, struct dpk_blob *blob)
{
	if (blobs->count >= DPK_RING_MAX_ELEMENTS || blob->size > DPK_RING_MAX_BYTES - blobs->bytes)
		return -E2BIG;
	if (make_room(blobs) < 0)
		return -ENOMEM;
	blobs->items[blobs->count++] = *blob;
	blobs->bytes += blob->size;
	*blob = (struct dpk_blob){ 0 };
	return 0;
}

void dpk_blobs_truncate(struct dpk_blobs *blobs, size_t count)
{
	while (blobs->count > count) {
		struct dpk_blob *last = &blobs->items[--blobs->count];

		blobs->bytes -= last->size;
		dpk_blob_fini(last);
	}
}

void dpk_blobs_fini(struct dpk_blobs *blobs)
{
	for (size_t i = 0; i < blobs->count; i++)
		dpk_blob_fini(&blobs->items[i]);
	free(blobs->items);
	*blobs = (struct dpk_blobs){ 0 };
}
