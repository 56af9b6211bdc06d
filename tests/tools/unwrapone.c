/* SPDX-License-Identifier: MIT */
/* unwrapone KEY.pem FILE: prints the element of FILE opened, or nothing and fails. */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "keys/unwrap.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static uint8_t out[DPK_ELEMENT_MAX_BYTES];
	struct dpk_buf pem = DPK_BUF_INIT(DPK_PEM_FILE_MAX), text = DPK_BUF_INIT(1u << 20);
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_unwrap *set = NULL;
	struct dpk_blob element;
	size_t size = 0;
	int r = -1;

	if (argc == 3 && dpk_unwrap_new(&set) == 0 &&
		dpk_read_file(argv[1], DPK_FILE_ANY, &pem, &err) == 0 &&
		dpk_unwrap_add_pem(set, pem.data, pem.len, &err) == 0 &&
		dpk_read_file(argv[2], DPK_FILE_ANY, &text, &err) == 0 &&
		dpk_blob_init(&element, "-", "-", text.data, text.len) == 0) {
		r = dpk_unwrap_expose(set, &element, out, sizeof(out), &size);
		dpk_blob_fini(&element);
	}
	if (r == 1)
		fwrite(out, 1, size, stdout);
	else
		fprintf(stderr, "not opened: %s\n", err.text);
	dpk_unwrap_free(set);
	dpk_buf_fini(&pem);
	dpk_buf_fini(&text);
	return r != 1;
}
