/* SPDX-License-Identifier: MIT */
/*
 * A ring becomes a signed snapshot. What a node would refuse is not written:
 * the result is read back by the node's own code first, against what OUT held.
 */
#include "ctl/sign.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/ticks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void bufp(struct dpk_buf *buf)
{
	dpk_buf_fini(buf);
}

static void manifestp(struct dpk_manifest *manifest)
{
	dpk_manifest_fini(manifest);
}

static int failed(const char *what, int r)
{
	fprintf(stderr, "dpkeyctl: %s: %s\n", what, strerror(-r));
	return DPK_CTL_UNREACHABLE;
}

static int refused(const struct dpk_sign_job *job, const struct dpk_refusal *refusal)
{
	dpk_ctl_say_rejected(
		job->rejected, job->args->out, dpk_verdict_code(refusal->verdict), refusal->text);
	return DPK_CTL_UNVERIFIED;
}

void dpk_sign_end(struct dpk_sign_job *job)
{
	for (size_t i = 0; i < job->author_count; i++)
		dpk_author_free(job->authors[i]);
	dpk_signed_fini(&job->before);
	dpk_ctl_belief_fini(&job->belief);
	json_decref(job->rejected);
}

static int load_authors(struct dpk_sign_job *job)
{
	struct dpk_err err = DPK_ERR_INIT;

	for (size_t i = 0; i < job->args->who_count; i++) {
		const struct dpk_sign_who *who = &job->args->who[i];

		if (dpk_author_load(who->cert, who->key, who->passphrase, &job->authors[i], &err) <
			0)
			return dpk_ctl_usage("%s", dpk_err_text(&err));
		job->author_count++;
		for (size_t j = 0; j < i; j++)
			if (dpk_author_equal(job->authors[i], job->authors[j]))
				return dpk_ctl_usage(
					"'%s' and '%s' have one key, which counts once",
					job->args->who[j].cert, who->cert);
	}
	return DPK_CTL_OK;
}

static void choose_pins(struct dpk_sign_job *job)
{
	if (job->belief.signers) {
		job->pins[job->pin_count++] = job->belief.pins;
		return;
	}
	for (size_t i = 0; i < job->author_count; i++)
		job->pins[job->pin_count++] =
			(struct dpk_pins){ dpk_author_signers(job->authors[i]), 1,
				job->config->ring_id };
}

/* Everybody who must accept OUT does: 0; else DPK_REFUSED or -errno. */
static int verify_before(struct dpk_sign_job *job, const struct dpk_blob *blob)
{
	for (size_t i = 0; i < job->pin_count; i++) {
		struct dpk_signed again = { 0 };
		int r = dpk_signed_read(&job->pins[i], NULL, job->now, blob,
			i == 0 ? &job->before : &again, &job->why_not);

		dpk_signed_fini(&again);
		if (r)
			return r;
	}
	job->verifies = true;
	return dpk_hash(blob->data, blob->size, job->prev);
}

static int read_before(struct dpk_sign_job *job)
{
	_cleanup_(bufp) struct dpk_buf bytes = DPK_BUF_INIT(DPK_ENVELOPE_MAX_BYTES + 1);
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_blob blob;
	int r = dpk_read_file(job->args->out, DPK_FILE_ANY, &bytes, &err);

	if (r == -ENOENT)
		return DPK_CTL_OK;
	/* one that is too large does not verify */
	if (r < 0 && !(r == -EFBIG && bytes.len > 0)) {
		fprintf(stderr, "dpkeyctl: %s\n", dpk_err_text(&err));
		return DPK_CTL_UNREACHABLE;
	}
	job->exists = true;
	r = dpk_blob_init(&blob, "out", "out", bytes.data ? bytes.data : "", bytes.len);
	if (r < 0)
		return failed(job->args->out, r);
	r = verify_before(job, &blob);
	dpk_blob_fini(&blob);
	return r < 0 ? failed(job->args->out, r) : DPK_CTL_OK;
}

int dpk_sign_begin(struct dpk_sign_job *job)
{
	int r;

	job->now = dpk_ticks_now();
	if (!dpk_ctl_ring_id_needed(job->config))
		return DPK_CTL_USAGE;
	r = dpk_ctl_belief_load(job->config, &job->belief);
	if (r == DPK_CTL_OK)
		r = load_authors(job);
	if (r != DPK_CTL_OK)
		return r;
	choose_pins(job);
	r = read_before(job);
	/* nor may a version be taken from it: whoever can write OUT could push that to its end */
	if (r == DPK_CTL_OK && job->exists && !job->verifies && job->args->version == 0)
		return dpk_ctl_usage(
			"'%s' is there and does not verify (%s: %s), so nothing in it may be believed, "
			"its version least of all; say which version this is with --version N",
			job->args->out, dpk_verdict_code(job->why_not.verdict), job->why_not.text);
	return r;
}

static int list_files(const struct dpk_ring *ring, struct dpk_manifest *manifest)
{
	manifest->files = calloc(ring->count + 1, sizeof(*manifest->files));
	if (!manifest->files)
		return -ENOMEM;
	manifest->file_count = ring->count;
	for (size_t i = 0; i < ring->count; i++) {
		const struct dpk_key *key = ring->members[i].key;
		const struct dpk_facts *facts = dpk_key_facts(key);
		struct dpk_manifest_file *file = &manifest->files[i];

		snprintf(file->name, sizeof(file->name), "%s", dpk_key_name(key));
		dpk_key_data(key, &file->size);
		memcpy(file->sha256, dpk_key_sha256(key), DPK_HASH_BYTES);
		file->kind = facts->kind;
		file->mass = facts->mass;
		if (!facts->mass)
			file->id = facts->id;
	}
	return 0;
}

