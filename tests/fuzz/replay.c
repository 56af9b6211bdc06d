/* SPDX-License-Identifier: MIT */
/*
 * A main() for fuzz targets where there is no libFuzzer: gives each file that
 * is named, and each file below a directory that is named, to the target once.
 * Prints one TAP line for each argument; a broken promise aborts.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"

#include "tests/fuzz/fuzz.h"

#include <ftw.h>
#include <sys/stat.h>

#define INPUT_MAX  (8u * 1024 * 1024)
#define OPEN_FILES 16

static int replay_file(const char *path)
{
	struct dpk_buf buf = DPK_BUF_INIT(INPUT_MAX);
	struct dpk_err err = DPK_ERR_INIT;
	int r = dpk_read_file(path, DPK_FILE_ANY, &buf, &err);

	if (r < 0)
		fprintf(stderr, "%s\n", dpk_err_text(&err));
	else
		LLVMFuzzerTestOneInput((const uint8_t *)(buf.data ? buf.data : ""), buf.len);
	dpk_buf_fini(&buf);
	return r;
}

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)where;
	return type == FTW_F ? replay_file(path) : 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		int r = nftw(argv[i], on_entry, OPEN_FILES, FTW_PHYS);

		failed |= r != 0;
		printf("%sok %d - %s\n", r == 0 ? "" : "not ", i, argv[i]);
	}
	printf("1..%d\n", argc - 1);
	return failed || argc < 2;
}
