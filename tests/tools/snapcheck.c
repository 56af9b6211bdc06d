/* SPDX-License-Identifier: MIT */
/*
 * snapcheck: opens signed snapshots as a node does, and verifies every element.
 * One line for each FILE:
 *
 *   ok EPOCH VERSION MANIFEST-SHA256 SIGNERS ELEMENTS ELEMENTS-SHA256
 *   REASON text
 *
 * SIGNERS is how many pinned signers have signed, ELEMENTS-SHA256 is over the
 * bytes of all elements. Without --floor and --min nothing is asked of version
 * and time; `--floor -` is a node that has accepted nothing yet.
 *
 * Exit codes: 0 all were ok, 4 some were not, 2 usage, 3 the node's own files
 * cannot be read.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/num.h"
#include "base/ticks.h"
#include "keys/signed.h"
#include "keys/verify.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (8u * 1024 * 1024)

struct node {
	struct dpk_signers *signers;
	struct dpk_certs *wrap_certs;
	struct dpk_pins pins;
	struct dpk_floor floor;
	bool has_floor;
	int64_t now;
};

__attribute__((noreturn)) static void usage(void)
{
	fputs("usage: snapcheck --signers PEM-OR-DIR --threshold N --ring UUID [--floor "
	      "EPOCH:VERSION:MANIFEST-SHA256:PINS|-] [--seen TIME] [--min EPOCH:VERSION] "
	      "[--now TIME] [--wrap-certs PEM-OR-DIR] FILE...\n",
		stderr);
	exit(2);
}

static uint64_t number(const char *text, size_t len)
{
	uint64_t value;

	if (dpk_parse_u64(text, len, UINT64_MAX, &value) < 0)
		usage();
	return value;
}

static int64_t ticks(const char *text)
{
	int64_t value;

	if (dpk_ticks_parse(text, strlen(text), &value) < 0)
		usage();
	return value;
}

static void digest(const char *text, uint8_t ret[static DPK_HASH_BYTES])
{
	char byte[3] = "";

	for (size_t i = 0; i < DPK_HASH_BYTES; i++) {
		char *end;

		memcpy(byte, text + 2 * i, 2);
		ret[i] = (uint8_t)strtoul(byte, &end, 16);
		if (end != byte + 2)
			usage();
	}
}

/* EPOCH:VERSION, up to STOP. */
static const char *pair(const char *text, const char *stop, uint64_t *ret_a, uint64_t *ret_b)
{
	size_t a = strcspn(text, ":"), b;

	if (text[a] != ':')
		usage();
	b = strcspn(text + a + 1, stop);
	*ret_a = number(text, a);
	*ret_b = number(text + a + 1, b);
	return text + a + 1 + b;
}

static void set_floor(struct node *node, const char *text)
{
	struct dpk_floor *floor = &node->floor;
	const char *rest;

	node->has_floor = true;
	if (strcmp(text, "-") == 0)
		return;
	rest = pair(text, ":", &floor->epoch, &floor->version);
	if (strlen(rest) != 2 * (1 + 2 * (size_t)DPK_HASH_BYTES))
		usage();
	digest(rest + 1, floor->manifest_sha256);
	digest(rest + 2 + 2 * (size_t)DPK_HASH_BYTES, floor->pins);
	floor->known = true;
}

static void set_min(struct node *node, const char *text)
{
	node->has_floor = true;
	if (*pair(text, "", &node->floor.min_epoch, &node->floor.min_version))
		usage();
}

static void load(int r, const struct dpk_err *err)
{
	if (r == 0)
		return;
	fprintf(stderr, "snapcheck: %s\n", dpk_err_text(err));
	exit(3);
}

static void set(struct node *node, int option, const char *value)
{
	struct dpk_err err = DPK_ERR_INIT;

	switch (option) {
	case 's': load(dpk_signers_load(value, &node->signers, &err), &err); break;
	case 'w': load(dpk_certs_load(value, &node->wrap_certs, &err), &err); break;
	case 't': node->pins.threshold = number(value, strlen(value)); break;
	case 'r':
		if (dpk_guid_parse(value, strlen(value), &node->pins.ring) < 0)
			usage();
		break;
	case 'f': set_floor(node, value); break;
	case 'e': node->floor.seen = ticks(value); break;
	case 'm': set_min(node, value); break;
	case 'n': node->now = ticks(value); break;
	default: usage();
	}
}

