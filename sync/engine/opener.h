/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_OPENER_H
#define DPK_ENGINE_OPENER_H

/*
 * The daemon's side of dpkeyfs/unwrap-protocol.h: asks the program that holds
 * the private keys. The daemon opens their files, checks them, hands the
 * descriptors on, and never reads one.
 */

#include "keys/types.h"

#include <sys/types.h>

struct dpk_err;
struct dpk_secret;

/* A running program. One thread at a time may ask it. */
struct dpk_opener;

#define DPK_OPENER_OPENED 1

/*
 * Starts the program with the keys of UNWRAP_KEY: a PEM file, a directory of
 * *.pem and *.key files (hidden ones left out; links followed; not recursive),
 * or a pkcs11: URI. Each file must be its owner's alone (mode 0600, root's or
 * the caller's). EXPOSE: opened elements may be asked for. DEADLINE_MS bounds
 * the start and each later answer. -EPERM, -ENOENT and the like for files;
 * -EINVAL where the program refuses the keys; -ETIMEDOUT; ERR says what and
 * the remedy. The program ends with the thread that starts it.
 */
int dpk_opener_start(const char *unwrap_key, bool expose, uint64_t deadline_ms,
	struct dpk_opener **ret_opener, struct dpk_err *err);

/* Ends the program, killing it if need be, and reaps it. NULL allowed. */
void dpk_opener_stop(struct dpk_opener *opener);

/*
 * Does KEY open? DPK_OPENER_OPENED, or 0 for every reason not to. With
 * RET_SECRET (only where EXPOSE was asked for; else NULL) also the element
 * with its secret opened, straight into locked memory; a reference, the
 * caller's. -ETIMEDOUT for a late program, -EPIPE for one that is gone,
 * -EBADMSG for one that talks nonsense, -ENOMEM: it is killed then and every
 * later call fails alike, so stop it and start another. Blocks up to the deadline.
 */
int dpk_opener_open(
	struct dpk_opener *opener, const struct dpk_key *key, struct dpk_secret **ret_secret);

/* What the answers depend on; DPK_HASH_BYTES, as long as OPENER lives. */
const uint8_t *dpk_opener_policy(const struct dpk_opener *opener);
/* How many private keys there are. */
size_t dpk_opener_key_count(const struct dpk_opener *opener);
/* The program; 0 once it was killed. */
pid_t dpk_opener_pid(const struct dpk_opener *opener);

#endif
