/* SPDX-License-Identifier: MIT */
/* simulate: which key a .NET process that starts at a given time would pick. */
#include "ctl/belief.h"

#include "base/cleanup.h"
#include "base/ticks.h"
#include "engine/report.h"
#include "keys/gate.h"
#include "keys/policy.h"
#include "keys/split.h"

#include <stdio.h>
#include <string.h>

#define TIMES_MAX 256

struct simulation {
	struct dpk_facts *facts;
	size_t count;
	int64_t times[TIMES_MAX];
	size_t time_count;
	bool findings;
	struct dpk_ctl_belief belief;
};

static bool has_key(const struct simulation *sim, const struct dpk_guid *id)
{
	for (size_t i = 0; i < sim->count; i++)
		if (sim->facts[i].kind == DPK_KIND_KEY && dpk_guid_equal(&sim->facts[i].id, id))
			return true;
	return false;
}

static int add_blobs(struct simulation *sim, const struct dpk_blobs *blobs)
{
	struct dpk_facts *grown;

	grown = reallocarray(sim->facts, sim->count + blobs->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sim->facts = grown;
	for (size_t i = 0; i < blobs->count; i++) {
		struct dpk_refusal refusal = { 0 };
		struct dpk_draft draft;
		int r = dpk_gate(&blobs->items[i], &draft, &refusal);

		if (r < 0)
			return r;
		if (r == DPK_REFUSED) {
			fprintf(stderr, "dpkeyctl: %s is left out: %s: %s\n", blobs->items[i].name,
				dpk_verdict_code(refusal.verdict), refusal.text);
			sim->findings = true;
		} else if (draft.facts.kind == DPK_KIND_KEY && has_key(sim, &draft.facts.id)) {
			fprintf(stderr,
				"dpkeyctl: %s is left out: duplicate-id: .NET would refuse the "
				"whole ring\n",
				blobs->items[i].name);
			sim->findings = true;
		} else {
			sim->facts[sim->count++] = draft.facts;
		}
	}
	return 0;
}

/* The elements of signed snapshots. 0, DPK_REFUSED or -errno. */
static int add_snapshots(
	struct simulation *sim, const struct dpk_blobs *snapshots, struct dpk_refusal *refusal)
{
	int r = 0;

	for (size_t i = 0; i < snapshots->count && r == 0; i++) {
		struct dpk_signed snapshot = { 0 };

		r = dpk_signed_read(
			&sim->belief.pins, NULL, 0, &snapshots->items[i], &snapshot, refusal);
		if (r == 0)
			r = add_blobs(sim, &snapshot.blobs);
		dpk_signed_fini(&snapshot);
	}
	return r;
}

static int gather_all(const struct dpk_config *config, const char *argument, struct simulation *sim)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_blobs cut = { 0 };
	struct dpk_harvest harvest;
	int r = dpk_ctl_gather(config, argument, &harvest);

	if (r != DPK_CTL_OK)
		return r;
	if (harvest.snapshots.count > 0 && !dpk_ctl_belief_needed(&sim->belief, argument)) {
		dpk_harvest_fini(&harvest);
		return DPK_CTL_USAGE;
	}
	r = add_snapshots(sim, &harvest.snapshots, &refusal);
	for (size_t i = 0; i < harvest.documents.count && r == 0; i++)
		r = dpk_split(&harvest.documents.items[i], &cut, &refusal);
	if (r == 0)
		r = add_blobs(sim, &harvest.elements);
	if (r == 0)
		r = add_blobs(sim, &cut);
	if (r != 0)
		fprintf(stderr, "dpkeyctl: %s: %s\n", argument,
			r == DPK_REFUSED ? refusal.text : strerror(-r));
	dpk_blobs_fini(&cut);
	dpk_harvest_fini(&harvest);
	return r ? DPK_CTL_UNVERIFIED : DPK_CTL_OK;
}

static json_t *answer(enum dpk_net net, const struct dpk_policy_key *keys, size_t count, int64_t at)
{
	struct dpk_choice choice;

	dpk_policy_choose(net, keys, count, at, &choice);
	return json_pack("{s:o, s:b, s:b}", "key", dpk_report_choice(&choice), "fallback",
		choice.fallback, "need_new", choice.need_new);
}

static int print_all(const struct simulation *sim)
{
	const struct dpk_facts **list = calloc(sim->count + 1, sizeof(*list));
	struct dpk_policy_key *keys = NULL;
	char at[DPK_TICKS_STRING_MAX];
	size_t count = 0;

	for (size_t i = 0; list && i < sim->count; i++)
		list[i] = &sim->facts[i];
	if (!list || dpk_policy_keys(list, sim->count, &keys, &count) < 0) {
		free(list);
		fputs("dpkeyctl: no memory\n", stderr);
		return DPK_CTL_UNREACHABLE;
	}
	for (size_t i = 0; i < sim->time_count; i++) {
		json_t *line =
			json_pack("{s:s, s:o, s:o}", "at", dpk_ticks_to_string(sim->times[i], at),
				"net8", answer(DPK_NET_8, keys, count, sim->times[i]), "net9",
				answer(DPK_NET_9, keys, count, sim->times[i]));

		json_dumpf(line, stdout, 0);
		putchar('\n');
		json_decref(line);
	}
	free(list);
	free(keys);
	return sim->findings ? DPK_CTL_FINDINGS : DPK_CTL_OK;
}

/* --at TIME, as often as wanted; the rest are places to read. */
static int run(const struct dpk_ctl *ctl, const struct dpk_config *config, struct simulation *sim)
{
	int64_t now = dpk_ticks_now();
	int r = DPK_CTL_OK, places = 0;

	for (int i = 0; i < ctl->argc && r == DPK_CTL_OK; i++) {
		if (strcmp(ctl->argv[i], "--at") != 0) {
			r = gather_all(config, ctl->argv[i], sim);
			places++;
			continue;
		}
		if (++i == ctl->argc || sim->time_count == TIMES_MAX ||
			dpk_ctl_parse_time(ctl->argv[i], now, &sim->times[sim->time_count]) < 0)
			return dpk_ctl_usage(
				"--at needs a time such as 2026-11-22T12:00:00Z or +72h%s%s",
				i < ctl->argc ? ", not " : "", i < ctl->argc ? ctl->argv[i] : "");
		sim->time_count++;
	}
	if (r != DPK_CTL_OK)
		return r;
	if (places == 0)
		return dpk_ctl_usage("simulate needs files, directories or store URLs");
	if (sim->time_count == 0) {
		sim->times[0] = now;
		sim->times[1] = now + DPK_TICKS_PER_DAY;
		sim->times[2] = now + 3 * DPK_TICKS_PER_DAY;
		sim->time_count = 3;
	}
	return print_all(sim);
}

int dpk_ctl_simulate(const struct dpk_ctl *ctl)
{
	struct simulation *sim = calloc(1, sizeof(*sim));
	struct dpk_config config;
	int r;

	if (!sim)
		return DPK_CTL_UNREACHABLE;
	r = dpk_ctl_config(ctl, &config);
	if (r == DPK_CTL_OK) {
		r = dpk_ctl_belief_load(&config, &sim->belief);
		if (r == DPK_CTL_OK)
			r = run(ctl, &config, sim);
		dpk_ctl_belief_fini(&sim->belief);
		dpk_config_fini(&config);
	}
	free(sim->facts);
	free(sim);
	return r;
}
