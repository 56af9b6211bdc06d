/* SPDX-License-Identifier: MIT */
/*
 * journal-work STATE COUNT: commits COUNT generations to a journal, for tests
 * that kill it or break its disk. What generation N holds follows from N, so
 * any other run can tell whether it is whole. Prints "HAVE N" for what it
 * found and "ACK N" for each commit that returned 0. A failed commit is tried
 * once more after reopening, as the engine does.
 *
 * Exit codes: 0 well; 2 the journal cannot be opened; 3 a commit failed; 4
 * the journal holds what was never written; 5 it was set aside.
 */
#include "base/io.h"
#include "engine/journal.h"

#include "tests/unit/made.h"

#include <unistd.h>

#define KEYS    6
#define PADDING 900

static void tell(const char *word, uint64_t number)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s %llu\n", word, (unsigned long long)number);

	if (dpk_write_all(STDOUT_FILENO, line, (size_t)n) < 0)
		_exit(1);
}

static struct dpk_ring ring_of(uint64_t number)
{
	return made_ring((unsigned int)number, KEYS, PADDING);
}

static bool is_whole(const struct dpk_journal_entry *entries, size_t count, uint64_t number)
{
	struct dpk_ring ring = ring_of(number);
	bool whole = count == ring.count;

	for (size_t i = 0; i < count && whole; i++) {
		size_t size;
		const uint8_t *data = dpk_key_data(ring.members[i].key, &size);

		whole = entries[i].blob.size == size &&
			memcmp(entries[i].blob.data, data, size) == 0 &&
			strcmp(entries[i].blob.name, dpk_key_name(ring.members[i].key)) == 0;
	}
	dpk_ring_fini(&ring);
	return whole;
}

/* The newest generation, or the exit code that says what is wrong with it. */
static int look(struct dpk_journal *journal, uint64_t *ret_number)
{
	struct dpk_journal_entry *entries = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	size_t count = 0;
	bool whole;

	if (dpk_journal_load(journal, ret_number, &entries, &count, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 4;
	}
	whole = *ret_number == 0 || is_whole(entries, count, *ret_number);
	dpk_journal_entries_free(entries, count);
	if (whole)
		tell("HAVE", *ret_number);
	return whole ? 0 : 4;
}

static int work(struct dpk_journal *journal, uint64_t number)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_ring ring = ring_of(number);
	struct dpk_commit commit = { .ring = &ring, .now = MADE_NOW, .after = number - 1 };
	uint64_t generation = 0;
	int r = -1;

	for (int attempt = 0; attempt < 2 && r < 0; attempt++) {
		if (attempt && dpk_journal_reopen(journal, &err) < 0)
			break;
		r = dpk_journal_commit(journal, &commit, &generation, &err);
		if (r < 0)
			fprintf(stderr, "%s\n", err.text);
	}
	dpk_ring_fini(&ring);
	if (r < 0)
		return 3;
	tell("ACK", generation);
	return generation == number ? 0 : 4;
}

int main(int argc, char **argv)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_journal *journal = NULL;
	uint64_t number = 0;
	bool set_aside = false;
	long count = argc == 3 ? strtol(argv[2], NULL, 10) : -1;
	int r;

	if (count < 0)
		return 1;
	if (dpk_journal_open(argv[1], &journal, &set_aside, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	r = set_aside ? 5 : look(journal, &number);
	for (long i = 0; i < count && r == 0; i++)
		r = work(journal, ++number);
	dpk_journal_close(journal);
	return r;
}
