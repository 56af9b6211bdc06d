/* SPDX-License-Identifier: MIT */
/*
 * The order of a swap:
 *
 *   1 the view: new names open from now on, those that leave still do
 *   2 the kernel forgets names whose content was replaced
 *   3 the kernel is shown the new names and their content
 *   4 the list, and in the same moment the kernel's copy of it
 *   5 after the grace: the view without the old names, and the kernel forgets them
 *
 * Where 4 came before 1, a reader would list a name that does not open; where
 * 2 came after 4, it would read old content under a new list. Node ids come
 * from content, so content in the kernel's cache is never wrong, only reached
 * by names that are.
 */
#include "swap.h"

#include <errno.h>
#include <stdlib.h>

#include <dpkeyfs/limits.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/ticks.h"
#include "walker.h"

/* An entry invalidated by name is invalidated again after these. */
static const uint64_t again_ms[] = { 100, 2000 };

/* What differs between two views. Names are borrowed from them. */
struct change {
	const char **fresh; /* new, or with new content */
	size_t fresh_count;
	const char **stale; /* the kernel may know them with other content */
	size_t stale_count;
};

static void change_fini(struct change *change)
{
	free(change->fresh);
	free(change->stale);
}

static size_t file_count(const struct dpkfs_view *view)
{
	const struct dpk_snapshot *snap = dpkfs_view_snapshot(view);

	return snap ? dpk_snapshot_count(snap) : 0;
}

/* NAME meant something else in OLD than it does now, or means nothing any more. */
static void note_stale(
	struct change *change, const struct dpkfs_view *view, const struct dpk_file *was)
{
	const struct dpk_file *is = dpkfs_view_find(view, was->name);

	if (!is || is->node != was->node)
		change->stale[change->stale_count++] = was->name;
}

static int compare(
	const struct dpkfs_view *old, const struct dpkfs_view *view, struct change *ret_change)
{
	size_t old_files = file_count(old), graves = dpkfs_view_grave_count(old);

	ret_change->fresh = calloc(file_count(view) + 1, sizeof(char *));
	ret_change->stale = calloc(old_files + graves + 1, sizeof(char *));
	if (!ret_change->fresh || !ret_change->stale)
		return -ENOMEM;
	for (size_t i = 0; i < file_count(view); i++) {
		const struct dpk_file *file = dpk_snapshot_at(dpkfs_view_snapshot(view), i);
		const struct dpk_file *was = dpkfs_view_find(old, file->name);

		if (!was || was->node != file->node)
			ret_change->fresh[ret_change->fresh_count++] = file->name;
	}
	for (size_t i = 0; i < old_files; i++)
		note_stale(ret_change, view, dpk_snapshot_at(dpkfs_view_snapshot(old), i));
	for (size_t i = 0; i < graves; i++) {
		const struct dpk_file *grave = dpkfs_view_grave(old, i);

		if (dpkfs_view_find(old, grave->name) == grave)
			note_stale(ret_change, view, grave);
	}
	return 0;
}

/* True where the kernel forgot all names, not only these. */
static bool forget_names(struct dpkfs_notify *notify, const struct change *change)
{
	uint64_t now_ms = dpk_monotonic_ms();

	if (change->stale_count == 0)
		return false;
	if (dpkfs_kernel_epoch(&notify->kernel))
		return true;
	for (size_t i = 0; i < change->stale_count; i++) {
		dpkfs_kernel_entry(&notify->kernel, change->stale[i]);
		for (size_t k = 0; k < sizeof(again_ms) / sizeof(again_ms[0]); k++)
			if (dpkfs_names_add(&notify->again, change->stale[i], now_ms + again_ms[k]))
				dpk_warning(
					"cannot invalidate '%s' a second time", change->stale[i]);
	}
	return false;
}

static void store(struct dpkfs_notify *notify, const char *name)
{
	const struct dpk_file *file = dpkfs_view_find(notify->room->view, name);

	if (file)
		dpkfs_kernel_store(&notify->kernel, file);
}

static void check_walker(struct dpkfs_notify *notify)
{
	if (notify->walker.pid < 0 &&
		atomic_exchange_explicit(&notify->room->walker, -1, memory_order_relaxed) >= 0)
		dpk_warning("the walker did not answer and was killed; first readers will wait "
			    "a little");
}

/* Names that the first reader need not ask for. Without a walker it has to; no harm. */
static void warm_names(struct dpkfs_notify *notify, const char *const *names, size_t count)
{
	if (dpkfs_walker_look(&notify->walker, names, count) == 0)
		for (size_t i = 0; i < count; i++)
			store(notify, names[i]);
	check_walker(notify);
}

