/* SPDX-License-Identifier: MIT */
/* The state as JSON. Words and numbers only; no element's content. */
#include "engine/report.h"

#include "base/escape.h"
#include "base/num.h"
#include "base/ticks.h"
#include "engine/findings.h"
#include "engine/shelf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

json_t *dpk_report_ticks(int64_t ticks)
{
	char buf[DPK_TICKS_STRING_MAX];

	return ticks ? json_string(dpk_ticks_to_string(ticks, buf)) : json_null();
}

json_t *dpk_report_choice(const struct dpk_choice *choice)
{
	char buf[DPK_GUID_STRING_MAX];

	return choice->found ? json_string(dpk_guid_to_string(&choice->id, buf)) : json_null();
}

/* A text that is no UTF-8 (a path may be none, a long text may be cut) must not cost the answer. */
static json_t *any_string(const char *text)
{
	json_t *string = json_string(text);
	char shown[1024];

	return string ? string :
			json_string(dpk_printable(text, strlen(text), shown, sizeof(shown)));
}

static json_t *hex_string(const uint8_t *digest)
{
	char buf[2 * DPK_HASH_BYTES + 1];

	dpk_hex(digest, DPK_HASH_BYTES, buf);
	return json_string(buf);
}

json_t *dpk_report_key(const struct dpk_key *key, const char *state_word)
{
	const struct dpk_facts *facts = dpk_key_facts(key);
	char id[DPK_GUID_STRING_MAX];
	size_t size;

	dpk_key_data(key, &size);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I}", "id",
		dpk_guid_to_string(&facts->id, id), "name", dpk_key_name(key), "state", state_word,
		"created", dpk_report_ticks(facts->created), "activates",
		dpk_report_ticks(facts->activates), "expires", dpk_report_ticks(facts->expires),
		"wrap_cert_sha256",
		facts->wrapped ? hex_string(facts->wrap_cert_sha256) : json_null(), "sha256",
		hex_string(dpk_key_sha256(key)), "size", (json_int_t)size);
}

struct outlook {
	struct dpk_policy_key *keys;
	size_t count;
	struct dpk_choice choices[2][3]; /* by runtime; now, +24 h, +72 h */
};

static int look_out(const struct dpk_state *state, int64_t now, struct outlook *ret_outlook)
{
	static const int64_t after[] = { 0, DPK_TICKS_PER_DAY, 3 * DPK_TICKS_PER_DAY };
	int r = dpk_ring_policy(&state->ring, NULL, 0, &ret_outlook->keys, &ret_outlook->count);

	for (int net = 0; net < 2 && r == 0; net++)
		for (size_t i = 0; i < 3; i++)
			dpk_policy_choose((enum dpk_net)net, ret_outlook->keys, ret_outlook->count,
				now + after[i], &ret_outlook->choices[net][i]);
	return r;
}

static const char *word_of(
	const struct outlook *outlook, const struct dpk_facts *facts, int64_t now)
{
	const struct dpk_choice *net8 = &outlook->choices[DPK_NET_8][0];
	const struct dpk_choice *net9 = &outlook->choices[DPK_NET_9][0];
	const struct dpk_choice *choice = net9->found ? net9 : net8;

	for (size_t i = 0; i < outlook->count; i++)
		if (dpk_guid_equal(&outlook->keys[i].id, &facts->id) && outlook->keys[i].revoked)
			return "revoked";
	if (choice->found && dpk_guid_equal(&choice->id, &facts->id))
		return "default";
	if (facts->expires <= now)
		return "expired";
	return facts->activates > now ? "future" : "active";
}

static json_t *report_revocation(const struct dpk_key *key)
{
	const struct dpk_facts *facts = dpk_key_facts(key);
	char id[DPK_GUID_STRING_MAX];

	return json_pack("{s:s, s:s, s:o}", "name", dpk_key_name(key), "revokes",
		facts->mass ? "*" : dpk_guid_to_string(&facts->id, id), "date",
		dpk_report_ticks(facts->revoked_at));
}

