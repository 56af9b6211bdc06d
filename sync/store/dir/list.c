/* SPDX-License-Identifier: MIT */
/* Listing a directory and telling two lists apart. Opens no entry. */
#include "store/dir/list.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <dpkeyfs/limits.h>

#include <fcntl.h>
#include <string.h>

#define ENTRY_SUFFIX ".xml"

int dpk_dir_open(const char *path, struct dpk_err *err)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = -errno;

	if (dir >= 0)
		return dir;
	if (r == -ENOTDIR)
		return dpk_err_set(err, r, "'%s' is not a directory", path);
	return dpk_err_set(err, r, "cannot open directory '%s': %s", path, strerror(-r));
}

bool dpk_dir_is_entry(const char *name)
{
	size_t len = strlen(name), suffix = strlen(ENTRY_SUFFIX);

	return name[0] != '.' && len > suffix && strcmp(name + len - suffix, ENTRY_SUFFIX) == 0;
}

struct dpk_dir_stamp dpk_dir_stamp(const struct stat *st)
{
	return (struct dpk_dir_stamp){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mode = st->st_mode,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
	};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool dpk_dir_stamp_equal(const struct dpk_dir_stamp *a, const struct dpk_dir_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mode == b->mode &&
	       same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

static int make_room(struct dpk_dir_list *list)
{
	size_t room = list->room ? list->room * 2 : 64;
	struct dpk_dir_entry *entries;

	if (list->count < list->room)
		return 0;
	entries = reallocarray(list->entries, room, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	list->entries = entries;
	list->room = room;
	return 0;
}

static int add_entry(int dir, struct dpk_dir_list *list, const char *name)
{
	struct dpk_dir_entry entry = { .name = NULL };
	struct stat st;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (S_ISDIR(st.st_mode))
		return 0;
	if (list->count >= DPK_RING_MAX_ELEMENTS)
		return -EFBIG;
	r = make_room(list);
	if (r < 0)
		return r;
	entry.self = dpk_dir_stamp(&st);
	entry.name = strdup(name);
	if (!entry.name)
		return -ENOMEM;
	list->entries[list->count++] = entry;
	return 0;
}

static int add_entries(int dir, DIR *stream, struct dpk_dir_list *list, struct dpk_err *err)
{
	struct dirent *d;
	int r = 0;

	while (errno = 0, (d = readdir(stream))) {
		if (dpk_dir_is_entry(d->d_name))
			r = add_entry(dir, list, d->d_name);
		if (r == -EFBIG)
			return dpk_err_set(err, r, "more than %d entries", DPK_RING_MAX_ELEMENTS);
		if (r < 0)
			return dpk_err_set(
				err, r, "cannot look at '%s': %s", d->d_name, strerror(-r));
	}
	if (errno != 0)
		return dpk_err_set(err, -errno, "cannot list the directory: %s", strerror(errno));
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct dpk_dir_entry *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int read_volume(int dir, struct dpk_dir_list *list)
{
	struct stat st;

	if (fstatat(dir, DPK_DIR_VOLUME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		list->volume = dpk_dir_stamp(&st);
	else if (errno != ENOENT)
		return -errno;
	return 0;
}

/* A removed directory lists like an empty one, and nobody may take it for that. */
static int check_linked(int dir, struct dpk_err *err)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return dpk_err_set(err, -ENOENT, "the directory was removed while it was read");
	return 0;
}

int dpk_dir_list_read(int dir, struct dpk_dir_list *list, struct dpk_err *err)
{
	_cleanup_(closedirp) DIR *stream = NULL;
	_cleanup_(closep) int fd = -1;
	int r;

	*list = (struct dpk_dir_list){ .entries = NULL };
	/* a descriptor of its own: a fresh position, and nothing a network file system kept */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return dpk_err_set(err, -errno, "cannot list the directory: %s", strerror(errno));
	stream = fdopendir(fd);
	if (!stream)
		return -errno;
	steal_fd(&fd);
	r = add_entries(dir, stream, list, err);
	if (r == 0)
		r = read_volume(dir, list);
	if (r == 0 && list->count == 0)
		r = check_linked(dir, err);
	if (r < 0)
		return r;
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(*list->entries), compare_names);
	return 0;
}

bool dpk_dir_list_equal(const struct dpk_dir_list *a, const struct dpk_dir_list *b)
{
	if (a->count != b->count || !dpk_dir_stamp_equal(&a->volume, &b->volume))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->entries[i].name, b->entries[i].name) != 0 ||
			!dpk_dir_stamp_equal(&a->entries[i].self, &b->entries[i].self))
			return false;
	return true;
}

void dpk_dir_list_fini(struct dpk_dir_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].name);
	free(list->entries);
	*list = (struct dpk_dir_list){ .entries = NULL };
}
