/* SPDX-License-Identifier: MIT */
/*
 * Reads a ring as ASP.NET Core does: the system calls of one load of
 * FileSystemXmlRepository, in their order.
 *
 *   netpass once DIR               files=N bytes=N us=N, or the first error
 *   netpass loop DIR SECONDS       passes until then; one line of counters, 1 if any anomaly
 *   netpass bench A B PASSES       medians of interleaved passes, and A/B
 *   netpass slow DIR MS            lists; MS later opens each listed name
 *   netpass hold DIR               opens the first file, says so, reads it at the end of its input
 *
 * A file may begin with `stamp=GENERATION;` and end with `;stamp=GENERATION`;
 * loop then also sees a file torn between two, and content that goes back. A
 * ring may hold one file `generation-G-COUNT.xml`; then it also sees listings
 * that are a mixture of two.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAMES_MAX      20000
#define NAME_MAX_BYTES 80
#define STAMP_MAX      32

struct pass {
	uint64_t files, bytes;
	uint64_t gone, torn, empty, mixed, back, errors;
	int error; /* the first one's errno */
	char error_at[PATH_MAX];
	uint64_t lowest, highest; /* stamps seen */
};

struct listing {
	size_t count;
	char (*names)[NAME_MAX_BYTES];
};

static void listing_fini(struct listing *listing)
{
	free(listing->names);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void failed(struct pass *pass, const char *path, int error)
{
	if (!pass->error)
		snprintf(pass->error_at, sizeof(pass->error_at), "%s", path);
	if (!pass->error)
		pass->error = error;
	if (error == ENOENT)
		pass->gone++;
	else
		pass->errors++;
}

static uint64_t stamp_at(const char *text)
{
	uint64_t value = 0;

	if (strncmp(text, "stamp=", 6) != 0)
		return 0;
	for (text += 6; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	return value;
}

/* HEAD and TAIL are the first and the last bytes of a file of SIZE bytes, each with a NUL. */
static void check_stamps(struct pass *pass, const char *head, const char *tail)
{
	const char *last = strrchr(tail, ';');
	uint64_t begin = stamp_at(head), end = last ? stamp_at(last + 1) : 0;

	if (!begin)
		return;
	if (begin != end)
		pass->torn++;
	if (!pass->lowest || begin < pass->lowest)
		pass->lowest = begin;
	if (begin > pass->highest)
		pass->highest = begin;
}

/* The last bytes of what was read so far, however it was cut into reads. */
static void keep_last(char tail[static STAMP_MAX + 1], const char *buffer, size_t len)
{
	size_t have = strlen(tail), add = len < STAMP_MAX ? len : STAMP_MAX;
	size_t stay = have + add > STAMP_MAX ? STAMP_MAX - add : have;

	memmove(tail, tail + have - stay, stay);
	memcpy(tail + stay, buffer + len - add, add);
	tail[stay + add] = '\0';
}

static int read_through(int fd, const struct stat *st, struct pass *pass)
{
	char buffer[4096 + 1], head[STAMP_MAX + 1] = "", tail[STAMP_MAX + 1] = "";
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buffer, 4096, at)) > 0) {
		size_t len = (size_t)n, keep = len < STAMP_MAX ? len : STAMP_MAX;

		if (at == 0) {
			memcpy(head, buffer, keep);
			head[keep] = '\0';
		}
		keep_last(tail, buffer, len);
		at += n;
	}
	if (n < 0)
		return -errno;
	if (at != st->st_size)
		pass->torn++;
	check_stamps(pass, head, tail);
	pass->bytes += (uint64_t)at;
	return 0;
}

static int read_one(const char *path, struct pass *pass)
{
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0)
		return -errno;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0 || fstat(fd, &st) < 0 ? -errno :
											   0;
	if (r == 0)
		r = read_through(fd, &st, pass);
	flock(fd, LOCK_UN);
	close(fd);
	pass->files++;
	return r;
}

static bool is_element(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && len < NAME_MAX_BYTES && strcmp(name + len - 4, ".xml") == 0;
}

static int list(const char *dir, struct listing *listing)
{
	struct dirent *entry;
	struct stat st;
	DIR *handle;
	int r;

	mkdir(dir, 0777);
	if (stat(dir, &st) < 0)
		return -errno;
	handle = opendir(dir);
	if (!handle)
		return -errno;
	listing->count = 0;
	errno = 0;
	while ((entry = readdir(handle)) && listing->count < NAMES_MAX)
		if (is_element(entry->d_name))
			snprintf(listing->names[listing->count++], NAME_MAX_BYTES, "%s",
				entry->d_name);
	r = -errno;
	closedir(handle);
	return r;
}

static void read_listed(const char *dir, const struct listing *listing, struct pass *pass)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < listing->count; i++) {
		int r;

		snprintf(path, sizeof(path), "%s/%s", dir, listing->names[i]);
		r = read_one(path, pass);
		if (r < 0)
			failed(pass, path, -r);
	}
}

/* A listing of one generation has its one marker, and as many names as that says. */
static bool is_mixture(const struct listing *listing)
{
	size_t markers = 0, count = 0;

	for (size_t i = 0; i < listing->count; i++) {
		if (strncmp(listing->names[i], "generation-", 11) != 0)
			continue;
		markers++;
		count = strtoul(strrchr(listing->names[i], '-') + 1, NULL, 10);
	}
	return markers > 1 || (markers == 1 && count != listing->count);
}

/* .NET lists first and reads afterwards, so names can go between. */
static void read_ring(const char *dir, struct listing *listing, struct pass *pass)
{
	int r = list(dir, listing);

	pass->lowest = pass->highest = 0;
	if (r < 0)
		failed(pass, dir, -r);
	else if (listing->count == 0)
		pass->empty++;
	else if (is_mixture(listing))
		pass->mixed++;
	read_listed(dir, listing, pass);
}

