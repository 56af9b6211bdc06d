/* SPDX-License-Identifier: MIT */
#ifndef DPK_TESTS_JOURNAL_LIB_H
#define DPK_TESTS_JOURNAL_LIB_H

/* Journals in a directory of the test's own, in memory where there is a tmpfs. */

#include "base/err.h"
#include "base/io.h"
#include "engine/journal.h"

#include "tests/tap.h"
#include "tests/unit/made.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];

__attribute__((unused)) static void make_base(void)
{
	snprintf(base, sizeof(base), "%s/dpkeyfs-journal-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(base))
		made_bail("no directory");
	umask(022);
}

__attribute__((unused)) static void remove_base(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", base);
	if (system(command) != 0)
		diag("'%s' is left", base);
}

/* One of four buffers in turn. */
__attribute__((format(printf, 1, 2), unused)) static const char *below(const char *format, ...)
{
	static char paths[4][256];
	static unsigned int turn;
	char *path = paths[turn++ % 4];
	va_list ap;
	int n = snprintf(path, sizeof(paths[0]), "%s/", base);

	va_start(ap, format);
	vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, format, ap);
	va_end(ap);
	return path;
}

__attribute__((unused)) static struct dpk_journal *open_journal(const char *state)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_journal *journal = NULL;
	bool set_aside = true;

	if (dpk_journal_open(state, &journal, &set_aside, &err) < 0)
		made_bail(err.text);
	if (set_aside)
		made_bail("the journal was set aside");
	return journal;
}

/* Commits RING; its number, or a negative errno. */
__attribute__((unused)) static int64_t commit_ring(
	struct dpk_journal *journal, const struct dpk_ring *ring, uint64_t after)
{
	struct dpk_err err = DPK_ERR_INIT;
	uint64_t generation = 0;
	struct dpk_commit commit = { .ring = ring, .now = MADE_NOW, .after = after };
	int r = dpk_journal_commit(journal, &commit, &generation, &err);

	if (r < 0)
		diag("%s", err.text);
	return r < 0 ? r : (int64_t)generation;
}

/* Is what the journal holds this RING under that number, byte for byte? */
__attribute__((unused)) static bool holds(
	struct dpk_journal *journal, const struct dpk_ring *ring, uint64_t number)
{
	struct dpk_journal_entry *entries = NULL;
	uint64_t generation = 0;
	size_t count = 0;
	bool good = dpk_journal_load(journal, &generation, &entries, &count, NULL) == 0 &&
		    generation == number && count == ring->count;

	for (size_t i = 0; i < count && good; i++) {
		size_t size;
		const uint8_t *data = dpk_key_data(ring->members[i].key, &size);

		good = entries[i].blob.size == size &&
		       memcmp(entries[i].blob.data, data, size) == 0 &&
		       strcmp(entries[i].blob.name, dpk_key_name(ring->members[i].key)) == 0;
	}
	dpk_journal_entries_free(entries, count);
	return good;
}

/* The whole file; free() it. */
__attribute__((unused)) static char *slurp(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data = NULL;

	if (fd < 0 || fstat(fd, &st) < 0 || !(data = malloc((size_t)st.st_size + 1)) ||
		read(fd, data, (size_t)st.st_size) != st.st_size)
		made_bail(path);
	close(fd);
	*ret_size = (size_t)st.st_size;
	return data;
}

__attribute__((unused)) static void spill(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || dpk_write_all(fd, data, size) < 0)
		made_bail(path);
	close(fd);
}

#endif
