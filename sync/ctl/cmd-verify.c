/* SPDX-License-Identifier: MIT */
/* verify: the signature, the gate, the trust and the ring's own rules, as a node would apply them.
 */
#include "ctl/judge.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ticks.h"
#include "engine/report.h"

#include <stdio.h>
#include <string.h>

struct verifier {
	json_t *list; /* --json */
	bool refused;
	int64_t now;
	const char *after_path; /* --after, or NULL */
	struct dpk_signed after;
	struct dpk_trust trust;
	struct dpk_ctl_belief belief;
};

static void say(struct verifier *verifier, const char *origin, const char *name, const char *reason,
	const char *text)
{
	if (reason)
		verifier->refused = true;
	if (verifier->list)
		json_array_append_new(verifier->list,
			reason ? json_pack("{s:s, s:s, s:b, s:s, s:s}", "origin", origin, "name",
					 name, "ok", 0, "reason", reason, "text", text) :
				 json_pack("{s:s, s:s, s:b}", "origin", origin, "name", name, "ok",
					 1));
	else if (reason)
		dpk_ctl_say_rejected(NULL, name, reason, text);
	else
		printf("%s: ok\n", name);
}

static void say_refusal(struct verifier *verifier, const char *origin, const char *name,
	const struct dpk_refusal *refusal)
{
	say(verifier, origin, name, dpk_verdict_code(refusal->verdict), refusal->text);
}

static int failed(const char *argument, int r)
{
	fprintf(stderr, "dpkeyctl: %s: %s\n", argument, strerror(-r));
	return DPK_CTL_UNREACHABLE;
}

static bool is_rejected(const struct dpk_rejections *rejections, const struct dpk_offer *offer)
{
	for (size_t i = 0; i < rejections->count; i++)
		if (strcmp(rejections->items[i].origin, offer->origin) == 0 &&
			strcmp(rejections->items[i].name, offer->name) == 0)
			return true;
	return false;
}

static json_t *json_subjects(const struct verifier *verifier, const struct dpk_signed *snapshot)
{
	json_t *list = json_array();

	for (size_t i = 0; i < dpk_signers_count(verifier->belief.signers); i++)
		if (snapshot->signed_by[i])
			json_array_append_new(list,
				json_string(dpk_signers_at(verifier->belief.signers, i)->subject));
	return list;
}

/* How the place itself is called: a snapshot by its own name. */
struct place {
	char origin[DPK_ORIGIN_MAX + 1], name[DPK_ORIGIN_MAX + 1];
};

static void say_snapshot_json(
	struct verifier *verifier, const struct place *place, const struct dpk_signed *snapshot)
{
	const struct dpk_manifest *manifest = &snapshot->manifest;
	char ring[DPK_GUID_STRING_MAX];

	json_array_append_new(verifier->list,
		json_pack("{s:s, s:s, s:b, s:s, s:I, s:I, s:o, s:o, s:o, s:I}", "origin",
			place->origin, "name", place->name, "ok", 1, "ring",
			dpk_guid_to_string(&manifest->ring, ring), "epoch",
			(json_int_t)manifest->epoch, "version", (json_int_t)manifest->version,
			"signers", json_subjects(verifier, snapshot), "issued",
			dpk_report_ticks(manifest->issued), "expires",
			dpk_report_ticks(manifest->expires), "elements",
			(json_int_t)manifest->file_count));
}

static void say_snapshot(
	struct verifier *verifier, const struct place *place, const struct dpk_signed *snapshot)
{
	const struct dpk_manifest *manifest = &snapshot->manifest;
	char buf[DPK_TICKS_STRING_MAX];

	if (verifier->list) {
		say_snapshot_json(verifier, place, snapshot);
		return;
	}
	printf("ring %s\n", dpk_guid_to_string(&manifest->ring, buf));
	printf("epoch %llu\nversion %llu\n", (unsigned long long)manifest->epoch,
		(unsigned long long)manifest->version);
	for (size_t i = 0; i < dpk_signers_count(verifier->belief.signers); i++)
		if (snapshot->signed_by[i])
			printf("signer %s\n", dpk_signers_at(verifier->belief.signers, i)->subject);
	printf("issued %s\n", dpk_ticks_to_string(manifest->issued, buf));
	printf("expires %s\n", dpk_ticks_to_string(manifest->expires, buf));
}

static void say_elements(struct verifier *verifier, const struct dpk_reading *reading)
{
	const struct dpk_rejections *rejections = &reading->rejections;

	for (size_t i = 0; i < reading->offer_count; i++)
		if (!is_rejected(rejections, &reading->offers[i]))
			say(verifier, reading->offers[i].origin, reading->offers[i].name, NULL,
				NULL);
	for (size_t i = 0; i < rejections->count; i++)
		say(verifier, rejections->items[i].origin, rejections->items[i].name,
			dpk_verdict_code(rejections->items[i].reason), rejections->items[i].text);
}

static void name_place(struct place *place, const char *argument, const struct dpk_harvest *harvest)
{
	const struct dpk_blobs *snapshots = &harvest->snapshots;

	snprintf(place->origin, sizeof(place->origin), "%s",
		snapshots->count ? snapshots->items[0].origin : argument);
	snprintf(place->name, sizeof(place->name), "%s",
		snapshots->count ? snapshots->items[0].name : argument);
}

