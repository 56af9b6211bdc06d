/* SPDX-License-Identifier: MIT */
/* Which file a name or a node is. Knows nothing of FUSE. */
#include "view.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "grave.h"

struct dpkfs_view {
	atomic_uint refs;
	struct dpk_snapshot *snap;
	struct dpkfs_owner owner;
	uint64_t blocks;
	size_t count;
	struct dpkfs_grave **by_name; /* of one name, the latest first */
	struct dpkfs_grave **by_node;
	struct dpkfs_grave *graves[]; /* room for both */
};

/* Graves while a view is made: an array that owns its references. */
struct plot {
	size_t count;
	struct dpkfs_grave **graves;
};

static int plot_init(struct plot *plot, size_t max)
{
	plot->count = 0;
	plot->graves = calloc(max + 1, sizeof(*plot->graves));
	return plot->graves ? 0 : -ENOMEM;
}

static void plot_fini(struct plot *plot)
{
	for (size_t i = 0; i < plot->count; i++)
		dpkfs_grave_unref(plot->graves[i]);
	free(plot->graves);
}

static int latest_first(const void *a, const void *b)
{
	uint64_t x = (*(struct dpkfs_grave *const *)a)->until_ms;
	uint64_t y = (*(struct dpkfs_grave *const *)b)->until_ms;

	return x > y ? -1 : x < y;
}

static int compare_name(const void *a, const void *b)
{
	const struct dpkfs_grave *x = *(struct dpkfs_grave *const *)a,
				 *y = *(struct dpkfs_grave *const *)b;
	int order = strcmp(x->file.name, y->file.name);

	return order ? order : latest_first(a, b);
}

static int compare_node(const void *a, const void *b)
{
	uint64_t x = (*(struct dpkfs_grave *const *)a)->file.node;
	uint64_t y = (*(struct dpkfs_grave *const *)b)->file.node;

	return x < y ? -1 : x > y;
}

/* Keeps within the maxima; a grace that goes on for long must not eat the memory. */
static void plot_limit(struct plot *plot)
{
	size_t bytes = 0, keep;

	qsort(plot->graves, plot->count, sizeof(*plot->graves), latest_first);
	for (keep = 0; keep < plot->count && keep < DPKFS_GRAVES_MAX; keep++) {
		bytes += plot->graves[keep]->file.size;
		if (bytes > DPKFS_GRAVES_MAX_BYTES)
			break;
	}
	while (plot->count > keep)
		dpkfs_grave_unref(plot->graves[--plot->count]);
}

static uint64_t count_blocks(const struct dpk_snapshot *snap)
{
	uint64_t blocks = 0;

	for (size_t i = 0; snap && i < dpk_snapshot_count(snap); i++)
		blocks += (dpk_snapshot_at(snap, i)->size + 4095) / 4096;
	return blocks ? blocks : 1;
}

/* PLOT's references are copied. */
static struct dpkfs_view *make(
	struct dpk_snapshot *snap, const struct dpkfs_owner *owner, const struct plot *plot)
{
	struct dpkfs_view *view;
	size_t count = plot->count;

	view = malloc(sizeof(*view) + 2 * count * sizeof(view->graves[0]));
	if (!view)
		return NULL;
	atomic_init(&view->refs, 1);
	view->snap = snap ? dpk_snapshot_ref(snap) : NULL;
	view->owner = *owner;
	view->blocks = count_blocks(snap);
	view->count = count;
	view->by_name = view->graves;
	view->by_node = view->graves + count;
	for (size_t i = 0; i < count; i++) {
		view->by_name[i] = dpkfs_grave_ref(plot->graves[i]);
		view->by_node[i] = plot->graves[i];
	}
	qsort(view->by_name, count, sizeof(*view->by_name), compare_name);
	qsort(view->by_node, count, sizeof(*view->by_node), compare_node);
	return view;
}

struct dpkfs_view *dpkfs_view_new(const struct dpkfs_owner *owner)
{
	const struct plot none = { .count = 0 };

	return make(NULL, owner, &none);
}

static size_t files_of(const struct dpkfs_view *view)
{
	return view->snap ? dpk_snapshot_count(view->snap) : 0;
}

/* Graves of OLD stay, but for what SNAP has again. */
static void keep_graves(
	struct plot *plot, const struct dpkfs_view *old, const struct dpk_snapshot *snap)
{
	for (size_t i = 0; i < old->count; i++)
		if (!dpk_snapshot_find_node(snap, old->by_node[i]->file.node))
			plot->graves[plot->count++] = dpkfs_grave_ref(old->by_node[i]);
}

