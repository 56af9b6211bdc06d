/* SPDX-License-Identifier: MIT */
/* sign: what a node would accept, and nothing else, under a signature. */
#include "ctl/sign.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ticks.h"
#include "engine/report.h"
#include "keys/policy.h"

#include <stdio.h>
#include <string.h>

static int failed(const char *what, int r)
{
	fprintf(stderr, "dpkeyctl: %s: %s\n", what, strerror(-r));
	return DPK_CTL_UNREACHABLE;
}

static int rejected(
	const struct dpk_sign_job *job, const char *name, const char *reason, const char *text)
{
	dpk_ctl_say_rejected(job->rejected, name, reason, text);
	return DPK_CTL_UNVERIFIED;
}

/* Is there a default for each .NET, now, in 24 and in 72 hours? */
static int check_default(
	const struct dpk_sign_job *job, const char *place, const struct dpk_ring *ring)
{
	static const int64_t after[] = { 0, DPK_TICKS_PER_DAY, 3 * DPK_TICKS_PER_DAY };
	static const char *const when[] = { "now", "in 24 hours", "in 72 hours" };
	_cleanup_(freep) struct dpk_policy_key *keys = NULL;
	size_t count;
	char text[256];
	int r = dpk_ring_policy(ring, NULL, 0, &keys, &count);

	if (r < 0)
		return failed(place, r);
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]) && !job->args->allow_no_default;
		i++) {
		for (int net = DPK_NET_8; net <= DPK_NET_9; net++) {
			struct dpk_choice choice;

			dpk_policy_choose(
				(enum dpk_net)net, keys, count, job->now + after[i], &choice);
			if (choice.found)
				continue;
			snprintf(text, sizeof(text),
				".NET %s would find no default key %s; add a key to the store first, or "
				"sign with --allow-no-default",
				net == DPK_NET_8 ? "8" : "9 and 10", when[i]);
			return rejected(job, place, dpk_verdict_code(DPK_VERDICT_NO_DEFAULT), text);
		}
	}
	return DPK_CTL_OK;
}

static int check_judgement(const struct dpk_sign_job *job, const char *place,
	const struct dpk_ctl_judgement *judgement)
{
	const struct dpk_rejections *rejections = &judgement->reading.rejections;

	for (size_t i = 0; i < rejections->count; i++)
		dpk_ctl_say_rejected(job->rejected, rejections->items[i].name,
			dpk_verdict_code(rejections->items[i].reason), rejections->items[i].text);
	if (rejections->count > 0)
		return DPK_CTL_UNVERIFIED;
	if (judgement->plan.hold != DPK_HOLD_NONE)
		return rejected(
			job, place, dpk_hold_word(judgement->plan.hold), judgement->plan.text);
	return check_default(job, place, &judgement->plan.ring);
}

/* Reads and judges what is to be signed. */
static int judge_input(
	const struct dpk_sign_job *job, const char *place, struct dpk_ctl_judgement *judgement)
{
	struct dpk_trust trust = { NULL, job->config->unwrapped == DPK_UNWRAPPED_ACCEPT };
	struct dpk_reading_rule rule = { &job->pins[0], NULL, job->now };
	struct dpk_refusal refusal = { 0 };
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_certs *certs = NULL;
	struct dpk_harvest harvest;
	int r;

	if (job->config->wrap_certs && dpk_certs_load(job->config->wrap_certs, &certs, &err) < 0)
		return dpk_ctl_usage("%s", dpk_err_text(&err));
	trust.wrap_certs = certs;
	r = dpk_ctl_gather(job->config, place, &harvest);
	if (r == DPK_CTL_OK) {
		r = dpk_ctl_judge(&trust, &rule, &harvest, judgement, &refusal);
		if (r == DPK_REFUSED)
			r = rejected(job, place, dpk_verdict_code(refusal.verdict), refusal.text);
		else if (r < 0)
			r = failed(place, r);
		else
			r = check_judgement(job, place, judgement);
	}
	dpk_certs_free(certs);
	return r;
}

static void print(const struct dpk_ctl *ctl, const struct dpk_sign_job *job,
	const struct dpk_manifest *manifest)
{
	char ring[DPK_GUID_STRING_MAX], expires[DPK_TICKS_STRING_MAX];
	json_t *answer;

	dpk_guid_to_string(&manifest->ring, ring);
	dpk_ticks_to_string(manifest->expires, expires);
	if (!ctl->json) {
		printf("ring %s epoch %llu version %llu elements %zu signers %zu expires %s\n",
			ring, (unsigned long long)manifest->epoch,
			(unsigned long long)manifest->version, manifest->file_count,
			job->author_count, expires);
		return;
	}
	answer = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s}", "ring", ring, "epoch",
		(json_int_t)manifest->epoch, "version", (json_int_t)manifest->version, "elements",
		(json_int_t)manifest->file_count, "signers", (json_int_t)job->author_count,
		"expires", expires);
	dpk_ctl_print_json(answer);
	json_decref(answer);
}

static int run(const struct dpk_ctl *ctl, struct dpk_sign_job *job)
{
	const char *place = job->args->in ? job->args->in : job->config->source;
	struct dpk_ctl_judgement judgement = { 0 };
	struct dpk_signed result = { 0 };
	int r;

	if (!place)
		return dpk_ctl_usage(
			"sign needs --in URL, or -r NAME whose configuration has a source");
	r = dpk_sign_begin(job);
	if (r == DPK_CTL_OK)
		r = judge_input(job, place, &judgement);
	if (r == DPK_CTL_OK)
		r = dpk_sign_ring(job, &judgement.plan.ring, &result);
	if (r == DPK_CTL_OK)
		print(ctl, job, &result.manifest);
	dpk_ctl_judgement_fini(&judgement);
	dpk_signed_fini(&result);
	return r;
}

int dpk_ctl_sign(const struct dpk_ctl *ctl)
{
	struct dpk_sign_args args;
	struct dpk_config config;
	struct dpk_sign_job job = { .args = &args, .config = &config };
	int r = dpk_sign_parse(ctl, &args);

	if (r == DPK_CTL_OK)
		r = dpk_ctl_config(ctl, &config);
	if (r != DPK_CTL_OK)
		return r;
	job.rejected = ctl->json ? json_array() : NULL;
	r = run(ctl, &job);
	if (r == DPK_CTL_UNVERIFIED && job.rejected)
		dpk_ctl_print_json(job.rejected);
	dpk_sign_end(&job);
	dpk_config_fini(&config);
	return r;
}