static int once(const char *dir, struct listing *listing)
{
	struct pass pass = { .files = 0 };
	uint64_t begin = now_us();

	read_ring(dir, listing, &pass);
	printf("files=%llu bytes=%llu us=%llu stamps=%llu-%llu\n", (unsigned long long)pass.files,
		(unsigned long long)pass.bytes, (unsigned long long)(now_us() - begin),
		(unsigned long long)pass.lowest, (unsigned long long)pass.highest);
	if (pass.error)
		printf("'%s': %s\n", pass.error_at, strerror(pass.error));
	return pass.error || pass.torn || pass.empty;
}

/*
 * A pass across a swap may find new content under a name listed before: an
 * interface of paths cannot do better. It must not find content older than
 * what an earlier pass saw in whole.
 */
static void check_order(struct pass *pass, uint64_t *seen)
{
	if (pass->lowest && pass->lowest < *seen)
		pass->back++;
	if (pass->highest == pass->lowest && pass->highest > *seen)
		*seen = pass->highest;
}

static int loop(const char *dir, double seconds, struct listing *listing)
{
	uint64_t until = now_us() + (uint64_t)(seconds * 1e6), passes = 0, seen = 0, slowest = 0;
	struct pass pass = { .files = 0 };

	do {
		uint64_t begin = now_us(), took;

		read_ring(dir, listing, &pass);
		check_order(&pass, &seen);
		took = now_us() - begin;
		if (took > slowest)
			slowest = took;
		passes++;
	} while (now_us() < until);
	printf("passes=%llu files=%llu gone=%llu torn=%llu empty=%llu mixed=%llu back=%llu "
	       "errors=%llu "
	       "slowest_us=%llu%s%s\n",
		(unsigned long long)passes, (unsigned long long)pass.files,
		(unsigned long long)pass.gone, (unsigned long long)pass.torn,
		(unsigned long long)pass.empty, (unsigned long long)pass.mixed,
		(unsigned long long)pass.back, (unsigned long long)pass.errors,
		(unsigned long long)slowest, pass.error ? " first: " : "",
		pass.error ? strerror(pass.error) : "");
	return pass.gone || pass.torn || pass.empty || pass.mixed || pass.back || pass.errors;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t timed(const char *dir, struct listing *listing, struct pass *pass)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	read_ring(dir, listing, pass);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000000 +
	       (uint64_t)(end.tv_nsec - begin.tv_nsec);
}

/* Interleaved, so that whatever else the machine does hits both. */
static int bench(const char *a, const char *b, size_t passes, struct listing *listing)
{
	uint64_t *times = calloc(2 * passes, sizeof(*times));
	struct pass pass = { .files = 0 };

	if (!times || passes == 0)
		return 2;
	read_ring(a, listing, &pass);
	read_ring(b, listing, &pass);
	for (size_t i = 0; i < passes; i++) {
		times[i] = timed(a, listing, &pass);
		times[passes + i] = timed(b, listing, &pass);
	}
	qsort(times, passes, sizeof(*times), by_value);
	qsort(times + passes, passes, sizeof(*times), by_value);
	printf("a_us=%.1f b_us=%.1f ratio=%.3f files=%zu\n", (double)times[passes / 2] / 1e3,
		(double)times[passes + passes / 2] / 1e3,
		(double)times[passes / 2] / (double)times[passes + passes / 2], listing->count);
	free(times);
	return pass.error != 0;
}

static int slow(const char *dir, unsigned int ms, struct listing *listing)
{
	struct pass pass = { .files = 0 };
	int r = list(dir, listing);

	if (r < 0)
		failed(&pass, dir, -r);
	usleep(ms * 1000);
	read_listed(dir, listing, &pass);
	printf("files=%llu gone=%llu errors=%llu\n", (unsigned long long)pass.files,
		(unsigned long long)pass.gone, (unsigned long long)pass.errors);
	return pass.error != 0;
}

static int hold(const char *dir, struct listing *listing)
{
	struct pass pass = { .files = 0 };
	char path[PATH_MAX], byte;
	struct stat st;
	int fd, r = list(dir, listing);

	if (r < 0 || listing->count == 0)
		return 1;
	snprintf(path, sizeof(path), "%s/%s", dir, listing->names[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 1;
	printf("held\n");
	while (read(0, &byte, 1) > 0)
		;
	r = read_through(fd, &st, &pass);
	printf("bytes=%llu %s\n", (unsigned long long)pass.bytes, r < 0 ? strerror(-r) : "ok");
	return r < 0;
}

int main(int argc, char **argv)
{
	_cleanup_(listing_fini) struct listing listing = {
		.names = calloc(NAMES_MAX, NAME_MAX_BYTES),
	};
	const char *mode = argc > 2 ? argv[1] : "";

	setlinebuf(stdout);
	if (!listing.names)
		return 2;
	if (strcmp(mode, "once") == 0)
		return once(argv[2], &listing);
	if (strcmp(mode, "loop") == 0 && argc == 4)
		return loop(argv[2], strtod(argv[3], NULL), &listing);
	if (strcmp(mode, "bench") == 0 && argc == 5)
		return bench(argv[2], argv[3], strtoul(argv[4], NULL, 10), &listing);
	if (strcmp(mode, "slow") == 0 && argc == 4)
		return slow(argv[2], (unsigned int)strtoul(argv[3], NULL, 10), &listing);
	if (strcmp(mode, "hold") == 0)
		return hold(argv[2], &listing);
	fprintf(stderr, "usage: netpass once|loop|bench|slow|hold DIR …\n");
	return 2;
}