static void add_ring(
	json_t *status, const struct dpk_state *state, const struct outlook *outlook, int64_t now)
{
	json_t *keys = json_array(), *revocations = json_array();

	for (size_t i = 0; i < state->ring.count && !state->withdrawn; i++) {
		const struct dpk_member *member = &state->ring.members[i];
		const struct dpk_facts *facts = dpk_key_facts(member->key);
		json_t *item;

		if (facts->kind != DPK_KIND_KEY) {
			json_array_append_new(revocations, report_revocation(member->key));
			continue;
		}
		item = dpk_report_key(member->key, word_of(outlook, facts, now));
		json_object_set_new(item, "first_seen", dpk_report_ticks(member->first_seen));
		json_array_append_new(keys, item);
	}
	json_object_set_new(status, "keys", keys);
	json_object_set_new(status, "revocations", revocations);
}

static json_t *report_default(const struct outlook *outlook)
{
	static const char *const nets[] = { "net8", "net9" };
	static const char *const times[] = { "now", "h24", "h72" };
	json_t *all = json_object();

	for (int net = 0; net < 2; net++) {
		json_t *one = json_object();

		for (size_t i = 0; i < 3; i++)
			json_object_set_new(
				one, times[i], dpk_report_choice(&outlook->choices[net][i]));
		json_object_set_new(all, nets[net], one);
	}
	return all;
}

static json_t *report_rejected(const struct dpk_state *state)
{
	json_t *all = json_array();

	for (size_t i = 0; i < state->rejections.count; i++) {
		const struct dpk_rejection *item = &state->rejections.items[i];

		json_array_append_new(all,
			json_pack("{s:o, s:o, s:s, s:o, s:o, s:I}", "origin",
				any_string(item->origin), "name", any_string(item->name), "reason",
				dpk_verdict_code(item->reason), "text", any_string(item->text),
				"first_seen", dpk_report_ticks(item->first_seen), "hits",
				(json_int_t)item->hits));
	}
	return all;
}

static json_t *report_trouble(const struct dpk_state *state)
{
	if (state->trouble.reason == DPK_VERDICT_OK)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "reason", dpk_verdict_code(state->trouble.reason),
		"text", any_string(state->trouble.text), "at",
		dpk_report_ticks(state->trouble.since));
}

static json_t *report_hold(const struct dpk_state *state)
{
	if (state->hold == DPK_HOLD_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:I}", "reason", dpk_hold_word(state->hold), "text",
		any_string(state->hold_text), "since", dpk_report_ticks(state->hold_since),
		"missing", (json_int_t)state->missing);
}

static json_t *report_findings(
	const struct dpk_state *state, int64_t now, enum dpk_severity *ret_worst)
{
	static const char *const words[] = { "note", "degraded", "stale" };
	struct dpk_findings findings;
	json_t *all = json_array();

	*ret_worst = DPK_SEVERITY_DEGRADED;
	if (dpk_findings_make(state, now, &findings) < 0)
		return all;
	*ret_worst = DPK_SEVERITY_NOTE;
	for (size_t i = 0; i < findings.count; i++) {
		const struct dpk_finding *item = &findings.items[i];

		if (item->severity > *ret_worst)
			*ret_worst = item->severity;
		json_array_append_new(all, json_pack("{s:s, s:s, s:o, s:s}", "code", item->code,
						   "severity", words[item->severity], "text",
						   any_string(item->text), "remedy", item->remedy));
	}
	dpk_findings_fini(&findings);
	return all;
}

static json_t *report_requests(const struct dpk_state *state)
{
	static const char *const words[] = {
#define DPK_REQUEST_WORD(member, word) [member] = word,
		DPK_REQUESTS(DPK_REQUEST_WORD)
#undef DPK_REQUEST_WORD
	};
	json_t *all = json_object();

	for (size_t i = 0; i < DPK_REQUEST_COUNT; i++)
		json_object_set_new(all, words[i],
			json_integer(
				(json_int_t)dpk_shelf_counted(state->shelf, (enum dpk_request)i)));
	return all;
}

