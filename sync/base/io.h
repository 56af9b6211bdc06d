/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_IO_H
#define DPK_BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dpk_buf;
struct dpk_err;

/* Writes all LEN bytes, through EINTR and short writes. 0 or -errno. */
int dpk_write_all(int fd, const void *data, size_t len);

/*
 * Appends what FD gives until its end; -EFBIG past the buffer's maximum, and
 * the buffer is full then; -errno of read(2).
 */
int dpk_read_all(int fd, struct dpk_buf *buf);

/* What a file must be before it is read. */
enum dpk_file_rule {
	DPK_FILE_ANY = 0,
	DPK_FILE_CONFIG = 1, /* owned by root or the caller, writable by nobody else */
	DPK_FILE_SECRET = 2, /* that, and not readable by group or others */
};

/*
 * Opens the regular file PATH for reading, without blocking on what is none,
 * and checks RULE on that very descriptor. Closed on exec. Errors as below.
 */
int dpk_open_file(const char *path, enum dpk_file_rule rule, int *ret_fd, struct dpk_err *err);

/*
 * Appends the whole regular file PATH to BUF. -EISDIR or -EINVAL for what is
 * no regular file (a FIFO does not block), -EPERM where RULE is broken,
 * -EFBIG past the buffer's maximum, else -errno. ERR names the path and the
 * remedy.
 */
int dpk_read_file(
	const char *path, enum dpk_file_rule rule, struct dpk_buf *buf, struct dpk_err *err);

/*
 * Puts LEN bytes in place of PATH, all or nothing: a new file of mode MODE
 * beside it, written through to the disk, takes its name. -errno; then PATH is
 * what it was and no other file is left. ERR names the path.
 */
int dpk_replace_file(
	const char *path, mode_t mode, const void *data, size_t len, struct dpk_err *err);

#endif
