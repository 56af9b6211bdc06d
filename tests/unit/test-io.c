/* SPDX-License-Identifier: MIT */
/* Whole files, whole writes, and who may own what is read. */
#include "base/io.h"

#include "base/buf.h"
#include "base/err.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/dpk-test-io-XXXXXX";
static char path[256];

static void put(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || dpk_write_all(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		abort();
	close(fd);
}

static void reads(enum dpk_file_rule rule, size_t max, int result, const char *what)
{
	struct dpk_buf buf = DPK_BUF_INIT(max);
	struct dpk_err err = DPK_ERR_INIT;

	is_num(dpk_read_file(path, rule, &buf, &err), result, what);
	if (result < 0)
		ok(err.code == result && strstr(err.text, path), "it names the path: %s", err.text);
	else
		is_str(buf.data ? buf.data : "", "0123456789", "all of it");
	dpk_buf_fini(&buf);
}

static void test_rules(void)
{
	put("0123456789", 0666);
	reads(DPK_FILE_ANY, 100, 0, "any file");
	reads(DPK_FILE_CONFIG, 100, -EPERM, "a configuration that all can write");
	put("0123456789", 0664);
	reads(DPK_FILE_CONFIG, 100, -EPERM, "that its group can write");
	put("0123456789", 0644);
	reads(DPK_FILE_CONFIG, 100, 0, "that all can read");
	reads(DPK_FILE_SECRET, 100, -EPERM, "a secret that all can read");
	put("0123456789", 0640);
	reads(DPK_FILE_SECRET, 100, -EPERM, "that its group can read");
	put("0123456789", 0600);
	reads(DPK_FILE_SECRET, 100, 0, "that its owner can read");
	if (geteuid() == 0) {
		chown(path, 65534, 65534);
		reads(DPK_FILE_CONFIG, 100, -EPERM, "somebody else's");
		reads(DPK_FILE_ANY, 100, 0, "where it does not matter");
		chown(path, 0, 0);
	}
}

static void test_sizes(void)
{
	put("0123456789", 0600);
	reads(DPK_FILE_ANY, 10, 0, "as long as the maximum");
	reads(DPK_FILE_ANY, 9, -EFBIG, "one byte longer");
	unlink(path);
	reads(DPK_FILE_ANY, 9, -ENOENT, "no file");
}

static void test_kinds(void)
{
	mkdir(path, 0700);
	reads(DPK_FILE_ANY, 9, -EISDIR, "a directory");
	rmdir(path);
	mkfifo(path, 0600);
	alarm(10);
	reads(DPK_FILE_ANY, 9, -EINVAL, "a FIFO, without waiting for a writer");
	alarm(0);
	unlink(path);
	symlink("/dev/zero", path);
	reads(DPK_FILE_ANY, 9, -EINVAL, "a device");
	unlink(path);
	symlink(path + strlen(scratch) + 1, path);
	reads(DPK_FILE_ANY, 9, -ELOOP, "a link to itself");
	unlink(path);
}

/* What a child writes in pieces, more than a pipe holds, comes as it was. */
static void test_pipe(void)
{
	const size_t size = 300000;
	struct dpk_buf buf = DPK_BUF_INIT(size);
	char *text = malloc(size);
	int fds[2];
	pid_t child;

	if (!text || pipe2(fds, O_CLOEXEC) < 0)
		abort();
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(i * 7);
	child = fork();
	if (child == 0) {
		int r = dpk_write_all(fds[1], text, size);

		_exit(r < 0);
	}
	close(fds[1]);
	is_num(dpk_read_all(fds[0], &buf), 0, "a pipe is read to its end");
	ok(buf.len == size && memcmp(buf.data, text, size) == 0, "all that was written");
	close(fds[0]);
	waitpid(child, NULL, 0);
	free(text);
	dpk_buf_fini(&buf);
}

static void test_errors(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(10);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	is_num(dpk_write_all(-1, "x", 1), -EBADF, "no descriptor to write to");
	is_num(dpk_write_all(-1, "", 0), 0, "nothing needs none");
	is_num(dpk_write_all(full, "x", 1), -ENOSPC, "a full disk");
	is_num(dpk_read_all(-1, &buf), -EBADF, "no descriptor to read from");
	close(full);
	dpk_buf_fini(&buf);
}

static void test_long(void)
{
	struct dpk_buf buf = DPK_BUF_INIT(16);
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	is_num(dpk_read_all(zero, &buf), -EFBIG, "more than the maximum");
	is_num((long long)buf.len, 16, "fills the buffer, so that its length tells");
	close(zero);
	dpk_buf_fini(&buf);
}

static void holds(const char *text, const char *what)
{
	struct dpk_buf buf = DPK_BUF_INIT(100);

	dpk_read_file(path, DPK_FILE_ANY, &buf, NULL);
	is_str(buf.data ? buf.data : "", text, what);
	dpk_buf_fini(&buf);
}

static void test_replace(void)
{
	char below[PATH_MAX];
	struct stat st = { 0 };

	is_num(dpk_replace_file(path, 0644, "first", 5, NULL), 0, "a new file");
	is_num(dpk_replace_file(path, 0640, "second", 6, NULL), 0, "in place of it");
	holds("second", "the new text");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640, "with the mode asked for");
	snprintf(below, sizeof(below), "%s/below", path);
	is_num(dpk_replace_file(below, 0644, "x", 1, NULL), -ENOTDIR, "below a file");
	holds("second", "the file is what it was");
	unlink(path);
	mkdir(path, 0700);
	is_num(dpk_replace_file(path, 0644, "x", 1, NULL), -EISDIR, "a directory is not replaced");
	rmdir(path);
}

int main(void)
{
	if (!mkdtemp(scratch))
		abort();
	snprintf(path, sizeof(path), "%s/file", scratch);
	test_rules();
	test_sizes();
	test_kinds();
	test_pipe();
	test_long();
	test_replace();
	test_errors();
	is_num(rmdir(scratch), 0, "nothing is left behind");
	return tap_done();
}
