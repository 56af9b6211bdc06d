/* SPDX-License-Identifier: MIT */
/* A ring in one allocation: header, files, index by node, names, bytes. */
#include "engine/freeze.h"

#include "base/err.h"
#include "keys/hash.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct dpk_snapshot {
	atomic_uint refs;
	uint64_t generation;
	size_t count;
	struct dpk_file *files;          /* by name */
	const struct dpk_file **by_node; /* by node id */
};

struct dpk_snapshot *dpk_snapshot_ref(struct dpk_snapshot *snap)
{
	/* relaxed: the caller's own reference keeps the object alive meanwhile */
	atomic_fetch_add_explicit(&snap->refs, 1, memory_order_relaxed);
	return snap;
}

struct dpk_snapshot *dpk_snapshot_unref(struct dpk_snapshot *snap)
{
	/* release: our reads come before the free; acquire: everybody's do */
	if (snap && atomic_fetch_sub_explicit(&snap->refs, 1, memory_order_acq_rel) == 1)
		free(snap);
	return NULL;
}

uint64_t dpk_snapshot_generation(const struct dpk_snapshot *snap)
{
	return snap->generation;
}

size_t dpk_snapshot_count(const struct dpk_snapshot *snap)
{
	return snap->count;
}

const struct dpk_file *dpk_snapshot_at(const struct dpk_snapshot *snap, size_t index)
{
	return &snap->files[index];
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(((const struct dpk_file *)a)->name, ((const struct dpk_file *)b)->name);
}

static int compare_node(const void *a, const void *b)
{
	uint64_t x = (*(const struct dpk_file *const *)a)->node;
	uint64_t y = (*(const struct dpk_file *const *)b)->node;

	return x < y ? -1 : x > y;
}

const struct dpk_file *dpk_snapshot_find(const struct dpk_snapshot *snap, const char *name)
{
	struct dpk_file wanted = { .name = name };

	return bsearch(&wanted, snap->files, snap->count, sizeof(wanted), compare_name);
}

const struct dpk_file *dpk_snapshot_find_node(const struct dpk_snapshot *snap, uint64_t node)
{
	struct dpk_file wanted = { .node = node };
	const struct dpk_file *key = &wanted;
	const struct dpk_file **found;

	found = bsearch(&key, snap->by_node, snap->count, sizeof(key), compare_node);
	return found ? *found : NULL;
}

/* The same content under the same name is the same node in every process and on every node. */
static int node_of(const struct dpk_file *file, uint64_t *ret_node)
{
	uint8_t digest[DPK_HASH_BYTES];
	uint64_t node = 0;
	int r;

	r = dpk_hash2(file->name, strlen(file->name) + 1, file->data, file->size, digest);
	if (r < 0)
		return r;
	for (size_t i = 0; i < 8; i++)
		node = node << 8 | digest[i];
	*ret_node = node & INT64_MAX;
	return 0;
}

static int fill(struct dpk_snapshot *snap, const struct dpk_file *files, char *at)
{
	for (size_t i = 0; i < snap->count; i++) {
		struct dpk_file *file = &snap->files[i];
		size_t name_size = strlen(files[i].name) + 1;
		int r;

		*file = files[i];
		file->name = memcpy(at, files[i].name, name_size);
		at += name_size;
		file->data = memcpy(at, files[i].data, files[i].size);
		at += files[i].size;
		r = dpk_hash(file->data, file->size, file->sha256);
		if (r == 0)
			r = node_of(file, &file->node);
		if (r < 0)
			return r;
	}
	return 0;
}

static int index_files(struct dpk_snapshot *snap, struct dpk_err *err)
{
	qsort(snap->files, snap->count, sizeof(*snap->files), compare_name);
	for (size_t i = 0; i < snap->count; i++)
		snap->by_node[i] = &snap->files[i];
	qsort(snap->by_node, snap->count, sizeof(*snap->by_node), compare_node);
	for (size_t i = 0; i < snap->count; i++) {
		if (snap->by_node[i]->node <= 1 ||
			(i > 0 && snap->by_node[i]->node == snap->by_node[i - 1]->node))
			return dpk_err_set(
				err, -EEXIST, "'%s': its node id is taken", snap->by_node[i]->name);
		if (i > 0 && compare_name(&snap->files[i], &snap->files[i - 1]) == 0)
			return dpk_err_set(err, -EEXIST, "'%s' occurs twice", snap->files[i].name);
	}
	return 0;
}

int dpk_snapshot_freeze(uint64_t generation, const struct dpk_file *files, size_t count,
	struct dpk_snapshot **ret_snap, struct dpk_err *err)
{
	struct dpk_snapshot *snap;
	size_t bytes = sizeof(*snap) + count * (sizeof(*snap->files) + sizeof(*snap->by_node));
	char *memory;
	int r;

	if (count == 0)
		return dpk_err_set(err, -EINVAL, "a ring without elements is not a ring");
	for (size_t i = 0; i < count; i++)
		bytes += strlen(files[i].name) + 1 + files[i].size;
	memory = malloc(bytes);
	if (!memory)
		return dpk_err_set(err, -ENOMEM, "no memory for a ring of %zu bytes", bytes);
	snap = (struct dpk_snapshot *)memory;
	memory += sizeof(*snap);
	atomic_init(&snap->refs, 1);
	snap->generation = generation;
	snap->count = count;
	snap->files = (struct dpk_file *)memory;
	memory += count * sizeof(*snap->files);
	snap->by_node = (const struct dpk_file **)memory;
	memory += count * sizeof(*snap->by_node);
	r = fill(snap, files, memory);
	if (r == 0)
		r = index_files(snap, err);
	if (r < 0) {
		free(snap);
		return r;
	}
	*ret_snap = snap;
	return 0;
}
