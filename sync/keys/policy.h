/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_POLICY_H
#define DPK_KEYS_POLICY_H

/*
 * Which key .NET protects with: the rules of
 * Microsoft.AspNetCore.DataProtection.KeyManagement.DefaultKeyResolver and
 * KeyRingProvider as shipped in 8.0 and in 9.0/10.0, with auto-generation off.
 */

#include "keys/types.h"

enum dpk_net {
	DPK_NET_8,
	DPK_NET_9, /* and 10 */
};

struct dpk_policy_key {
	struct dpk_guid id;
	int64_t created, activates, expires; /* ticks */
	bool revoked;
};

struct dpk_choice {
	bool found;         /* false: .NET throws "no valid default protection key" */
	struct dpk_guid id; /* with found */
	bool fallback;      /* not the preferred key: revoked, expired or none active */
	bool expired;       /* the chosen key has expired at that time */
	bool need_new;      /* .NET would make a new key soon, if it could */
};

/*
 * What a process of runtime NET that starts at NOW (ticks) picks. The order
 * of KEYS does not matter; COUNT may be 0.
 */
void dpk_policy_choose(enum dpk_net net, const struct dpk_policy_key *keys, size_t count,
	int64_t now, struct dpk_choice *ret_choice);

/*
 * Applies the revocations among COUNT facts to the keys among them (a mass
 * revocation revokes what was created strictly before it; the newest one
 * counts). *ret_keys is the caller's to free(), NULL where there is no key.
 * 0 or -ENOMEM.
 */
int dpk_policy_keys(const struct dpk_facts *const *facts, size_t count,
	struct dpk_policy_key **ret_keys, size_t *ret_count);

#endif