/* What the ring of OLD has and SNAP has not gets a grave. */
static int dig_graves(struct plot *plot, const struct dpkfs_view *old,
	const struct dpk_snapshot *snap, uint64_t until_ms)
{
	for (size_t i = 0; i < files_of(old); i++) {
		const struct dpk_file *file = dpk_snapshot_at(old->snap, i);
		struct dpkfs_grave *grave;

		if (dpk_snapshot_find_node(snap, file->node))
			continue;
		grave = dpkfs_grave_new(file, until_ms);
		if (!grave)
			return -ENOMEM;
		plot->graves[plot->count++] = grave;
	}
	return 0;
}

struct dpkfs_view *dpkfs_view_next(
	struct dpkfs_view *old, struct dpk_snapshot *snap, uint64_t now_ms, uint64_t grace_ms)
{
	_cleanup_(plot_fini) struct plot plot = { .count = 0 };

	if (plot_init(&plot, snap ? old->count + files_of(old) : 0) < 0)
		return NULL;
	if (snap) {
		keep_graves(&plot, old, snap);
		if (dig_graves(&plot, old, snap, now_ms + grace_ms) < 0)
			return NULL;
	}
	plot_limit(&plot);
	return make(snap, &old->owner, &plot);
}

struct dpkfs_view *dpkfs_view_bury(struct dpkfs_view *old, uint64_t now_ms)
{
	_cleanup_(plot_fini) struct plot plot = { .count = 0 };

	if (plot_init(&plot, old->count) < 0)
		return NULL;
	for (size_t i = 0; i < old->count; i++)
		if (old->by_node[i]->until_ms > now_ms)
			plot.graves[plot.count++] = dpkfs_grave_ref(old->by_node[i]);
	return make(old->snap, &old->owner, &plot);
}

struct dpkfs_view *dpkfs_view_chown(struct dpkfs_view *old, const struct dpkfs_owner *owner)
{
	const struct plot same = { .count = old->count, .graves = old->by_node };

	return make(old->snap, owner, &same);
}

struct dpkfs_view *dpkfs_view_ref(struct dpkfs_view *view)
{
	atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
	return view;
}

struct dpkfs_view *dpkfs_view_unref(struct dpkfs_view *view)
{
	/* release: our reads come before the free; acquire: everybody's do */
	if (!view || atomic_fetch_sub_explicit(&view->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	dpk_snapshot_unref(view->snap);
	for (size_t i = 0; i < view->count; i++)
		dpkfs_grave_unref(view->by_node[i]);
	free(view);
	return NULL;
}

struct dpk_snapshot *dpkfs_view_snapshot(const struct dpkfs_view *view)
{
	return view->snap;
}

const struct dpkfs_owner *dpkfs_view_owner(const struct dpkfs_view *view)
{
	return &view->owner;
}

uint64_t dpkfs_view_blocks(const struct dpkfs_view *view)
{
	return view->blocks;
}

const struct dpk_file *dpkfs_view_find(const struct dpkfs_view *view, const char *name)
{
	const struct dpk_file *file = view->snap ? dpk_snapshot_find(view->snap, name) : NULL;
	size_t low = 0, high = view->count;

	if (file)
		return file;
	while (low < high) { /* the first of that name, which is the latest */
		size_t middle = low + (high - low) / 2;

		if (strcmp(view->by_name[middle]->file.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == view->count || strcmp(view->by_name[low]->file.name, name) != 0)
		return NULL;
	return &view->by_name[low]->file;
}

const struct dpk_file *dpkfs_view_find_node(const struct dpkfs_view *view, uint64_t node)
{
	const struct dpk_file *file = view->snap ? dpk_snapshot_find_node(view->snap, node) : NULL;
	size_t low = 0, high = view->count;

	if (file)
		return file;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (view->by_node[middle]->file.node < node)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == view->count || view->by_node[low]->file.node != node)
		return NULL;
	return &view->by_node[low]->file;
}

size_t dpkfs_view_grave_count(const struct dpkfs_view *view)
{
	return view->count;
}

const struct dpk_file *dpkfs_view_grave(const struct dpkfs_view *view, size_t index)
{
	return &view->by_node[index]->file;
}

uint64_t dpkfs_view_next_end_ms(const struct dpkfs_view *view)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < view->count; i++)
		if (view->by_node[i]->until_ms < next)
			next = view->by_node[i]->until_ms;
	return next;
}
