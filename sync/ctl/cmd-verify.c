/* SPDX-License-Identifier: MIT */
/* verify: the gate, the trust and the ring's own rules, as a node would apply them. */
#include "ctl/gather.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ticks.h"
#include "engine/reading.h"
#include "engine/report.h"

#include <stdio.h>
#include <string.h>

struct tally {
	json_t *list; /* --json */
	bool refused;
};

static void say(struct tally *tally, const char *origin, const char *name, const char *reason,
	const char *text)
{
	if (reason)
		tally->refused = true;
	if (tally->list)
		json_array_append_new(tally->list,
			reason ? json_pack("{s:s, s:s, s:b, s:s, s:s}", "origin", origin, "name",
					 name, "ok", 0, "reason", reason, "text", text) :
				 json_pack("{s:s, s:s, s:b}", "origin", origin, "name", name, "ok",
					 1));
	else if (reason)
		printf("%s: rejected: %s: %s\n", name, reason, text);
	else
		printf("%s: ok\n", name);
}

static bool is_rejected(const struct dpk_rejections *rejections, const struct dpk_offer *offer)
{
	for (size_t i = 0; i < rejections->count; i++)
		if (strcmp(rejections->items[i].origin, offer->origin) == 0 &&
			strcmp(rejections->items[i].name, offer->name) == 0)
			return true;
	return false;
}

static int judge(const struct dpk_trust *trust, const char *argument, struct dpk_harvest *harvest,
	struct tally *tally)
{
	struct dpk_ring nothing = { 0 };
	struct dpk_plan_input input = { .current = &nothing, .now = dpk_ticks_now() };
	struct dpk_refusal refusal = { 0 };
	struct dpk_reading reading;
	struct dpk_plan plan;
	int r = dpk_reading_make(trust, NULL, harvest, &reading, &refusal);

	if (r == DPK_REFUSED) {
		say(tally, argument, argument, dpk_verdict_code(refusal.verdict), refusal.text);
		return DPK_CTL_OK;
	}
	if (r == 0) {
		input.offers = reading.offers;
		input.offer_count = reading.offer_count;
		r = dpk_plan_make(&input, &reading.rejections, &plan);
		if (r < 0)
			dpk_reading_fini(&reading);
	}
	if (r < 0) {
		fprintf(stderr, "dpkeyctl: %s: %s\n", argument, strerror(-r));
		return DPK_CTL_UNREACHABLE;
	}
	for (size_t i = 0; i < reading.offer_count; i++)
		if (!is_rejected(&reading.rejections, &reading.offers[i]))
			say(tally, reading.offers[i].origin, reading.offers[i].name, NULL, NULL);
	for (size_t i = 0; i < reading.rejections.count; i++)
		say(tally, reading.rejections.items[i].origin, reading.rejections.items[i].name,
			dpk_verdict_code(reading.rejections.items[i].reason),
			reading.rejections.items[i].text);
	dpk_plan_fini(&plan);
	dpk_reading_fini(&reading);
	return DPK_CTL_OK;
}

static int verify_all(
	const struct dpk_ctl *ctl, const struct dpk_config *config, struct tally *tally)
{
	struct dpk_trust trust = { NULL, config->unwrapped == DPK_UNWRAPPED_ACCEPT };
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_certs *certs = NULL;
	int worst = DPK_CTL_OK;

	if (config->wrap_certs && dpk_certs_load(config->wrap_certs, &certs, &err) < 0)
		return dpk_ctl_usage("%s", dpk_err_text(&err));
	trust.wrap_certs = certs;
	for (int i = 0; i < ctl->argc; i++) {
		struct dpk_harvest harvest;
		int r = dpk_ctl_gather(config, ctl->argv[i], &harvest);

		if (r == DPK_CTL_OK)
			r = judge(&trust, ctl->argv[i], &harvest, tally);
		if (r != DPK_CTL_OK)
			worst = r;
	}
	dpk_certs_free(certs);
	return worst;
}

int dpk_ctl_verify(const struct dpk_ctl *ctl)
{
	struct tally tally = { 0 };
	struct dpk_config config;
	int r;

	if (ctl->argc == 0)
		return dpk_ctl_usage("verify needs files, directories or store URLs");
	r = dpk_ctl_config(ctl, &config);
	if (r != DPK_CTL_OK)
		return r;
	tally.list = ctl->json ? json_array() : NULL;
	r = verify_all(ctl, &config, &tally);
	if (tally.list)
		dpk_ctl_print_json(tally.list);
	json_decref(tally.list);
	dpk_config_fini(&config);
	return r == DPK_CTL_OK && tally.refused ? DPK_CTL_UNVERIFIED : r;
}
