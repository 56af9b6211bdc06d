/* SPDX-License-Identifier: MIT */
/*
 * mutate: edits valid snapshots at random, in this process, and gives each to
 * the reader. It must be refused, or accepted with the manifest and the
 * elements of a snapshot that was not edited. Everything follows from --seed.
 *
 *   seed N edits N refused N accepted N
 *
 * With --samples DIR COUNT, about half of the COUNT files that are written are
 * accepted ones: DIR/NNN.p7m, DIR/NNN.verdict (`ok` or the reason) and, for the
 * accepted, DIR/NNN.content.
 *
 * Exit codes: 0 all held, 1 something else was accepted, 2 usage, 3 a file.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/num.h"
#include "keys/signed.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX  (8u * 1024 * 1024)
#define BASES_MAX  16
#define EDITS_MAX  4  /* in one mutant */
#define INSERT_MAX 16 /* bytes at once */

struct base {
	struct dpk_buf bytes;
	struct dpk_signed read;
};

struct run {
	struct dpk_pins pins;
	struct dpk_signers *signers;
	struct base bases[BASES_MAX];
	size_t base_count;
	uint64_t seed, state, edits;
	const char *samples;
	uint64_t sample_count, samples_taken[2]; /* by being accepted */
	uint64_t verdicts[2];
};

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "mutate: %s\n", what);
	exit(3);
}

__attribute__((noreturn)) static void usage(void)
{
	fputs("usage: mutate --signers PEM-OR-DIR --ring UUID --seed N --edits N "
	      "[--samples DIR COUNT] FILE...\n",
		stderr);
	exit(2);
}

/* xorshift64*; 0 to BELOW - 1 */
static size_t dice(struct run *run, size_t below)
{
	run->state ^= run->state >> 12;
	run->state ^= run->state << 25;
	run->state ^= run->state >> 27;
	return (size_t)((run->state * UINT64_C(2685821657736338717) >> 16) % below);
}

static void add(struct dpk_buf *buf, const void *data, size_t len)
{
	if (dpk_buf_add(buf, data, len) < 0)
		fail("no memory");
}

/* Replaces DROP bytes at AT by DATA. */
static void replace(struct dpk_buf *buf, size_t at, size_t drop, const void *data, size_t len)
{
	struct dpk_buf fresh = DPK_BUF_INIT(INPUT_MAX);

	add(&fresh, buf->data, at);
	add(&fresh, data, len);
	add(&fresh, buf->data + at + drop, buf->len - at - drop);
	dpk_buf_fini(buf);
	*buf = fresh;
}

/* The head of one and the tail of another, at places of their own. */
static void cross(struct run *run, struct dpk_buf *buf)
{
	const struct dpk_buf *other = &run->bases[dice(run, run->base_count)].bytes;
	size_t from = dice(run, other->len), at = dice(run, buf->len);

	/* half of them keep the length, so that they are read further */
	if (dice(run, 2) && buf->len < other->len)
		from = at + (other->len - buf->len);
	else if (dice(run, 2) && at < other->len)
		from = at;
	replace(buf, at, buf->len - at, other->data + from, other->len - from);
}

static void edit(struct run *run, struct dpk_buf *buf)
{
	uint8_t noise[INSERT_MAX];
	size_t at = dice(run, buf->len), len = 1 + dice(run, INSERT_MAX);

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)dice(run, 256);
	if (len > buf->len - at)
		len = buf->len - at;
	switch (dice(run, 8)) {
	case 0: replace(buf, at, 0, noise, len); break;
	case 1: replace(buf, at, len, "", 0); break;
	case 2: replace(buf, at, buf->len - at, "", 0); break;
	case 3: cross(run, buf); break;
	case 4: replace(buf, at, len, noise, len); break;
	default: buf->data[at] = (char)(buf->data[at] ^ (1 << dice(run, 8)));
	}
}

static bool same_elements(const struct dpk_signed *a, const struct dpk_signed *b)
{
	bool same = memcmp(a->manifest.sha256, b->manifest.sha256, DPK_HASH_BYTES) == 0 &&
		    a->blobs.count == b->blobs.count;

	for (size_t i = 0; same && i < a->blobs.count; i++)
		same = a->blobs.items[i].size == b->blobs.items[i].size &&
		       memcmp(a->blobs.items[i].data, b->blobs.items[i].data,
			       a->blobs.items[i].size) == 0;
	return same;
}

static bool is_known(const struct run *run, const struct dpk_signed *read)
{
	for (size_t i = 0; i < run->base_count; i++)
		if (same_elements(read, &run->bases[i].read))
			return true;
	return false;
}

static int read_one(const struct run *run, const struct dpk_buf *buf, struct dpk_signed *ret_read,
	struct dpk_refusal *ret_refusal)
{
	struct dpk_blob blob;
	int r = dpk_blob_init(&blob, "test", "-", buf->data ? buf->data : "", buf->len);

	if (r == 0) {
		r = dpk_signed_read(&run->pins, NULL, 0, &blob, ret_read, ret_refusal);
		dpk_blob_fini(&blob);
	}
	if (r < 0)
		fail(strerror(-r));
	return r;
}

