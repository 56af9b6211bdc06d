/* SPDX-License-Identifier: MIT */
/* The node's own rules, without a node. */
#include "ctl/judge.h"

#include <stdio.h>

void dpk_ctl_judgement_fini(struct dpk_ctl_judgement *judgement)
{
	dpk_plan_fini(&judgement->plan);
	dpk_reading_fini(&judgement->reading);
}

int dpk_ctl_judge(const struct dpk_trust *trust, struct dpk_harvest *harvest, int64_t now,
	struct dpk_ctl_judgement *ret_judgement, struct dpk_refusal *ret_refusal)
{
	struct dpk_ring nothing = { 0 };
	struct dpk_plan_input input = { .current = &nothing, .now = now };
	struct dpk_reading *reading = &ret_judgement->reading;
	int r = dpk_reading_make(trust, harvest, reading, ret_refusal);

	if (r)
		return r;
	input.offers = reading->offers;
	input.offer_count = reading->offer_count;
	r = dpk_plan_make(&input, &reading->rejections, &ret_judgement->plan);
	if (r < 0)
		dpk_reading_fini(reading);
	return r;
}

int dpk_ctl_unpack(
	const struct dpk_pins *pins, struct dpk_harvest *harvest, struct dpk_refusal *ret_refusal)
{
	for (size_t i = 0; i < harvest->snapshots.count; i++) {
		struct dpk_signed snapshot = { 0 };
		int r = dpk_signed_read(
			pins, NULL, 0, &harvest->snapshots.items[i], &snapshot, ret_refusal);

		for (size_t j = 0; j < snapshot.blobs.count && r == 0; j++) {
			r = dpk_blobs_add(&harvest->elements, &snapshot.blobs.items[j]);
			if (r == 0)
				snapshot.blobs.items[j] = (struct dpk_blob){ 0 };
		}
		dpk_signed_fini(&snapshot);
		if (r)
			return r;
	}
	dpk_blobs_fini(&harvest->snapshots);
	return 0;
}

void dpk_ctl_say_rejected(json_t *list, const char *name, const char *reason, const char *text)
{
	if (list)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "name", name, "ok", 0,
						    "reason", reason, "text", text));
	else
		printf("%s: rejected: %s: %s\n", name, reason, text);
}