/* What the served ring's signers said; nulls where there are none. */
static void add_signing(json_t *status, const struct dpk_state *state)
{
	const struct dpk_signed_state *signing = &state->signing;
	bool has = signing->served;

	json_object_set_new(status, "epoch",
		has ? json_integer((json_int_t)signing->floor.epoch) : json_null());
	json_object_set_new(status, "version",
		has ? json_integer((json_int_t)signing->floor.version) : json_null());
	json_object_set_new(
		status, "issued", has ? dpk_report_ticks(signing->issued) : json_null());
	json_object_set_new(
		status, "expires", has ? dpk_report_ticks(signing->expires) : json_null());
}

json_t *dpk_report_status(const struct dpk_state *state)
{
	uint64_t age = dpk_state_age_ms(state);
	bool served = state->generation > 0 && !state->withdrawn;
	struct outlook outlook = { 0 };
	int64_t now = dpk_ticks_now();
	enum dpk_severity worst;
	json_t *status;

	if (look_out(state, now, &outlook) < 0)
		return NULL;
	status = json_pack("{s:i, s:s, s:o, s:I, s:s, s:s, s:o, s:o, s:I, s:o, s:o}", "pid",
		(int)getpid(), "ring", state->config.name, "source",
		any_string(state->source.shown), "generation",
		(json_int_t)(served ? state->generation : 0), "authenticity",
		state->signing.served ? "signed" : "unsigned", "state", dpk_state_word(state),
		"synced_at", dpk_report_ticks(state->synced_at), "age_s",
		age == UINT64_MAX ? json_null() : json_integer((json_int_t)(age / 1000)), "cycles",
		(json_int_t)state->cycles, "last_error", report_trouble(state), "hold",
		report_hold(state));
	if (status) {
		add_signing(status, state);
		add_ring(status, state, &outlook, now);
		json_object_set_new(status, "rejected", report_rejected(state));
		json_object_set_new(status, "default", report_default(&outlook));
		json_object_set_new(status, "findings", report_findings(state, now, &worst));
		json_object_set_new(status, "requests", report_requests(state));
	}
	free(outlook.keys);
	return status;
}

json_t *dpk_report_health(const struct dpk_state *state)
{
	static const char *const words[] = { "well", "degraded", "stale" };
	enum dpk_severity worst;
	json_t *findings = report_findings(state, dpk_ticks_now(), &worst);

	return json_pack("{s:s, s:s, s:b, s:o}", "ring", state->config.name, "status", words[worst],
		"ready", state->generation > 0 && !state->withdrawn, "findings", findings);
}

json_t *dpk_report_history(const struct dpk_state *state)
{
	json_t *all = json_array();

	for (size_t i = 0; i < state->history_count; i++) {
		const struct dpk_generation *item = &state->history[i];

		json_array_append_new(all,
			json_pack("{s:I, s:o, s:I, s:I}", "generation", (json_int_t)item->number,
				"committed", dpk_report_ticks(item->committed), "keys",
				(json_int_t)item->keys, "revocations",
				(json_int_t)item->revocations));
	}
	return json_pack("{s:s, s:o}", "ring", state->config.name, "history", all);
}

json_t *dpk_report_events(const struct dpk_state *state)
{
	json_t *all = json_array();

	for (size_t i = 0; i < state->event_count; i++)
		json_array_append_new(all,
			json_pack("{s:o, s:s, s:o}", "at", dpk_report_ticks(state->events[i].at),
				"code", state->events[i].code, "detail",
				any_string(state->events[i].detail)));
	return json_pack("{s:s, s:o}", "ring", state->config.name, "events", all);
}

json_t *dpk_report_cycle(const struct dpk_state *state)
{
	bool served = state->generation > 0 && !state->withdrawn;

	return json_pack("{s:s, s:I, s:s, s:I, s:o, s:o}", "ring", state->config.name, "generation",
		(json_int_t)(served ? state->generation : 0), "state", dpk_state_word(state),
		"rejected", (json_int_t)state->rejections.count, "last_error",
		report_trouble(state), "hold", report_hold(state));
}
