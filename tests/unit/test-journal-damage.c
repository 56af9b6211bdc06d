/* SPDX-License-Identifier: MIT */
/*
 * A damaged journal. Whatever happened to the file, opening and loading give
 * the very bytes that were written, or say that it is damaged and go on with
 * a new one; never other bytes, never an older ring, never a crash.
 */
#include "tests/unit/journal-lib.h"

#define FLIPS_MAX 400
#define PAGE      4096
#define NUMBER    9

static struct dpk_ring ring; /* what the newest generation holds */
static uint64_t newest = NUMBER;
static size_t flips = FLIPS_MAX;
static char *image, *rollback; /* of the undamaged files */
static size_t image_size, rollback_size;

enum outcome { INTACT, SET_ASIDE, REFUSED, WRONG, OUTCOMES };

/* Reads all that there is; what it says does not matter. */
static void read_all(struct dpk_journal *journal)
{
	struct dpk_generation *history = NULL;
	struct dpk_event *events = NULL;
	char *value = NULL;
	size_t count = 0;
	uint64_t removed;

	if (dpk_journal_events(journal, 1000, &events, &count) == 0)
		dpk_events_free(events, count);
	if (dpk_journal_history(journal, 1000, &history, &count) == 0)
		free(history);
	if (dpk_journal_get(journal, "token", &value) == 0)
		free(value);
	dpk_journal_removed_since(journal, 0, &removed);
}

/* After damage the next commit must go through, under a number that is above the old one. */
static bool goes_on(struct dpk_journal *journal)
{
	int64_t number = commit_ring(journal, &ring, newest);

	return number == (int64_t)newest + 1 && holds(journal, &ring, newest + 1);
}

/* Opens and loads what is at STATE. */
static enum outcome try(const char *state)
{
	struct dpk_journal_entry *entries = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_journal *journal = NULL;
	enum outcome outcome = WRONG;
	uint64_t generation = 0;
	bool set_aside = false;
	size_t count = 0;
	int r = dpk_journal_open(state, &journal, &set_aside, &err);

	if (r < 0)
		return r == -EINVAL ? REFUSED : WRONG;
	r = dpk_journal_load(journal, &generation, &entries, &count, &err);
	if (r == 0)
		dpk_journal_entries_free(entries, count);
	read_all(journal);
	if (r == 0 && !set_aside && holds(journal, &ring, newest))
		outcome = INTACT;
	else if (r == -EBADMSG && !set_aside && dpk_journal_set_aside(journal, &err) == 0)
		outcome = goes_on(journal) ? SET_ASIDE : WRONG;
	else if (r == 0 && set_aside && generation == 0)
		outcome = goes_on(journal) ? SET_ASIDE : WRONG;
	if (outcome == WRONG)
		diag("load %d, generation %lu, %zu elements, set aside %d: %s", r,
			(unsigned long)generation, count, set_aside, err.text);
	dpk_journal_close(journal);
	return outcome;
}

/* Puts DATA in the place of the journal and tries it. */
static enum outcome try_file(const void *data, size_t size, const void *hot, size_t hot_size)
{
	char command[192];
	enum outcome outcome;

	mkdir(below("try"), 0700);
	spill(below("try/journal.db"), data, size);
	if (hot)
		spill(below("try/journal.db-journal"), hot, hot_size);
	outcome = try(below("try"));
	snprintf(command, sizeof(command), "rm -rf '%s'", below("try"));
	if (system(command) != 0)
		made_bail("cannot remove");
	return outcome;
}

static void make_image(void)
{
	struct dpk_journal *journal = open_journal(below("image"));
	struct dpk_event event = { .at = 1, .code = "code", .detail = base };

	for (unsigned int i = 1; i <= NUMBER; i++) {
		dpk_ring_fini(&ring);
		ring = made_ring(i, 12, 300 + 700 * (i % 2));
		made_add(&ring, made_revocation(i, 0, ""), MADE_NOW);
		commit_ring(journal, &ring, 0);
		dpk_journal_add_event(journal, &event);
	}
	dpk_journal_set(journal, "token", "abc");
	dpk_journal_close(journal);
	image = slurp(below("image/journal.db"), &image_size);
	rollback = slurp(below("image/journal.db-journal"), &rollback_size);
	is_num(try_file(image, image_size, rollback, rollback_size), INTACT, "the undamaged file");
	is_num(try_file(image, image_size, NULL, 0), INTACT, "without its rollback journal too");
}

/* The offsets that hold something: the free list's pages are zeros. */
static size_t used_offsets(size_t **ret_offsets)
{
	size_t *offsets = malloc(image_size * sizeof(*offsets)), count = 0;

	for (size_t i = 0; i < image_size; i++)
		if (i < PAGE || image[i] || (i && image[i - 1]) || image[i + 1])
			offsets[count++] = i;
	*ret_offsets = offsets;
	return count;
}

