/* SPDX-License-Identifier: MIT */
#ifndef DPK_CTL_SIGN_H
#define DPK_CTL_SIGN_H

/* One run of `dpkeyctl sign`: what was asked for, and what became of it. */

#include "ctl/judge.h"
#include "keys/sign.h"

#define DPK_SIGN_REMOVE_MAX 4096

struct dpk_sign_who {
	const char *cert, *key, *passphrase;
};

/* The command line; NULL and 0: not given. All borrowed. */
struct dpk_sign_args {
	const char *in, *out;
	struct dpk_sign_who who[DPK_SIGNATURES_MAX];
	size_t who_count;
	uint64_t epoch, version, remove_max;
	int64_t lifetime; /* ticks */
	bool allow_no_default;
};

/* An exit status; what is wrong was said on stderr. */
int dpk_sign_parse(const struct dpk_ctl *ctl, struct dpk_sign_args *ret_args);

struct dpk_sign_job {
	const struct dpk_sign_args *args;
	const struct dpk_config *config;
	json_t *rejected; /* --json: what was kept out; else NULL */
	struct dpk_ctl_belief belief;
	struct dpk_author *authors[DPK_SIGNATURES_MAX];
	size_t author_count;
	/* who must accept the result: the configured signers, else each author by itself */
	struct dpk_pins pins[DPK_SIGNATURES_MAX];
	size_t pin_count;
	int64_t now;
	/* what OUT holds */
	bool exists, verifies;
	struct dpk_refusal why_not;   /* it exists and does not verify */
	struct dpk_signed before;     /* it verifies */
	uint8_t prev[DPK_HASH_BYTES]; /* likewise */
};

/* Loads keys and pins, and what OUT holds. Exit statuses. */
int dpk_sign_begin(struct dpk_sign_job *job);
void dpk_sign_end(struct dpk_sign_job *job);

/* Numbers, signs, reads back and writes RING; *ret_signed is what was read back. An exit status. */
int dpk_sign_ring(
	struct dpk_sign_job *job, const struct dpk_ring *ring, struct dpk_signed *ret_signed);

#endif