static void parse(struct node *node, int argc, char **argv)
{
	static const struct option options[] = {
		{ "signers", required_argument, NULL, 's' },
		{ "threshold", required_argument, NULL, 't' },
		{ "ring", required_argument, NULL, 'r' },
		{ "floor", required_argument, NULL, 'f' },
		{ "seen", required_argument, NULL, 'e' },
		{ "min", required_argument, NULL, 'm' },
		{ "now", required_argument, NULL, 'n' },
		{ "wrap-certs", required_argument, NULL, 'w' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		set(node, option, optarg);
	if (!node->signers || optind == argc || node->pins.threshold == 0 ||
		node->pins.threshold > dpk_signers_count(node->signers))
		usage();
	node->pins.signers = node->signers;
}

/* Every element by itself, as it would be taken from any store. */
static int verify(
	const struct node *node, const struct dpk_signed *snapshot, struct dpk_refusal *refusal)
{
	const struct dpk_trust trust = { .wrap_certs = node->wrap_certs };
	int r = 0;

	for (size_t i = 0; r == 0 && i < snapshot->blobs.count; i++) {
		struct dpk_key *key = NULL;

		r = dpk_verify(&trust, &snapshot->blobs.items[i], &key, refusal);
		if (r == 0)
			r = dpk_signed_check_name(&snapshot->manifest, key, refusal);
		dpk_key_unref(key);
	}
	return r;
}

static int print_ok(const struct dpk_signed *snapshot)
{
	struct dpk_buf all = DPK_BUF_INIT(DPK_CONTENT_MAX_BYTES);
	char manifest[2 * DPK_HASH_BYTES + 1], elements[2 * DPK_HASH_BYTES + 1];
	uint8_t sha256[DPK_HASH_BYTES];
	int r = 0;

	for (size_t i = 0; r == 0 && i < snapshot->blobs.count; i++)
		r = dpk_buf_add(&all, snapshot->blobs.items[i].data, snapshot->blobs.items[i].size);
	if (r == 0)
		r = dpk_hash(all.data, all.len, sha256);
	dpk_buf_fini(&all);
	if (r < 0)
		return r;
	dpk_hex(snapshot->manifest.sha256, DPK_HASH_BYTES, manifest);
	dpk_hex(sha256, DPK_HASH_BYTES, elements);
	printf("ok %llu %llu %s %zu %zu %s\n", (unsigned long long)snapshot->manifest.epoch,
		(unsigned long long)snapshot->manifest.version, manifest, snapshot->signatures,
		snapshot->blobs.count, elements);
	return 0;
}

static int check(const struct node *node, const struct dpk_blob *blob)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_signed snapshot = { 0 };
	int r = dpk_signed_read(&node->pins, node->has_floor ? &node->floor : NULL, node->now, blob,
		&snapshot, &refusal);

	if (r == 0)
		r = verify(node, &snapshot, &refusal);
	if (r == 0)
		r = print_ok(&snapshot);
	else if (r == DPK_REFUSED)
		printf("%s %s\n", dpk_verdict_code(refusal.verdict), refusal.text);
	dpk_signed_fini(&snapshot);
	if (r < 0)
		printf("error %s\n", strerror(-r));
	return r;
}

static int check_file(const struct node *node, const char *path)
{
	struct dpk_buf buf = DPK_BUF_INIT(INPUT_MAX);
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_blob blob = { 0 };
	int r;

	load(dpk_read_file(path, DPK_FILE_ANY, &buf, &err), &err);
	r = dpk_blob_init(&blob, path, "-", buf.data ? buf.data : "", buf.len);
	if (r == 0)
		r = check(node, &blob);
	dpk_blob_fini(&blob);
	dpk_buf_fini(&buf);
	return r;
}

int main(int argc, char **argv)
{
	struct node node = { .now = dpk_ticks_now() };
	bool all = true;

	parse(&node, argc, argv);
	for (int i = optind; i < argc; i++)
		if (check_file(&node, argv[i]) != 0)
			all = false;
	dpk_signers_free(node.signers);
	dpk_certs_free(node.wrap_certs);
	return all ? 0 : 4;
}
