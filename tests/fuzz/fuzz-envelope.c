/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a signed snapshot, for a node that pins two signers whose
 * private keys nobody has any more. What must hold: the answer is the same
 * twice, a refusal is one of those that a snapshot can get, and nothing is
 * accepted but the one manifest that these two have signed.
 */
#include "base/err.h"
#include "base/num.h"
#include "keys/signed.h"

#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* of the manifest in the seeds */
#define MANIFEST "e518931496c7ccb07b13033378590501f8bb148ea8d56fc0092ae5a0d8924090"
#define RING     "0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11"

static const char pinned[] = "-----BEGIN CERTIFICATE-----\n"
			     "MIIBZjCCAQygAwIBAgIBZDAKBggqhkjOPQQDAjArMRYwFAYDVQQKDA1kcGtleWZz\n"
			     "IHRlc3RzMREwDwYDVQQDDAhzaWduZXIgYTAeFw0yNjExMjUyMTQ1MTlaFw0zNjEx\n"
			     "MjIyMTQ1MTlaMCsxFjAUBgNVBAoMDWRwa2V5ZnMgdGVzdHMxETAPBgNVBAMMCHNp\n"
			     "Z25lciBhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+iVbfvi3Wb1+EfXFKtqk\n"
			     "MNRxGgFz8RRcJ9lij3E+8e+KM0Yue+geXHLX1clKzG9J94CiQykNiE2MQtV1cafb\n"
			     "76MhMB8wHQYDVR0OBBYEFK5VhLrLeYvNDIXEGulfNyBiX/h6MAoGCCqGSM49BAMC\n"
			     "A0gAMEUCIEpA+DL3acLbtdPjZm4ztPpZpJDUh/7D+KdKzmCoJ6BHAiEA4eOiGGo2\n"
			     "PR06cINhzAt7o1fI7PQWTdvJgqoOn0LeugQ=\n"
			     "-----END CERTIFICATE-----\n"
			     "-----BEGIN CERTIFICATE-----\n"
			     "MIIBqDCCAS+gAwIBAgIBazAKBggqhkjOPQQDAjAuMRYwFAYDVQQKDA1kcGtleWZz\n"
			     "IHRlc3RzMRQwEgYDVQQDDAtzaWduZXIgcDM4NDAeFw0yNjExMjUyMTQ1MTlaFw0z\n"
			     "NjExMjIyMTQ1MTlaMC4xFjAUBgNVBAoMDWRwa2V5ZnMgdGVzdHMxFDASBgNVBAMM\n"
			     "C3NpZ25lciBwMzg0MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEvACpeE4ygDw1Zl7N\n"
			     "CZYUZ6rPfoT1hjcJJhZAIS5KhY0qWC4x+Oi/nJaC2i++vCsdPiCvf43hXEKGcRrG\n"
			     "VMLFD6iDgaenh9Ytu0a0y2uoHvxHvNpvKoRw7kx2rSn9Br/1oyEwHzAdBgNVHQ4E\n"
			     "FgQUzQ/GPqYB82kZaz3bO/PliMJI5YkwCgYIKoZIzj0EAwIDZwAwZAIwYqR5FzxX\n"
			     "8Hb6wyDCHfT/sD0WE/+DRVN4gqm3nTbsqL0RrBUXIDmRpKnQ2742u6T3AjAJs49b\n"
			     "tB6DLZ8EbrQySC66R1crVughu6p240GtDt9bciR3LgbWG+58xtbsHFTxkB4=\n"
			     "-----END CERTIFICATE-----\n";

static struct dpk_signers *load(void)
{
	int fd = memfd_create("signers", MFD_CLOEXEC);
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_signers *signers;
	char path[64];

	must(fd >= 0 && fchmod(fd, 0600) == 0);
	must(write(fd, pinned, sizeof(pinned) - 1) == (ssize_t)sizeof(pinned) - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(dpk_signers_load(path, &signers, &err) == 0);
	must(dpk_signers_count(signers) == 2);
	close(fd);
	return signers;
}

/* What may be said of bytes that nobody who is pinned has signed. */
static void check_refusal(const struct dpk_refusal *refusal)
{
	must(refusal->verdict == DPK_VERDICT_SIZE || refusal->verdict == DPK_VERDICT_ENVELOPE ||
		refusal->verdict == DPK_VERDICT_SIGNATURE ||
		refusal->verdict == DPK_VERDICT_SIGNER);
	must(refusal->text[0] != '\0');
	must(strlen(refusal->text) < sizeof(refusal->text) - 1);
	for (const char *c = refusal->text; *c; c++)
		must(*c >= 0x20 && *c <= 0x7e);
}

static void check_accepted(const struct dpk_signed *read, uint64_t threshold)
{
	char manifest[2 * DPK_HASH_BYTES + 1];
	size_t by = 0;

	dpk_hex(read->manifest.sha256, DPK_HASH_BYTES, manifest);
	must(strcmp(manifest, MANIFEST) == 0);
	must(read->blobs.count == 1 && read->manifest.file_count == 1);
	must(read->blobs.items[0].size == read->manifest.files[0].size);
	for (size_t i = 0; i < DPK_SIGNERS_MAX; i++)
		by += read->signed_by[i];
	must(by == read->signatures && by >= threshold && by <= 2);
}

/* 0 or DPK_REFUSED. */
static int check(const struct dpk_pins *pins, const struct dpk_blob *blob)
{
	struct dpk_refusal refusals[2] = { 0 };
	struct dpk_signed read = { 0 };
	int r = dpk_signed_read(pins, NULL, 0, blob, &read, &refusals[0]);

	must(r == 0 || r == DPK_REFUSED);
	if (r == 0) {
		check_accepted(&read, pins->threshold);
		dpk_signed_fini(&read);
		return 0;
	}
	check_refusal(&refusals[0]);
	must(!read.manifest.files && !read.blobs.items);
	must(dpk_signed_read(pins, NULL, 0, blob, &read, &refusals[1]) == DPK_REFUSED);
	must(strcmp(refusals[0].text, refusals[1].text) == 0);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dpk_signers *signers;
	struct dpk_pins pins = { .threshold = 1 };
	struct dpk_blob blob;
	int one, two;

	if (!signers)
		signers = load();
	pins.signers = signers;
	must(dpk_guid_parse(RING, strlen(RING), &pins.ring) == 0);
	must(dpk_blob_init(&blob, "fuzz", "-", data, size) == 0);
	one = check(&pins, &blob);
	pins.threshold = 2;
	two = check(&pins, &blob);
	must(one == 0 || two != 0);
	dpk_blob_fini(&blob);
	return 0;
}
