/* SPDX-License-Identifier: MIT */
/* diff: two rings, element by element. Certificates are not looked at; signatures are. */
#include "ctl/judge.h"

#include "base/ticks.h"
#include "keys/split.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct element {
	char name[DPK_ORIGIN_MAX + 1];
	uint8_t sha256[DPK_HASH_BYTES];
};

struct side {
	struct element *elements;
	size_t count;
	bool is_signed;
	struct dpk_manifest manifest; /* with is_signed; without its files */
};

struct difference {
	json_t *json; /* --json; its lists are borrowed from it */
	bool found;
};

static int failed(const char *argument, int r)
{
	fprintf(stderr, "dpkeyctl: %s: %s\n", argument, strerror(-r));
	return DPK_CTL_UNREACHABLE;
}

/* By the name that the content gives; what has none keeps that of the store. */
static int name_of(const struct dpk_blob *blob, struct element *element)
{
	struct dpk_refusal refusal = { 0 };
	char name[DPK_FILE_NAME_MAX];
	struct dpk_draft draft;
	int r = dpk_gate(blob, &draft, &refusal);

	if (r < 0)
		return r;
	if (r == 0)
		dpk_facts_name(&draft.facts, name);
	snprintf(element->name, sizeof(element->name), "%s", r == 0 ? name : blob->name);
	return dpk_hash(blob->data, blob->size, element->sha256);
}

