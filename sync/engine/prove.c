/* SPDX-License-Identifier: MIT */
/* Proof that keys open. The private keys are in another process. */
#include "engine/prove.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/ticks.h"
#include "engine/opener.h"

#include <errno.h>
#include <string.h>

#define ANSWER_MAX_MS 20000
/* in an unsigned ring; whoever writes the store asks, and learns one bit each time */
#define FIRST_TRIES 4096
#define DAILY_TRIES 64

static void openerp(struct dpk_opener **opener)
{
	dpk_opener_stop(*opener);
}

int dpk_prove_open(struct dpk_engine *engine, const struct dpk_config *config, struct dpk_err *err)
{
	_cleanup_(openerp) struct dpk_opener *opener = NULL;
	int r;

	if (!config->unwrap_key) {
		engine->proves = false;
		return 0;
	}
	r = dpk_opener_start(config->unwrap_key, false, ANSWER_MAX_MS, &opener, err);
	if (r < 0)
		return r;
	memcpy(engine->open_policy, dpk_opener_policy(opener), DPK_HASH_BYTES);
	engine->proves = true;
	return 0;
}

int dpk_prover_begin(struct dpk_prover *prover, struct dpk_engine *engine)
{
	bool any = false;
	uint64_t used = 0;
	int r;

	*prover = (struct dpk_prover){ .engine = engine, .now = dpk_ticks_now() };
	if (!engine->proves || engine->state.signing.signers)
		return 0;
	r = dpk_journal_tried(
		engine->journal, engine->open_policy, prover->now - DPK_TICKS_PER_DAY, &any, &used);
	if (r < 0)
		return r;
	prover->limited = true;
	prover->counts = any;
	prover->left = !any ? FIRST_TRIES : used < DAILY_TRIES ? DAILY_TRIES - used : 0;
	return 0;
}

void dpk_prover_end(struct dpk_prover *prover)
{
	dpk_opener_stop(prover->opener);
	prover->opener = NULL;
}

static int start(struct dpk_prover *prover)
{
	struct dpk_engine *engine = prover->engine;
	struct dpk_err err = DPK_ERR_INIT;
	int r;

	if (prover->opener)
		return 0;
	r = dpk_opener_start(
		engine->state.config.unwrap_key, false, ANSWER_MAX_MS, &prover->opener, &err);
	if (r < 0) {
		dpk_warning("unwrap_key: %s", dpk_err_text(&err));
		return r;
	}
	if (memcmp(engine->open_policy, dpk_opener_policy(prover->opener), DPK_HASH_BYTES) == 0)
		return 0;
	/* the files hold other keys by now: what was looked up in this round is void */
	memcpy(engine->open_policy, dpk_opener_policy(prover->opener), DPK_HASH_BYTES);
	return -EAGAIN;
}

/* Tries the element and remembers the answer. 1, 0 or -errno. */
static int try(struct dpk_prover *prover, const struct dpk_key *key)
{
	int opens, r = start(prover);

	if (r < 0)
		return r;
	opens = dpk_opener_open(prover->opener, key, NULL);
	if (opens < 0)
		return opens;
	if (prover->limited)
		prover->left--;
	r = dpk_journal_remember_opens(prover->engine->journal, dpk_key_sha256(key),
		prover->engine->open_policy, opens == DPK_OPENER_OPENED, prover->counts,
		prover->now);
	return r < 0 ? r : opens == DPK_OPENER_OPENED;
}

int dpk_prove(struct dpk_prover *prover, const struct dpk_key *key, struct dpk_refusal *ret_refusal)
{
	struct dpk_engine *engine = prover->engine;
	int opens;

	if (!engine->proves || !dpk_key_facts(key)->wrapped)
		return 0;
	opens = dpk_journal_opens(engine->journal, dpk_key_sha256(key), engine->open_policy);
	if (opens == -ENOENT && prover->limited && prover->left == 0) {
		ret_refusal->facts = *dpk_key_facts(key);
		ret_refusal->has_facts = true;
		return dpk_refuse(ret_refusal, DPK_VERDICT_TOO_MANY,
			"more than %d new keys in 24 hours; this one is held back and tried later. If "
			"nobody made so many, find out who writes the store",
			DAILY_TRIES);
	}
	if (opens == -ENOENT)
		opens = try(prover, key);
	if (opens < 0)
		return opens;
	if (opens == 1)
		return 0;
	ret_refusal->facts = *dpk_key_facts(key);
	ret_refusal->has_facts = true;
	return dpk_refuse(ret_refusal, DPK_VERDICT_UNWRAP,
		"no private key of unwrap_key opens it; restore it as .NET wrote it, or replace it");
}

static int prove_offers(struct dpk_prover *prover, struct dpk_reading *reading)
{
	size_t kept = 0, i;
	int r = 0;

	for (i = 0; i < reading->offer_count && r >= 0; i++) {
		const struct dpk_offer *offer = &reading->offers[i];
		struct dpk_refusal refusal = { 0 };

		r = dpk_prove(prover, offer->key, &refusal);
		if (r == DPK_REFUSED) {
			r = dpk_rejections_add(&reading->rejections, offer->origin, offer->name,
				&refusal, dpk_key_sha256(offer->key));
			dpk_key_unref(offer->key);
		} else {
			reading->offers[kept++] = *offer;
		}
	}
	/* after a failure the rest is only to be freed */
	while (i < reading->offer_count)
		reading->offers[kept++] = reading->offers[i++];
	reading->offer_count = kept;
	return r < 0 ? r : 0;
}

int dpk_prove_reading(struct dpk_engine *engine, struct dpk_reading *reading)
{
	struct dpk_prover prover;
	int r;

	for (int attempt = 0; attempt < 2; attempt++) {
		r = dpk_prover_begin(&prover, engine);
		if (r == 0)
			r = prove_offers(&prover, reading);
		dpk_prover_end(&prover);
		if (r != -EAGAIN)
			break;
	}
	return r;
}
