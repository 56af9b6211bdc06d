/* SPDX-License-Identifier: MIT */
/*
 * openbench KEY.pem CERT.pem ELEMENT SECONDS: how many times a second the
 * unwrap program opens ELEMENT, asked as the daemon asks it.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/ticks.h"
#include "engine/opener.h"
#include "keys/verify.h"

#include <stdio.h>
#include <stdlib.h>

static struct dpk_key *load(const char *cert, const char *path, struct dpk_err *err)
{
	struct dpk_buf text = DPK_BUF_INIT(DPK_ELEMENT_MAX_BYTES);
	struct dpk_refusal refusal = { 0 };
	struct dpk_trust trust = { 0 };
	struct dpk_certs *certs = NULL;
	struct dpk_key *key = NULL;
	struct dpk_blob blob;

	if (dpk_certs_load(cert, &certs, err) == 0 &&
		dpk_read_file(path, DPK_FILE_ANY, &text, err) == 0 &&
		dpk_blob_init(&blob, "-", "-", text.data, text.len) == 0) {
		trust.wrap_certs = certs;
		if (dpk_verify(&trust, &blob, &key, &refusal) != 0)
			dpk_err_set(err, -1, "%s", refusal.text);
		dpk_blob_fini(&blob);
	}
	dpk_certs_free(certs);
	dpk_buf_fini(&text);
	return key;
}

static int measure(struct dpk_opener *opener, const struct dpk_key *key, uint64_t ms)
{
	uint64_t since = dpk_monotonic_ms(), passed = 0;
	unsigned long count = 0;

	while ((passed = dpk_monotonic_ms() - since) < ms) {
		if (dpk_opener_open(opener, key, NULL) != DPK_OPENER_OPENED)
			return -1;
		count++;
	}
	printf("%.1f\n", (double)count * 1000 / (double)passed);
	return 0;
}

int main(int argc, char **argv)
{
	struct dpk_opener *opener = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_key *key = NULL;
	int r = -1;

	if (argc != 5) {
		fprintf(stderr, "usage: openbench KEY.pem CERT.pem ELEMENT SECONDS\n");
		return 2;
	}
	key = load(argv[2], argv[3], &err);
	if (key && dpk_opener_start(argv[1], false, 10000, &opener, &err) == 0)
		r = measure(opener, key, strtoul(argv[4], NULL, 10) * 1000);
	if (r < 0)
		fprintf(stderr, "openbench: %s\n", err.text[0] ? err.text : "not opened");
	dpk_opener_stop(opener);
	dpk_key_unref(key);
	return r < 0;
}
