/* SPDX-License-Identifier: MIT */
/* status, keys, history, events, health: what the daemon says, for people or as it is. */
#include "ctl/ctl.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS 10000

/* 2026-11-22T12:00:00.1234567Z -> 2026-11-22 12:00:00Z */
static const char *short_time(const json_t *object, const char *name, char buf[static 24])
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text || strlen(text) < 19)
		return "-";
	snprintf(buf, 24, "%.10s %.8sZ", text, text + 11);
	return buf;
}

static void print_default(const json_t *status)
{
	static const char *const nets[][2] = { { "net8", ".NET 8" }, { "net9", ".NET 9, 10" } };
	const json_t *all = json_object_get(status, "default");

	for (size_t i = 0; i < 2; i++) {
		const json_t *one = json_object_get(all, nets[i][0]);

		printf("%-13s now    %s\n", nets[i][1], dpk_ctl_text(one, "now"));
		printf("%-13s +24 h  %s\n", "", dpk_ctl_text(one, "h24"));
		printf("%-13s +72 h  %s\n", "", dpk_ctl_text(one, "h72"));
	}
}

static void print_findings(const json_t *findings, FILE *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(findings, i, item)
	{
		const char *remedy = dpk_ctl_text(item, "remedy");

		fprintf(out, "%-9s %s: %s%s%s\n", dpk_ctl_text(item, "severity"),
			dpk_ctl_text(item, "code"), dpk_ctl_text(item, "text"),
			remedy[0] ? "; " : "", remedy);
	}
}

static void print_status(const json_t *status)
{
	const json_t *error = json_object_get(status, "last_error");
	const json_t *age = json_object_get(status, "age_s");
	char buf[32];

	printf("ring          %s (%s)\n", dpk_ctl_text(status, "ring"),
		dpk_ctl_text(status, "authenticity"));
	printf("source        %s\n", dpk_ctl_text(status, "source"));
	printf("state         %s", dpk_ctl_text(status, "state"));
	if (json_is_integer(age))
		printf(", the store confirmed the ring %s%s",
			json_integer_value(age) ?
				dpk_duration_to_string(
					(uint64_t)json_integer_value(age) * 1000, buf) :
				"just now",
			json_integer_value(age) ? " ago" : "");
	if (json_is_integer(json_object_get(status, "version"))) {
		char issued[24], expires[24];

		printf("\nsnapshot      epoch %lld, version %lld, issued %s, expires %s",
			(long long)json_integer_value(json_object_get(status, "epoch")),
			(long long)json_integer_value(json_object_get(status, "version")),
			short_time(status, "issued", issued),
			short_time(status, "expires", expires));
	}
	printf("\ngeneration    %lld: %zu keys, %zu revocations, %zu rejected\n",
		(long long)json_integer_value(json_object_get(status, "generation")),
		json_array_size(json_object_get(status, "keys")),
		json_array_size(json_object_get(status, "revocations")),
		json_array_size(json_object_get(status, "rejected")));
	if (json_is_object(error)) {
		char at[24];

		printf("last error    %s: %s (since %s)\n", dpk_ctl_text(error, "reason"),
			dpk_ctl_text(error, "text"), short_time(error, "at", at));
	}
	print_default(status);
	print_findings(json_object_get(status, "findings"), stdout);
}

int dpk_ctl_status(const struct dpk_ctl *ctl)
{
	int r = DPK_CTL_USAGE;
	json_t *status;

	if (!dpk_ctl_no_arguments(ctl, "status"))
		return r;
	status = dpk_ctl_ask(ctl, "status", ASK_MS, NULL, &r);
	if (!status)
		return r;
	if (ctl->json)
		dpk_ctl_print_json(status);
	else
		print_status(status);
	json_decref(status);
	return DPK_CTL_OK;
}

static void print_keys(const json_t *status)
{
	const json_t *item;
	char a[24], b[24];
	size_t i;

	json_array_foreach(json_object_get(status, "keys"), i, item)
		printf("%s  %-8s active %s  expires %s  cert %.16s\n", dpk_ctl_text(item, "id"),
			dpk_ctl_text(item, "state"), short_time(item, "activates", a),
			short_time(item, "expires", b), dpk_ctl_text(item, "wrap_cert_sha256"));
	json_array_foreach(json_object_get(status, "revocations"), i, item) printf(
		"%s  revokes %s\n", dpk_ctl_text(item, "name"), dpk_ctl_text(item, "revokes"));
	json_array_foreach(json_object_get(status, "rejected"), i, item)
		printf("%s  rejected: %s: %s\n", dpk_ctl_text(item, "name"),
			dpk_ctl_text(item, "reason"), dpk_ctl_text(item, "text"));
}

