/* SPDX-License-Identifier: MIT */
#ifndef DPK_TESTS_FIXTURES_H
#define DPK_TESTS_FIXTURES_H

/*
 * The test data: below $DPK_TEST_DATA, else tests/data from the repository's
 * root. What is missing ends the program with a line that TAP counts as bail-out.
 */

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "keys/gate.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE_PATH_MAX 512

__attribute__((format(printf, 2, 3), unused)) static const char *fixture_path(
	char path[static FIXTURE_PATH_MAX], const char *format, ...)
{
	const char *data = getenv("DPK_TEST_DATA");
	va_list ap;
	int n;

	n = snprintf(path, FIXTURE_PATH_MAX, "%s/", data ? data : "tests/data");
	va_start(ap, format);
	vsnprintf(path + n, FIXTURE_PATH_MAX - (size_t)n, format, ap);
	va_end(ap);
	return path;
}

/* A blob of the whole file, with the file's name as its name. */
__attribute__((unused)) static struct dpk_blob fixture_blob(const char *path)
{
	struct dpk_buf buf = DPK_BUF_INIT(8u * 1024 * 1024);
	const char *slash = strrchr(path, '/');
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_blob blob;

	if (dpk_read_file(path, DPK_FILE_ANY, &buf, &err) < 0 ||
		dpk_blob_init(&blob, "test", slash ? slash + 1 : path, buf.data, buf.len) < 0) {
		printf("Bail out! %s\n", dpk_err_text(&err));
		exit(1);
	}
	dpk_buf_fini(&buf);
	return blob;
}

/* A blob of TEXT. */
__attribute__((unused)) static struct dpk_blob text_blob(
	const char *name, const char *text, size_t len)
{
	struct dpk_blob blob;

	if (dpk_blob_init(&blob, "test", name, text, len) < 0) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	return blob;
}

/* The verdict on TEXT, by itself. */
__attribute__((unused)) static enum dpk_verdict gate_text(
	const char *name, const char *text, size_t len, struct dpk_refusal *refusal)
{
	struct dpk_blob blob = text_blob(name, text, len);
	struct dpk_draft draft;
	int r = dpk_gate(&blob, &draft, refusal);

	dpk_blob_fini(&blob);
	if (r < 0) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	return refusal->verdict;
}

static inline int fixture_is_xml(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".xml") == 0;
}

static inline int fixture_is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The sorted entries of a directory that FILTER likes; free each, and the list. */
__attribute__((unused)) static int fixture_list(
	const char *path, int (*filter)(const struct dirent *), struct dirent ***ret_entries)
{
	int n = scandir(path, ret_entries, filter, alphasort);

	if (n < 0) {
		printf("Bail out! cannot list %s\n", path);
		exit(1);
	}
	return n;
}

#endif