static void write_sample(
	const struct run *run, uint64_t number, const char *kind, const void *data, size_t len)
{
	char path[512];
	int fd;

	snprintf(
		path, sizeof(path), "%s/%03llu.%s", run->samples, (unsigned long long)number, kind);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dpk_write_all(fd, data, len) < 0)
		fail(path);
	close(fd);
}

static void sample(struct run *run, const struct dpk_buf *buf, bool accepted, const char *verdict)
{
	uint64_t number = run->samples_taken[0] + run->samples_taken[1];
	struct dpk_envelope envelope;
	struct dpk_refusal refusal;

	if (run->samples_taken[accepted] >= run->sample_count / 2)
		return;
	run->samples_taken[accepted]++;
	write_sample(run, number, "p7m", buf->data, buf->len);
	write_sample(run, number, "verdict", verdict, strlen(verdict));
	if (!accepted)
		return;
	if (dpk_envelope_open(run->signers, 1, (const uint8_t *)buf->data, buf->len, &envelope,
		    &refusal) != 0)
		fail("accepted once, and then not");
	write_sample(run, number, "content", envelope.content, envelope.size);
	dpk_envelope_fini(&envelope);
}

static void try_one(struct run *run)
{
	const struct dpk_buf *base = &run->bases[dice(run, run->base_count)].bytes;
	struct dpk_buf buf = DPK_BUF_INIT(INPUT_MAX);
	struct dpk_refusal refusal = { 0 };
	struct dpk_signed read = { 0 };
	size_t edits = 1;
	bool accepted;

	while (edits < EDITS_MAX && dice(run, 4) == 0)
		edits++;
	add(&buf, base->data, base->len);
	for (size_t i = 0; i < edits && buf.len > 0; i++)
		edit(run, &buf);
	accepted = read_one(run, &buf, &read, &refusal) == 0;
	run->verdicts[accepted]++;
	sample(run, &buf, accepted, accepted ? "ok" : dpk_verdict_code(refusal.verdict));
	if (accepted && !is_known(run, &read)) {
		if (run->samples)
			write_sample(run, 999, "forged", buf.data, buf.len);
		fprintf(stderr, "mutate: forged, with seed %llu, at edit %llu\n",
			(unsigned long long)run->seed,
			(unsigned long long)(run->verdicts[0] + run->verdicts[1]));
		exit(1);
	}
	dpk_signed_fini(&read);
	dpk_buf_fini(&buf);
}

static void add_base(struct run *run, const char *path)
{
	struct base *base = &run->bases[run->base_count];
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_refusal refusal;

	if (run->base_count == BASES_MAX)
		usage();
	base->bytes = (struct dpk_buf)DPK_BUF_INIT(INPUT_MAX);
	if (dpk_read_file(path, DPK_FILE_ANY, &base->bytes, &err) < 0)
		fail(dpk_err_text(&err));
	if (read_one(run, &base->bytes, &base->read, &refusal) != 0)
		fail(refusal.text);
	run->base_count++;
}

static uint64_t number(const char *text)
{
	uint64_t value;

	if (!text || dpk_parse_u64(text, strlen(text), UINT64_MAX, &value) < 0)
		usage();
	return value;
}

static void parse(struct run *run, int argc, char **argv)
{
	static const struct option options[] = { { "signers", required_argument, NULL, 's' },
		{ "ring", required_argument, NULL, 'r' }, { "seed", required_argument, NULL, 'n' },
		{ "edits", required_argument, NULL, 'e' },
		{ "samples", required_argument, NULL, 'd' }, { 0 } };
	struct dpk_err err = DPK_ERR_INIT;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 's':
			if (dpk_signers_load(optarg, &run->signers, &err) < 0)
				fail(dpk_err_text(&err));
			break;
		case 'r':
			if (dpk_guid_parse(optarg, strlen(optarg), &run->pins.ring) < 0)
				usage();
			break;
		case 'n': run->seed = number(optarg); break;
		case 'e': run->edits = number(optarg); break;
		case 'd':
			run->samples = optarg;
			run->sample_count = number(argv[optind++]);
			break;
		default: usage();
		}
	if (!run->signers || optind >= argc)
		usage();
}

int main(int argc, char **argv)
{
	static struct run run;

	parse(&run, argc, argv);
	run.pins.signers = run.signers;
	run.pins.threshold = 1;
	run.state = run.seed * 2 + 1;
	for (int i = optind; i < argc; i++)
		add_base(&run, argv[i]);
	printf("seed %llu edits %llu ", (unsigned long long)run.seed,
		(unsigned long long)run.edits);
	fflush(stdout);
	for (uint64_t i = 0; i < run.edits; i++)
		try_one(&run);
	printf("refused %llu accepted %llu\n", (unsigned long long)run.verdicts[0],
		(unsigned long long)run.verdicts[1]);
	for (size_t i = 0; i < run.base_count; i++) {
		dpk_buf_fini(&run.bases[i].bytes);
		dpk_signed_fini(&run.bases[i].read);
	}
	dpk_signers_free(run.signers);
	return 0;
}