static void test_flips(void)
{
	size_t *offsets, count = used_offsets(&offsets), tally[OUTCOMES] = { 0 };

	for (size_t i = 0; i < flips; i++) {
		size_t at = offsets[i * count / flips];
		char bit = (char)(1 << i % 8), was = image[at];
		enum outcome outcome;

		image[at] ^= i % 3 ? bit : (char)0xff;
		outcome = try_file(image, image_size, NULL, 0);
		image[at] = was;
		tally[outcome]++;
		/* the version's four bytes look like a file of a newer dpkeyfs */
		if (outcome == WRONG || (outcome == REFUSED && (at < 60 || at >= 64)))
			ok(false, "byte %zu, bit %zu", at, i % 8);
	}
	is_num(tally[INTACT] + tally[SET_ASIDE] + tally[REFUSED], (int64_t)flips,
		"each flipped byte gives the original, or is seen");
	diag("%zu intact, %zu set aside, %zu refused", tally[INTACT], tally[SET_ASIDE],
		tally[REFUSED]);
	ok(tally[SET_ASIDE] > flips / 20 && tally[INTACT] > flips / 20, "both happen");
	free(offsets);
}

/* Every byte of the rows that say which generation is the newest. */
static void test_rows(void)
{
	static const char pattern[] = "generation";
	size_t wrong = 0, tried = 0;
	int step = flips == FLIPS_MAX ? 3 : 20;

	for (char *at = image; (at = memmem(at, (size_t)(image + image_size - at), pattern,
					sizeof(pattern) - 1)) != NULL;
		at++) {
		for (int i = -6; i < (int)sizeof(pattern) + 6; i += step, tried++) {
			char was = at[i];
			enum outcome outcome;

			at[i] ^= 1;
			outcome = try_file(image, image_size, NULL, 0);
			at[i] = was;
			wrong += outcome == WRONG || outcome == REFUSED;
		}
	}
	ok(tried > 10 && wrong == 0, "%zu flips around the schema and the sequence, %zu wrong",
		tried, wrong);
}

static void test_cuts(void)
{
	size_t wrong = 0, cuts = flips / 6;

	for (size_t i = 0; i < cuts; i++) {
		size_t size = i < cuts / 6 ? i * 50 : i * image_size / cuts;
		enum outcome outcome = try_file(image, size, NULL, 0);

		if (size == 0)
			is_num(outcome, WRONG, "an empty file is a new journal, without its ring");
		else if (outcome != SET_ASIDE && outcome != INTACT)
			ok(false, "cut at %zu", size), wrong++;
	}
	is_num(wrong, 0, "cut files are seen");
}

static void test_foreign(void)
{
	char *copy = malloc(image_size);

	memcpy(copy, image, image_size);
	copy[68] ^= 1;
	is_num(try_file(copy, image_size, NULL, 0), SET_ASIDE, "the database of another program");
	memcpy(copy, image, image_size);
	copy[63] = 2;
	is_num(try_file(copy, image_size, NULL, 0), REFUSED, "a newer schema is not touched");
	memset(copy, 0, image_size);
	is_num(try_file(copy, image_size, NULL, 0), SET_ASIDE, "zeros");
	for (size_t i = 0; i < image_size; i++)
		copy[i] = (char)(i * 2654435761u >> 13);
	is_num(try_file(copy, image_size, NULL, 0), SET_ASIDE, "garbage");
	is_num(try_file("hello, world\n", 13, NULL, 0), SET_ASIDE, "a text");
	is_num(try_file(image, image_size, copy, 20000), INTACT, "garbage as rollback journal");
	free(copy);
}

/* One page of the older image OLD instead of today's; true where they differ. */
static bool swap_page(const char *old, size_t at, enum outcome *ret_outcome)
{
	char page[PAGE];

	if (memcmp(image + at, old + at, PAGE) == 0)
		return false;
	memcpy(page, image + at, PAGE);
	memcpy(image + at, old + at, PAGE);
	*ret_outcome = try_file(image, image_size, NULL, 0);
	memcpy(image + at, page, PAGE);
	return true;
}

/* A page of an older state in the place of today's: what a lost write leaves. */
static void test_lost_writes(void)
{
	size_t old_size = image_size, tally[OUTCOMES] = { 0 }, tried = 0;
	struct dpk_journal *journal = open_journal(below("image"));
	char *old = image;

	dpk_ring_fini(&ring);
	ring = made_ring(77, 12, 900);
	newest = (uint64_t)commit_ring(journal, &ring, 0);
	dpk_journal_close(journal);
	image = slurp(below("image/journal.db"), &image_size);
	for (size_t at = 0; at + PAGE <= old_size && at + PAGE <= image_size; at += PAGE) {
		enum outcome outcome = INTACT;

		tried += swap_page(old, at, &outcome);
		tally[outcome]++;
		if (outcome == WRONG)
			ok(false, "the page at %zu", at);
	}
	ok(tried > 3 && tally[SET_ASIDE] > 3 && tally[REFUSED] + tally[WRONG] == 0,
		"%zu pages of before, %zu seen, none makes an older ring", tried, tally[SET_ASIDE]);
	free(old);
}

int main(void)
{
	if (getenv("DPK_TEST_MEMCHECK"))
		flips /= 10; /* each takes a second there */
	make_base();
	make_image();
	test_flips();
	test_rows();
	test_cuts();
	test_foreign();
	test_lost_writes();
	free(image);
	free(rollback);
	dpk_ring_fini(&ring);
	remove_base();
	return tap_done();
}
