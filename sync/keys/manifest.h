/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_MANIFEST_H
#define DPK_KEYS_MANIFEST_H

/*
 * The manifest: the signed text that lists every element of a ring. Its
 * format, dpkeyfs-snapshot(5), has one spelling for each meaning.
 */

#include "keys/gate.h"
#include "keys/types.h"

struct dpk_buf;

struct dpk_manifest_file {
	char name[DPK_FILE_NAME_MAX]; /* as in the mount */
	size_t size;                  /* 1 to DPK_ELEMENT_MAX_BYTES */
	uint8_t sha256[DPK_HASH_BYTES];
	enum dpk_kind kind;
	bool mass;          /* a revocation of "*" */
	struct dpk_guid id; /* zero for a mass revocation */
};

struct dpk_manifest {
	struct dpk_guid ring;
	uint64_t epoch;   /* 1 to 2^53-1 */
	uint64_t version; /* 1 to 2^53-1 */
	int64_t issued;   /* ticks, whole seconds */
	int64_t expires;  /* issued < expires <= issued + 90 days */
	bool has_prev;
	uint8_t prev[DPK_HASH_BYTES]; /* SHA-256 of the envelope before this one */
	uint64_t remove_max; /* unexpired keys that it may drop against the one before; to 4096 */
	struct dpk_manifest_file *files; /* owned; strictly ascending by name */
	size_t file_count;               /* 1 to DPK_RING_MAX_ELEMENTS */
	uint8_t sha256[DPK_HASH_BYTES];  /* of the text; set by parse and write */
	size_t text_bytes;               /* likewise */
};

#define DPK_MANIFEST_NUMBER_MAX ((UINT64_C(1) << 53) - 1)
#define DPK_MANIFEST_MAX_DAYS   90

void dpk_manifest_fini(struct dpk_manifest *manifest);

/*
 * Reads the manifest at the start of DATA, up to and with the line `end`;
 * what follows is not looked at. DATA must be authenticated. 0; -ENOMEM; or
 * DPK_REFUSED with `manifest`, the number of the line and what was expected.
 */
int dpk_manifest_parse(const uint8_t *data, size_t size, struct dpk_manifest *ret_manifest,
	struct dpk_refusal *ret_refusal);

/*
 * Cuts the elements that follow the text, by the manifest's lengths, and adds
 * them to BLOBS: origin ORIGIN, the manifest's names. 0; -ENOMEM, -E2BIG; or
 * DPK_REFUSED: `unlisted` (bytes that no line speaks of), `hash` (an element
 * is cut short, or is not what was listed). Whatever is not 0 leaves BLOBS as
 * it was.
 */
int dpk_manifest_cut(const struct dpk_manifest *manifest, const uint8_t *data, size_t size,
	const char *origin, struct dpk_blobs *blobs, struct dpk_refusal *ret_refusal);

/*
 * Appends the text to BUF and sets sha256 and text_bytes. FILES must be
 * sorted. 0, -EINVAL for what parse would refuse, -EFBIG, -ENOMEM.
 */
int dpk_manifest_write(struct dpk_manifest *manifest, struct dpk_buf *buf);

#endif