/* The same for all. The listing must come from us, for it carries the names (see walker.h). */
static void warm_all(struct dpkfs_notify *notify)
{
	struct dpk_snapshot *snap = dpkfs_view_snapshot(notify->room->view);

	dpkfs_kernel_listing(&notify->kernel);
	if (dpkfs_walker_walk(&notify->walker) == 0)
		for (size_t i = 0; i < dpk_snapshot_count(snap); i++)
			dpkfs_kernel_store(&notify->kernel, dpk_snapshot_at(snap, i));
	check_walker(notify);
}

static void flip(struct dpkfs_notify *notify, struct dpk_snapshot *snap)
{
	dpkfs_room_flip_begin(notify->room, snap, dpk_monotonic_ms());
	dpkfs_kernel_listing(&notify->kernel);
	dpkfs_room_flip_end(notify->room);
}

/* Files of OLD are in nobody's reach any more, not even through descriptors that are open. */
static void drop_pages(struct dpkfs_notify *notify, const struct dpkfs_view *old)
{
	for (size_t i = 0; i < file_count(old); i++)
		dpkfs_kernel_pages(
			&notify->kernel, dpk_snapshot_at(dpkfs_view_snapshot(old), i)->node);
	for (size_t i = 0; i < dpkfs_view_grave_count(old); i++)
		dpkfs_kernel_pages(&notify->kernel, dpkfs_view_grave(old, i)->node);
}

int dpkfs_swap(struct dpkfs_notify *notify, struct dpk_snapshot *snap)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *old = dpkfs_room_take(notify->room);
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = NULL;
	_cleanup_(change_fini) struct change change = { .fresh = NULL };
	bool first = !dpkfs_view_snapshot(old), few, forgot;

	if (snap == dpkfs_view_snapshot(old))
		return 0;
	view = dpkfs_view_next(old, snap, dpk_monotonic_ms(), notify->grace_ms);
	if (!view || compare(old, view, &change) < 0)
		return -ENOMEM;
	few = !first && change.fresh_count <= DPKFS_WALKER_NAMES_MAX;
	dpkfs_room_set_view(notify->room, steal_ptr(&view));
	forgot = forget_names(notify, &change);
	if (few)
		warm_names(notify, change.fresh, change.fresh_count);
	flip(notify, snap);
	if (!snap)
		drop_pages(notify, old);
	else if (forgot || !few)
		warm_all(notify);
	return 0;
}

int dpkfs_swap_bury(struct dpkfs_notify *notify, uint64_t now_ms)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *old = dpkfs_room_take(notify->room);
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = NULL;
	_cleanup_(change_fini) struct change change = { .fresh = NULL };

	if (dpkfs_view_next_end_ms(old) > now_ms)
		return 0;
	view = dpkfs_view_bury(old, now_ms);
	if (!view || compare(old, view, &change) < 0)
		return -ENOMEM;
	dpkfs_room_set_view(notify->room, steal_ptr(&view));
	if (forget_names(notify, &change))
		warm_all(notify);
	return 0;
}

void dpkfs_swap_attributes(struct dpkfs_notify *notify)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = dpkfs_room_take(notify->room);

	dpkfs_kernel_attributes(&notify->kernel, DPKFS_ROOT_NODE);
	for (size_t i = 0; i < file_count(view); i++)
		dpkfs_kernel_attributes(
			&notify->kernel, dpk_snapshot_at(dpkfs_view_snapshot(view), i)->node);
	for (size_t i = 0; i < dpkfs_view_grave_count(view); i++)
		dpkfs_kernel_attributes(&notify->kernel, dpkfs_view_grave(view, i)->node);
}

int dpkfs_swap_chown(struct dpkfs_notify *notify, const struct dpkfs_owner *owner)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *old = dpkfs_room_take(notify->room);
	struct dpkfs_view *view = dpkfs_view_chown(old, owner);

	if (!view)
		return -ENOMEM;
	dpkfs_room_set_view(notify->room, view);
	dpkfs_swap_attributes(notify);
	return 0;
}

void dpkfs_swap_again(struct dpkfs_notify *notify, uint64_t now_ms)
{
	_cleanup_(dpkfs_names_fini) struct dpkfs_names due = { .due = NULL };

	dpkfs_names_take_due(&notify->again, now_ms, &due);
	for (size_t i = 0; i < due.count; i++) {
		const char *name = due.due[i].name;

		dpkfs_kernel_entry(&notify->kernel, name);
		if (dpkfs_view_find(notify->room->view, name))
			warm_names(notify, &name, 1);
	}
}