static void number(const struct dpk_sign_job *job, struct dpk_manifest *manifest)
{
	const struct dpk_sign_args *args = job->args;
	const struct dpk_manifest *before = &job->before.manifest;

	manifest->ring = job->config->ring_id;
	manifest->epoch = args->epoch ? args->epoch : job->verifies ? before->epoch : 1;
	manifest->version = args->version ? args->version : job->verifies ? before->version + 1 : 1;
	manifest->issued = job->now - job->now % DPK_TICKS_PER_SEC;
	manifest->expires = manifest->issued + args->lifetime;
	manifest->has_prev = job->verifies;
	memcpy(manifest->prev, job->prev, DPK_HASH_BYTES);
	manifest->remove_max = args->remove_max;
}

static int add_content(
	struct dpk_manifest *manifest, const struct dpk_ring *ring, struct dpk_buf *content)
{
	int r = dpk_manifest_write(manifest, content);

	for (size_t i = 0; i < ring->count && r == 0; i++) {
		size_t size;
		const uint8_t *data = dpk_key_data(ring->members[i].key, &size);

		r = dpk_buf_add(content, data, size);
	}
	return r;
}

/* The envelope around the ring. */
static int make(const struct dpk_sign_job *job, struct dpk_manifest *manifest,
	const struct dpk_ring *ring, struct dpk_buf *der)
{
	_cleanup_(bufp) struct dpk_buf content = DPK_BUF_INIT(DPK_CONTENT_MAX_BYTES);
	struct dpk_refusal refusal = { 0 };
	struct dpk_err err = DPK_ERR_INIT;
	int r = add_content(manifest, ring, &content);

	if (r == -EFBIG) {
		dpk_refuse(&refusal, DPK_VERDICT_TOO_MANY,
			"%zu elements do not fit into a snapshot, which holds %u bytes; delete expired "
			"keys from the store",
			ring->count, DPK_CONTENT_MAX_BYTES);
		return refused(job, &refusal);
	}
	if (r == -EINVAL) {
		dpk_refuse(&refusal, DPK_VERDICT_MANIFEST,
			"there is no number after %llu, or nothing to sign: %zu elements",
			(unsigned long long)job->before.manifest.version, ring->count);
		return refused(job, &refusal);
	}
	if (r < 0)
		return failed(job->args->out, r);
	if (dpk_envelope_make(job->authors, job->author_count, (const uint8_t *)content.data,
		    content.len, der, &err) < 0) {
		fprintf(stderr, "dpkeyctl: %s\n", dpk_err_text(&err));
		return DPK_CTL_UNREACHABLE;
	}
	return DPK_CTL_OK;
}

/* As a node that has PINS and has accepted what OUT holds. */
static int accept_as(const struct dpk_sign_job *job, const struct dpk_pins *pins, uint64_t epoch,
	const struct dpk_blob *blob, struct dpk_signed *ret_signed)
{
	struct dpk_floor floor = job->belief.floor;
	struct dpk_refusal refusal = { 0 };
	uint8_t digest[DPK_HASH_BYTES];
	int r = dpk_signers_digest(pins->signers, pins->threshold, digest);

	/* a new epoch comes with new pins: such a node has forgotten the old one */
	if (r == 0 && job->verifies && epoch <= job->before.manifest.epoch)
		dpk_floor_raise(&floor, digest, &job->before.manifest);
	if (r == 0)
		r = dpk_signed_read(pins, &floor, job->now, blob, ret_signed, &refusal);
	if (r < 0)
		return failed(job->args->out, r);
	return r == DPK_REFUSED ? refused(job, &refusal) : DPK_CTL_OK;
}

static int read_back(const struct dpk_sign_job *job, uint64_t epoch, const struct dpk_buf *der,
	struct dpk_signed *ret_signed)
{
	struct dpk_blob blob;
	int r = dpk_blob_init(&blob, "out", "out", der->data, der->len);

	if (r < 0)
		return failed(job->args->out, r);
	for (size_t i = 0; i < job->pin_count && r == DPK_CTL_OK; i++) {
		dpk_signed_fini(ret_signed);
		r = accept_as(job, &job->pins[i], epoch, &blob, ret_signed);
	}
	dpk_blob_fini(&blob);
	return r;
}

int dpk_sign_ring(
	struct dpk_sign_job *job, const struct dpk_ring *ring, struct dpk_signed *ret_signed)
{
	_cleanup_(bufp) struct dpk_buf der = DPK_BUF_INIT(DPK_ENVELOPE_MAX_BYTES);
	_cleanup_(manifestp) struct dpk_manifest manifest = { .file_count = 0 };
	struct dpk_refusal refusal = { 0 };
	struct dpk_err err = DPK_ERR_INIT;
	int r = list_files(ring, &manifest);

	if (r == 0) {
		number(job, &manifest);
		r = job->verifies ?
			    dpk_ctl_check_removal(&job->before, &manifest, job->now, &refusal) :
			    0;
	}
	if (r < 0)
		return failed(job->args->out, r);
	if (r == DPK_REFUSED)
		return refused(job, &refusal);
	r = make(job, &manifest, ring, &der);
	if (r == DPK_CTL_OK)
		r = read_back(job, manifest.epoch, &der, ret_signed);
	if (r == DPK_CTL_OK &&
		dpk_replace_file(job->args->out, 0644, der.data, der.len, &err) < 0) {
		fprintf(stderr, "dpkeyctl: %s\n", dpk_err_text(&err));
		r = DPK_CTL_UNREACHABLE;
	}
	return r;
}