static int judge(struct verifier *verifier, const char *argument, struct dpk_harvest *harvest)
{
	struct dpk_reading_rule rule = { &verifier->belief.pins, &verifier->belief.floor,
		verifier->now };
	struct dpk_ctl_judgement judgement = { 0 };
	const struct dpk_reading *reading = &judgement.reading;
	struct dpk_refusal refusal = { 0 };
	struct place place = { .name = "" };
	int r;

	name_place(&place, argument, harvest);
	r = dpk_ctl_judge(&verifier->trust, &rule, harvest, &judgement, &refusal);
	if (r == 0 && reading->is_signed && verifier->after_path)
		r = dpk_ctl_check_removal(
			&verifier->after, &reading->snapshot.manifest, verifier->now, &refusal);
	if (r == 0) {
		if (reading->is_signed)
			say_snapshot(verifier, &place, &reading->snapshot);
		say_elements(verifier, reading);
	} else if (r == DPK_REFUSED) {
		say_refusal(verifier, place.origin, place.name, &refusal);
	}
	dpk_ctl_judgement_fini(&judgement);
	return r < 0 ? failed(argument, r) : DPK_CTL_OK;
}

static int verify_one(
	struct verifier *verifier, const struct dpk_config *config, const char *argument)
{
	struct dpk_harvest harvest;
	int r = dpk_ctl_gather(config, argument, &harvest);

	if (r != DPK_CTL_OK)
		return r;
	if (harvest.snapshots.count == 0 || dpk_ctl_belief_needed(&verifier->belief, argument))
		return judge(verifier, argument, &harvest);
	dpk_harvest_fini(&harvest);
	return DPK_CTL_USAGE;
}

/* --after FILE: what a node that has accepted it knows. */
static int take_after(struct verifier *verifier, const struct dpk_config *config)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_harvest harvest;
	int r;

	if (!verifier->after_path)
		return DPK_CTL_OK;
	r = dpk_ctl_gather(config, verifier->after_path, &harvest);
	if (r != DPK_CTL_OK)
		return r;
	if (harvest.snapshots.count != 1)
		r = dpk_ctl_usage("--after needs a signed snapshot, not %s", verifier->after_path);
	else if (!dpk_ctl_belief_needed(&verifier->belief, verifier->after_path))
		r = DPK_CTL_USAGE;
	if (r == DPK_CTL_OK) {
		r = dpk_signed_read(&verifier->belief.pins, NULL, verifier->now,
			&harvest.snapshots.items[0], &verifier->after, &refusal);
		if (r == 0)
			dpk_floor_raise(&verifier->belief.floor, verifier->after.pins,
				&verifier->after.manifest);
		else if (r < 0)
			r = failed(verifier->after_path, r);
		else
			say_refusal(verifier, harvest.snapshots.items[0].origin,
				harvest.snapshots.items[0].name, &refusal);
		r = r == DPK_REFUSED ? DPK_CTL_UNVERIFIED : r;
	}
	dpk_harvest_fini(&harvest);
	return r;
}

static int verify_all(struct verifier *verifier, const struct dpk_config *config, char **places)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_certs *certs = NULL;
	int worst = dpk_ctl_belief_load(config, &verifier->belief);

	if (worst != DPK_CTL_OK)
		return worst;
	if (config->wrap_certs && dpk_certs_load(config->wrap_certs, &certs, &err) < 0)
		return dpk_ctl_usage("%s", dpk_err_text(&err));
	verifier->trust = (struct dpk_trust){ certs, config->unwrapped == DPK_UNWRAPPED_ACCEPT };
	worst = take_after(verifier, config);
	if (worst == DPK_CTL_OK) {
		for (; *places; places++) {
			int r = verify_one(verifier, config, *places);

			if (r != DPK_CTL_OK)
				worst = r;
		}
	}
	dpk_certs_free(certs);
	return worst;
}

/* --at and --after; the places that are left over go into PLACES. */
static int take_options(const struct dpk_ctl *ctl, struct verifier *verifier, char **places)
{
	size_t count = 0;

	verifier->now = dpk_ticks_now();
	for (int i = 0; i < ctl->argc; i++) {
		const char *word = ctl->argv[i];
		bool at = strcmp(word, "--at") == 0;

		if (!at && strcmp(word, "--after") != 0) {
			places[count++] = ctl->argv[i];
			continue;
		}
		if (++i == ctl->argc)
			return dpk_ctl_usage("%s needs a value", word);
		if (!at)
			verifier->after_path = ctl->argv[i];
		else if (dpk_ctl_parse_time(ctl->argv[i], verifier->now, &verifier->now) < 0)
			return dpk_ctl_usage(
				"--at needs a time such as 2026-11-22T12:00:00Z or +72h, not %s",
				ctl->argv[i]);
	}
	if (count == 0)
		return dpk_ctl_usage("verify needs files, directories or store URLs");
	return DPK_CTL_OK;
}

static int run(const struct dpk_ctl *ctl, struct verifier *verifier)
{
	_cleanup_(freep) char **places = calloc((size_t)ctl->argc + 1, sizeof(*places));
	struct dpk_config config;
	int r;

	if (!places)
		return failed("verify", -ENOMEM);
	r = take_options(ctl, verifier, places);
	if (r != DPK_CTL_OK)
		return r;
	r = dpk_ctl_config(ctl, &config);
	if (r != DPK_CTL_OK)
		return r;
	verifier->list = ctl->json ? json_array() : NULL;
	r = verify_all(verifier, &config, places);
	if (verifier->list)
		dpk_ctl_print_json(verifier->list);
	json_decref(verifier->list);
	dpk_config_fini(&config);
	return r;
}

int dpk_ctl_verify(const struct dpk_ctl *ctl)
{
	struct verifier verifier = { 0 };
	int r = run(ctl, &verifier);

	dpk_signed_fini(&verifier.after);
	dpk_ctl_belief_fini(&verifier.belief);
	return r == DPK_CTL_OK && verifier.refused ? DPK_CTL_UNVERIFIED : r;
}
