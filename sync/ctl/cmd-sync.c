/* SPDX-License-Identifier: MIT */
/* sync, wait, accept-…: what takes a while. */
#include "ctl/ctl.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SYNC_MS UINT64_C(3700000) /* the daemon answers before that, whatever its deadline */

static int print_cycle(const struct dpk_ctl *ctl, json_t *cycle)
{
	const json_t *error = json_object_get(cycle, "last_error");
	json_int_t rejected = json_integer_value(json_object_get(cycle, "rejected"));
	json_int_t generation = json_integer_value(json_object_get(cycle, "generation"));

	if (ctl->json) {
		dpk_ctl_print_json(cycle);
	} else {
		printf("generation %lld, %s", (long long)generation, dpk_ctl_text(cycle, "state"));
		if (rejected)
			printf(", %lld rejected (see: dpkeyctl keys)", (long long)rejected);
		putchar('\n');
		if (json_is_object(error))
			printf("%s: %s\n", dpk_ctl_text(error, "reason"),
				dpk_ctl_text(error, "text"));
	}
	return json_is_object(error) || rejected || generation == 0 ? DPK_CTL_FINDINGS : DPK_CTL_OK;
}

static int ask_cycle(const struct dpk_ctl *ctl, const char *request, const char *progress)
{
	int r;
	json_t *cycle = dpk_ctl_ask(ctl, request, SYNC_MS, progress, &r);

	if (!cycle)
		return r;
	r = print_cycle(ctl, cycle);
	json_decref(cycle);
	return r;
}

int dpk_ctl_sync(const struct dpk_ctl *ctl)
{
	if (!dpk_ctl_no_arguments(ctl, "sync"))
		return DPK_CTL_USAGE;
	return ask_cycle(ctl, "sync", "asking the store");
}

int dpk_ctl_accept_removal(const struct dpk_ctl *ctl)
{
	if (!dpk_ctl_no_arguments(ctl, "accept-removal"))
		return DPK_CTL_USAGE;
	return ask_cycle(ctl, "accept-removal", "asking the store");
}

int dpk_ctl_accept_floor(const struct dpk_ctl *ctl)
{
	if (!dpk_ctl_no_arguments(ctl, "accept-floor"))
		return DPK_CTL_USAGE;
	return ask_cycle(ctl, "accept-floor", "asking the store");
}

int dpk_ctl_accept_unsigned(const struct dpk_ctl *ctl)
{
	if (!dpk_ctl_no_arguments(ctl, "accept-unsigned"))
		return DPK_CTL_USAGE;
	return ask_cycle(ctl, "accept-unsigned", "asking the store");
}

int dpk_ctl_wait(const struct dpk_ctl *ctl)
{
	uint64_t generation = 0, timeout_ms = 60000;
	char request[96];
	json_t *cycle;
	int r;

	for (int i = 0; i < ctl->argc; i += 2) {
		const char *value = i + 1 < ctl->argc ? ctl->argv[i + 1] : "";

		if (strcmp(ctl->argv[i], "--generation") == 0) {
			if (dpk_parse_u64(value, strlen(value), INT64_MAX, &generation) < 0)
				return dpk_ctl_usage(
					"--generation needs a number, not '%s'", value);
		} else if (strcmp(ctl->argv[i], "--timeout") == 0) {
			uint64_t seconds;

			/* bare seconds, or a duration */
			if (dpk_parse_u64(value, strlen(value), 86400, &seconds) == 0)
				timeout_ms = seconds * 1000;
			else if (dpk_parse_duration_ms(value, &timeout_ms) < 0 ||
				 timeout_ms > 86400000)
				return dpk_ctl_usage(
					"--timeout needs at most a day, such as 30s, not '%s'",
					value);
		} else {
			return dpk_ctl_usage(
				"wait takes --generation N and --timeout DURATION, not '%s'",
				ctl->argv[i]);
		}
	}
	snprintf(request, sizeof(request), "wait %" PRIu64 " %" PRIu64, generation, timeout_ms);
	cycle = dpk_ctl_ask(ctl, request, timeout_ms + 5000, "waiting for the ring", &r);
	if (!cycle)
		return r;
	print_cycle(ctl, cycle);
	json_decref(cycle);
	return DPK_CTL_OK;
}
