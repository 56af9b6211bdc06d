/* SPDX-License-Identifier: MIT */
/* Whom a configuration believes, and what may follow what. */
#include "ctl/belief.h"

#include "base/err.h"
#include "base/num.h"
#include "base/ticks.h"
#include "engine/pins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void dpk_ctl_belief_fini(struct dpk_ctl_belief *belief)
{
	dpk_signers_free(belief->signers);
	*belief = (struct dpk_ctl_belief){ 0 };
}

bool dpk_ctl_ring_id_needed(const struct dpk_config *config)
{
	if (!dpk_guid_is_zero(&config->ring_id))
		return true;
	dpk_ctl_usage("a signed snapshot is of one ring: name its id with -o ring_id=UUID");
	return false;
}

bool dpk_ctl_belief_needed(const struct dpk_ctl_belief *belief, const char *argument)
{
	if (belief->signers)
		return true;
	dpk_ctl_usage("%s is a signed snapshot: name whom to believe with -o "
		      "signers=CERTIFICATES,ring_id=UUID",
		argument);
	return false;
}

int dpk_ctl_belief_load(const struct dpk_config *config, struct dpk_ctl_belief *ret_belief)
{
	struct dpk_err err = DPK_ERR_INIT;

	*ret_belief = (struct dpk_ctl_belief){
		.floor = { .min_epoch = config->min_epoch, .min_version = config->min_version },
	};
	if (!dpk_config_is_signed(config))
		return DPK_CTL_OK;
	if (!dpk_ctl_ring_id_needed(config))
		return DPK_CTL_USAGE;
	if (config->threshold == 0)
		return dpk_ctl_usage("threshold must be at least 1");
	if (dpk_pins_load(config, &ret_belief->signers, &ret_belief->pins, &err) < 0)
		return dpk_ctl_usage("%s", dpk_err_text(&err));
	return DPK_CTL_OK;
}

static bool lists_key(const struct dpk_manifest *manifest, const struct dpk_guid *id)
{
	for (size_t i = 0; i < manifest->file_count; i++)
		if (manifest->files[i].kind == DPK_KIND_KEY &&
			dpk_guid_equal(&manifest->files[i].id, id))
			return true;
	return false;
}

int dpk_ctl_check_removal(const struct dpk_signed *before, const struct dpk_manifest *after,
	int64_t now, struct dpk_refusal *ret_refusal)
{
	size_t removed = 0;

	for (size_t i = 0; i < before->blobs.count; i++) {
		struct dpk_refusal refusal = { 0 };
		struct dpk_draft draft = { 0 };
		int r = dpk_gate(&before->blobs.items[i], &draft, &refusal);

		if (r < 0)
			return r;
		if (r == 0 && draft.facts.kind == DPK_KIND_KEY && draft.facts.expires > now &&
			!lists_key(after, &draft.facts.id))
			removed++;
	}
	if (removed <= after->remove_max)
		return 0;
	return dpk_refuse(ret_refusal, DPK_VERDICT_REMOVAL,
		"%zu key%s of version %llu that ha%s not expired would leave, and remove-max is %llu; "
		"put %s back, or sign with --remove-max %zu",
		removed, removed == 1 ? "" : "s", (unsigned long long)before->manifest.version,
		removed == 1 ? "s" : "ve", (unsigned long long)after->remove_max,
		removed == 1 ? "it" : "them", removed);
}

int dpk_ctl_parse_time(const char *text, int64_t now, int64_t *ret_ticks)
{
	uint64_t ms;

	if (text[0] == '+' && dpk_parse_duration_ms(text + 1, &ms) == 0) {
		*ret_ticks = now + (int64_t)ms * DPK_TICKS_PER_MS;
		return 0;
	}
	return dpk_ticks_parse(text, strlen(text), ret_ticks);
}
