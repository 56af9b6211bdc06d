/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_DIR_LIST_H
#define DPK_STORE_DIR_LIST_H

/*
 * What a directory holds at one moment, exact enough that two equal lists
 * with a reading between them mean that nothing was renamed meanwhile.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct dpk_err;

/* Kubernetes swaps a whole volume by renaming this link: its entries look unchanged. */
#define DPK_DIR_VOLUME "..data"

/* What tells two states of a file apart. All zero: there is no such file. */
struct dpk_dir_stamp {
	uint64_t dev, ino, size;
	uint32_t mode;
	struct timespec mtime, ctime;
};

struct dpk_dir_entry {
	char *name;                  /* owned */
	struct dpk_dir_stamp self;   /* of the link itself, where it is one */
	struct dpk_dir_stamp target; /* of what was read; filled by the reader */
};

struct dpk_dir_list {
	struct dpk_dir_entry *entries; /* sorted by name, bytewise */
	size_t count;
	size_t room;
	struct dpk_dir_stamp volume; /* of DPK_DIR_VOLUME */
};

/* Opens PATH, which may itself be a symbolic link. The descriptor (owned) or -errno. */
int dpk_dir_open(const char *path, struct dpk_err *err);

/* Exactly `*.xml`, no leading dot: the names that .NET reads, and no temporary file. */
bool dpk_dir_is_entry(const char *name);

struct dpk_dir_stamp dpk_dir_stamp(const struct stat *st);
bool dpk_dir_stamp_equal(const struct dpk_dir_stamp *a, const struct dpk_dir_stamp *b);

/*
 * Lists the entries of the open directory DIR. 0; -EAGAIN if one vanished
 * meanwhile; -ENOENT if the directory itself was removed; -EFBIG for more than
 * DPK_RING_MAX_ELEMENTS entries; -ENOMEM, -errno. LIST may be partly filled on
 * failure; it needs dpk_dir_list_fini either way.
 */
int dpk_dir_list_read(int dir, struct dpk_dir_list *list, struct dpk_err *err);

/* Same names in the same state; targets are not compared. */
bool dpk_dir_list_equal(const struct dpk_dir_list *a, const struct dpk_dir_list *b);

void dpk_dir_list_fini(struct dpk_dir_list *list);

#endif