static int add_blobs(struct side *side, const struct dpk_blobs *blobs)
{
	struct element *grown =
		reallocarray(side->elements, side->count + blobs->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	side->elements = grown;
	for (size_t i = 0; i < blobs->count; i++) {
		int r = name_of(&blobs->items[i], &grown[side->count]);

		if (r < 0)
			return r;
		side->count++;
	}
	return 0;
}

static int add_snapshot(struct side *side, const struct dpk_pins *pins, const struct dpk_blob *blob,
	struct dpk_refusal *refusal)
{
	struct dpk_signed snapshot = { 0 };
	int r = dpk_signed_read(pins, NULL, 0, blob, &snapshot, refusal);

	if (r == 0)
		r = add_blobs(side, &snapshot.blobs);
	if (r == 0) {
		side->is_signed = true;
		side->manifest = snapshot.manifest;
		side->manifest.files = NULL;
		side->manifest.file_count = 0;
	}
	dpk_signed_fini(&snapshot);
	return r;
}

static int add_all(struct side *side, const struct dpk_pins *pins,
	const struct dpk_harvest *harvest, struct dpk_refusal *refusal)
{
	struct dpk_blobs cut = { 0 };
	int r = add_blobs(side, &harvest->elements);

	for (size_t i = 0; i < harvest->documents.count && r == 0; i++)
		r = dpk_split(&harvest->documents.items[i], &cut, refusal);
	if (r == 0)
		r = add_blobs(side, &cut);
	dpk_blobs_fini(&cut);
	for (size_t i = 0; i < harvest->snapshots.count && r == 0; i++)
		r = add_snapshot(side, pins, &harvest->snapshots.items[i], refusal);
	return r;
}

/* An exit status. */
static int read_side(const struct dpk_config *config, const struct dpk_ctl_belief *belief,
	const char *argument, struct side *side)
{
	struct dpk_refusal refusal = { 0 };
	struct dpk_harvest harvest;
	int r = dpk_ctl_gather(config, argument, &harvest);

	if (r != DPK_CTL_OK)
		return r;
	if (harvest.snapshots.count > 0 && !dpk_ctl_belief_needed(belief, argument)) {
		dpk_harvest_fini(&harvest);
		return DPK_CTL_USAGE;
	}
	r = add_all(side, &belief->pins, &harvest, &refusal);
	dpk_harvest_fini(&harvest);
	if (r < 0)
		return failed(argument, r);
	if (r == DPK_REFUSED) {
		fprintf(stderr, "dpkeyctl: %s: rejected: %s: %s\n", argument,
			dpk_verdict_code(refusal.verdict), refusal.text);
		return DPK_CTL_UNVERIFIED;
	}
	return DPK_CTL_OK;
}

enum likeness { OTHER_NAME, OTHER_BYTES, SAME };

static enum likeness find(const struct side *side, const struct element *wanted)
{
	enum likeness best = OTHER_NAME;

	for (size_t i = 0; i < side->count && best != SAME; i++) {
		if (strcmp(side->elements[i].name, wanted->name) != 0)
			continue;
		best = memcmp(side->elements[i].sha256, wanted->sha256, DPK_HASH_BYTES) == 0 ?
			       SAME :
			       OTHER_BYTES;
	}
	return best;
}

static void say(struct difference *difference, const char *list, char sign, const char *name)
{
	difference->found = true;
	if (difference->json)
		json_array_append_new(json_object_get(difference->json, list), json_string(name));
	else
		printf("%c %s\n", sign, name);
}

static void compare_elements(
	struct difference *difference, const struct side *a, const struct side *b)
{
	for (size_t i = 0; i < a->count; i++) {
		enum likeness likeness = find(b, &a->elements[i]);

		if (likeness == OTHER_NAME)
			say(difference, "only_a", '-', a->elements[i].name);
		else if (likeness == OTHER_BYTES)
			say(difference, "changed", '~', a->elements[i].name);
	}
	for (size_t i = 0; i < b->count; i++)
		if (find(a, &b->elements[i]) == OTHER_NAME)
			say(difference, "only_b", '+', b->elements[i].name);
}

static void compare_numbers(struct difference *difference, const char *word, uint64_t a, uint64_t b)
{
	if (a == b)
		return;
	difference->found = true;
	if (difference->json)
		json_object_set_new(
			difference->json, word, json_pack("[I, I]", (json_int_t)a, (json_int_t)b));
	else
		printf("%s %llu -> %llu\n", word, (unsigned long long)a, (unsigned long long)b);
}

static void compare_times(struct difference *difference, const char *word, int64_t a, int64_t b)
{
	char text_a[DPK_TICKS_STRING_MAX], text_b[DPK_TICKS_STRING_MAX];

	if (a == b)
		return;
	difference->found = true;
	dpk_ticks_to_string(a, text_a);
	dpk_ticks_to_string(b, text_b);
	if (difference->json)
		json_object_set_new(difference->json, word, json_pack("[s, s]", text_a, text_b));
	else
		printf("%s %s -> %s\n", word, text_a, text_b);
}

static int compare(const struct dpk_ctl *ctl, const struct side *a, const struct side *b)
{
	struct difference difference = { 0 };

	if (ctl->json)
		difference.json = json_pack("{s:[], s:[], s:[]}", "only_a", "only_b", "changed");
	if (a->is_signed && b->is_signed) {
		compare_numbers(&difference, "epoch", a->manifest.epoch, b->manifest.epoch);
		compare_numbers(&difference, "version", a->manifest.version, b->manifest.version);
		compare_times(&difference, "issued", a->manifest.issued, b->manifest.issued);
		compare_times(&difference, "expires", a->manifest.expires, b->manifest.expires);
	}
	compare_elements(&difference, a, b);
	if (difference.json)
		dpk_ctl_print_json(difference.json);
	json_decref(difference.json);
	return difference.found ? DPK_CTL_FINDINGS : DPK_CTL_OK;
}

int dpk_ctl_diff(const struct dpk_ctl *ctl)
{
	struct dpk_ctl_belief belief = { 0 };
	struct side a = { 0 }, b = { 0 };
	struct dpk_config config;
	int r;

	if (ctl->argc != 2)
		return dpk_ctl_usage("diff needs two files, directories or store URLs");
	r = dpk_ctl_config(ctl, &config);
	if (r != DPK_CTL_OK)
		return r;
	r = dpk_ctl_belief_load(&config, &belief);
	if (r == DPK_CTL_OK)
		r = read_side(&config, &belief, ctl->argv[0], &a);
	if (r == DPK_CTL_OK)
		r = read_side(&config, &belief, ctl->argv[1], &b);
	if (r == DPK_CTL_OK)
		r = compare(ctl, &a, &b);
	free(a.elements);
	free(b.elements);
	dpk_ctl_belief_fini(&belief);
	dpk_config_fini(&config);
	return r;
}