int dpk_ctl_keys(const struct dpk_ctl *ctl)
{
	int r = DPK_CTL_USAGE;
	json_t *status;

	if (!dpk_ctl_no_arguments(ctl, "keys"))
		return r;
	status = dpk_ctl_ask(ctl, "status", ASK_MS, NULL, &r);
	if (!status)
		return r;
	if (ctl->json) {
		json_t *part = json_pack("{s:O, s:O, s:O, s:O}", "ring",
			json_object_get(status, "ring"), "keys", json_object_get(status, "keys"),
			"revocations", json_object_get(status, "revocations"), "rejected",
			json_object_get(status, "rejected"));

		dpk_ctl_print_json(part);
		json_decref(part);
	} else {
		print_keys(status);
	}
	json_decref(status);
	return DPK_CTL_OK;
}

int dpk_ctl_history(const struct dpk_ctl *ctl)
{
	int r = DPK_CTL_USAGE;
	json_t *answer, *item;
	char at[24];
	size_t i;

	if (!dpk_ctl_no_arguments(ctl, "history"))
		return r;
	answer = dpk_ctl_ask(ctl, "history", ASK_MS, NULL, &r);
	if (!answer)
		return r;
	if (ctl->json)
		dpk_ctl_print_json(answer);
	else
		json_array_foreach(json_object_get(answer, "history"), i, item) printf(
			"%6lld  %s  %lld keys, %lld revocations\n",
			(long long)json_integer_value(json_object_get(item, "generation")),
			short_time(item, "committed", at),
			(long long)json_integer_value(json_object_get(item, "keys")),
			(long long)json_integer_value(json_object_get(item, "revocations")));
	json_decref(answer);
	return DPK_CTL_OK;
}

int dpk_ctl_events(const struct dpk_ctl *ctl)
{
	int r = DPK_CTL_USAGE;
	json_t *answer, *item;
	char at[24];
	size_t i;

	if (!dpk_ctl_no_arguments(ctl, "events"))
		return r;
	answer = dpk_ctl_ask(ctl, "events", ASK_MS, NULL, &r);
	if (!answer)
		return r;
	if (ctl->json)
		dpk_ctl_print_json(answer);
	else
		json_array_foreach(json_object_get(answer, "events"), i, item)
			printf("%s  %-14s %s\n", short_time(item, "at", at),
				dpk_ctl_text(item, "code"), dpk_ctl_text(item, "detail"));
	json_decref(answer);
	return DPK_CTL_OK;
}

static int health_exit(const json_t *health, bool ready_only)
{
	const char *word = dpk_ctl_text(health, "status");

	if (ready_only)
		return json_is_true(json_object_get(health, "ready")) ? DPK_CTL_OK :
									DPK_CTL_FINDINGS;
	if (strcmp(word, "stale") == 0)
		return DPK_CTL_STALE;
	return strcmp(word, "well") == 0 ? DPK_CTL_OK : DPK_CTL_FINDINGS;
}

int dpk_ctl_health(const struct dpk_ctl *ctl)
{
	bool live = ctl->argc == 1 && strcmp(ctl->argv[0], "--live") == 0;
	bool ready = ctl->argc == 1 && strcmp(ctl->argv[0], "--ready") == 0;
	json_t *health;
	int r;

	if (ctl->argc > 1 || (ctl->argc == 1 && !live && !ready))
		return dpk_ctl_usage(
			"health takes --live or --ready, not '%s'", ctl->argv[ctl->argc - 1]);
	health = dpk_ctl_ask(ctl, "health", ASK_MS, NULL, &r);
	if (!health)
		return r;
	if (ctl->json) {
		dpk_ctl_print_json(health);
	} else {
		printf("%s\n", ready ? json_is_true(json_object_get(health, "ready")) ?
				       "ready" :
				       "not ready" :
			       live  ? "live" :
				       dpk_ctl_text(health, "status"));
		if (!ready && !live)
			print_findings(json_object_get(health, "findings"), stdout);
	}
	r = live ? DPK_CTL_OK : health_exit(health, ready);
	json_decref(health);
	return r;
}
