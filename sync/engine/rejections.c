/* SPDX-License-Identifier: MIT */
/* The list of what was kept out. */
#include "engine/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dpk_rejections_fini(struct dpk_rejections *rejections)
{
	for (size_t i = 0; i < rejections->count; i++) {
		free(rejections->items[i].origin);
		free(rejections->items[i].name);
		free(rejections->items[i].text);
	}
	free(rejections->items);
	*rejections = (struct dpk_rejections){ 0 };
}

int dpk_rejections_add(struct dpk_rejections *rejections, const char *origin, const char *name,
	const struct dpk_refusal *refusal, const uint8_t *sha256)
{
	struct dpk_rejection *grown, *item;

	if (rejections->count >= DPK_QUARANTINE_MAX)
		return 0;
	grown = reallocarray(rejections->items, rejections->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rejections->items = grown;
	item = &grown[rejections->count];
	*item = (struct dpk_rejection){
		.origin = strdup(origin),
		.name = strdup(name),
		.reason = refusal->verdict,
		.text = strdup(refusal->text),
		.could_be_revocation = refusal->could_be_revocation,
		.has_facts = refusal->has_facts,
		.facts = refusal->facts,
	};
	memcpy(item->sha256, sha256, DPK_HASH_BYTES);
	rejections->count++;
	return item->origin && item->name && item->text ? 0 : -ENOMEM;
}
