/* SPDX-License-Identifier: MIT */
/* Graves: what left the ring answers until its grace is over, and never hides what is there. */
#include "tap.h"

#include <stdlib.h>

#include "engine/freeze.h"
#include "fs/view.h"

static const struct dpkfs_owner owner = { .mode = 0440, .dmode = 0550 };

/* A ring of NAMES, each one letter, all with CONTENT. */
static struct dpk_snapshot *ring(uint64_t generation, const char *names, const char *content)
{
	struct dpk_file files[16] = { { .name = NULL } };
	struct dpk_snapshot *snap = NULL;
	char text[16][2];
	size_t count = strlen(names);

	for (size_t i = 0; i < count; i++) {
		text[i][0] = names[i];
		text[i][1] = '\0';
		files[i].name = text[i];
		files[i].data = content;
		files[i].size = strlen(content);
	}
	if (dpk_snapshot_freeze(generation, files, count, &snap, NULL) < 0)
		abort();
	return snap;
}

/* VIEW (consumed) with another ring, which is not kept; NULL: withdrawn. */
static struct dpkfs_view *next(
	struct dpkfs_view *view, const char *names, const char *content, uint64_t now_ms)
{
	struct dpk_snapshot *snap = names ? ring(now_ms, names, content) : NULL;
	struct dpkfs_view *after = dpkfs_view_next(view, snap, now_ms, 100);

	dpk_snapshot_unref(snap);
	dpkfs_view_unref(view);
	return after;
}

static struct dpkfs_view *bury(struct dpkfs_view *view, uint64_t now_ms)
{
	struct dpkfs_view *after = dpkfs_view_bury(view, now_ms);

	dpkfs_view_unref(view);
	return after;
}

/* The content that NAME shows, "-" for none. */
static const char *shown(const struct dpkfs_view *view, const char *name)
{
	static char text[32];
	const struct dpk_file *file = dpkfs_view_find(view, name);

	snprintf(text, sizeof(text), "%.*s", file ? (int)file->size : 1,
		file ? (const char *)file->data : "-");
	return text;
}

static void test_removed_name(void)
{
	struct dpkfs_view *view = next(dpkfs_view_new(&owner), "abc", "one", 1000);
	uint64_t node = dpkfs_view_find(view, "b")->node;

	view = next(view, "ac", "one", 2000);
	is_str(shown(view, "b"), "one", "a removed name is found");
	ok(dpkfs_view_find_node(view, node) != NULL, "and its node");
	is_num(dpkfs_view_grave_count(view), 1, "only what left has a grave");
	is_num(dpkfs_view_next_end_ms(view), 2100, "which ends after the grace");
	view = next(view, "ac", "one", 2050);
	is_num(dpkfs_view_next_end_ms(view), 2100, "a later swap does not prolong it");
	view = bury(view, 2099);
	is_str(shown(view, "b"), "one", "not a moment too early");
	view = bury(view, 2100);
	is_str(shown(view, "b"), "-", "then it is gone");
	ok(!dpkfs_view_find_node(view, node), "and its node");
	is_str(shown(view, "a"), "one", "the others stay");
	is_num(dpkfs_view_next_end_ms(view), UINT64_MAX, "nothing is left to end");
	dpkfs_view_unref(view);
}

static void test_replaced_content(void)
{
	struct dpkfs_view *view = next(dpkfs_view_new(&owner), "a", "one", 1000);
	uint64_t first = dpkfs_view_find(view, "a")->node, second;

	view = next(view, "a", "two", 2000);
	second = dpkfs_view_find(view, "a")->node;
	is_str(shown(view, "a"), "two", "the name has its new content");
	ok(dpkfs_view_find_node(view, first) != NULL, "the old content answers by node");
	view = next(view, "b", "two", 2010);
	is_str(shown(view, "a"), "two", "of two graves of a name the latest counts");
	ok(dpkfs_view_find_node(view, first) && dpkfs_view_find_node(view, second),
		"both answer by node");
	view = next(view, "a", "one", 2020);
	is_str(shown(view, "a"), "one", "what comes back is the ring's again");
	is_num(dpkfs_view_find(view, "a")->node, first, "with the node that it had");
	is_num(dpkfs_view_grave_count(view), 2, "and has no grave any more");
	dpkfs_view_unref(view);
}

static void test_withdrawn(void)
{
	struct dpkfs_view *view = next(dpkfs_view_new(&owner), "ab", "one", 1000);

	view = next(view, "a", "one", 2000);
	view = next(view, NULL, NULL, 2010);
	ok(!dpkfs_view_snapshot(view), "a withdrawn ring is none");
	is_str(shown(view, "a"), "-", "its names are gone at once");
	is_str(shown(view, "b"), "-", "those in grace too");
	is_num(dpkfs_view_blocks(view), 1, "an empty view has a size all the same");
	dpkfs_view_unref(view);
}

static void test_limit(void)
{
	struct dpkfs_view *view = next(dpkfs_view_new(&owner), "a", "x", 0);
	char content[16];

	for (uint64_t i = 1; i <= DPKFS_GRAVES_MAX + 10; i++) {
		snprintf(content, sizeof(content), "%u", (unsigned int)i);
		view = next(view, "a", content, i);
	}
	is_num(dpkfs_view_grave_count(view), DPKFS_GRAVES_MAX, "graves have a maximum");
	is_num(dpkfs_view_next_end_ms(view), 100 + 11, "and the oldest give way");
	dpkfs_view_unref(view);
}

int main(void)
{
	test_removed_name();
	test_replaced_content();
	test_withdrawn();
	test_limit();
	return tap_done();
}
