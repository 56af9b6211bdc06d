/* SPDX-License-Identifier: MIT */
/* What an administrator is told, and what health makes of it. */
#include "base/buf.h"
#include "engine/findings.h"
#include "engine/report.h"
#include "engine/shelf.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/made.h"

/* A state that is well: synced just now, a ring with a year ahead, a group that can read. */
static void begin(struct dpk_state *state)
{
	if (dpk_state_init(state) < 0)
		made_bail("no state");
	dpk_config_init(&state->config);
	state->config.gid = 1000;
	state->config.name = strdup("ring");
	state->source.shown = strdup("dir:/x");
	state->asked = true;
	state->generation = 1;
	state->synced_at = dpk_ticks_now();
	state->synced_mono_ms = dpk_monotonic_ms();
}

static void key(struct dpk_state *state, unsigned int id, int64_t created, int64_t activates,
	int64_t expires, int64_t first_seen)
{
	const struct made made = { id, 0, created, activates, expires, 0 };

	made_add(&state->ring, made_key(&made), MADE_NOW + first_seen);
}

/* The codes of the findings, joined by blanks, without the note `unsigned`; ends STATE. */
static const char *codes(struct dpk_state *state)
{
	static char all[1024];
	struct dpk_findings findings;
	size_t n = 0;

	all[0] = '\0';
	if (dpk_findings_make(state, MADE_NOW, &findings) < 0)
		made_bail("no findings");
	for (size_t i = 0; i < findings.count; i++) {
		if (!findings.items[i].text[0])
			ok(false, "%s has a text", findings.items[i].code);
		if (strcmp(findings.items[i].code, "unsigned") != 0)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? " " : "",
				findings.items[i].code);
	}
	dpk_findings_fini(&findings);
	dpk_state_fini(state);
	return all;
}

static void test_default(void)
{
	struct dpk_state state;

	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	is_str(codes(&state), "", "all is well");
	begin(&state);
	key(&state, 1, -88 * DAY, -86 * DAY, 1 * DAY, -88 * DAY);
	is_str(codes(&state), "need-new need-new no-writer", "the default expires tomorrow");
	begin(&state);
	key(&state, 1, -88 * DAY, -86 * DAY, 13 * DAY, -88 * DAY);
	is_str(codes(&state), "no-writer", "the last key expires within 14 days");
	begin(&state);
	key(&state, 1, -88 * DAY, -86 * DAY, 15 * DAY, -88 * DAY);
	is_str(codes(&state), "", "or later");
	begin(&state);
	key(&state, 1, -88 * DAY, -86 * DAY, 13 * DAY, -88 * DAY);
	key(&state, 2, -8 * DAY, 12 * DAY, 90 * DAY, -8 * DAY);
	is_str(codes(&state), "", "a successor is there");
	begin(&state);
	key(&state, 1, -88 * DAY, -86 * DAY, 13 * DAY, -88 * DAY);
	key(&state, 2, -8 * DAY, 12 * DAY, 90 * DAY, -8 * DAY);
	made_add(&state.ring, made_revocation(2, 0, ""), MADE_NOW);
	is_str(codes(&state), "no-writer", "a revoked successor is none");
	begin(&state);
	key(&state, 1, -100 * DAY, -98 * DAY, -8 * DAY, -88 * DAY);
	is_str(codes(&state), "fallback no-default", "all has expired");
}

static void test_fallback(void)
{
	struct dpk_state state;

	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	made_add(&state.ring, made_revocation(1, 0, ""), MADE_NOW);
	is_str(codes(&state), "no-default no-default", "the only key is revoked");
	begin(&state);
	key(&state, 1, -20 * DAY, -18 * DAY, 70 * DAY, -20 * DAY);
	key(&state, 2, -10 * DAY, 5 * DAY, 80 * DAY, -10 * DAY);
	made_add(&state.ring, made_revocation(1, 0, ""), MADE_NOW);
	is_str(codes(&state), "fallback fallback", "what is left is not active yet");
}

static void test_early(void)
{
	struct dpk_state state;

	begin(&state);
	key(&state, 1, -20 * DAY, -18 * DAY, 70 * DAY, -20 * DAY);
	key(&state, 2, -HOUR, -HOUR, 90 * DAY, -HOUR);
	is_str(codes(&state), "early-activation", "a new default of one hour");
	begin(&state);
	key(&state, 1, -20 * DAY, -18 * DAY, 70 * DAY, -20 * DAY);
	key(&state, 2, -25 * HOUR, -HOUR, 90 * DAY, -25 * HOUR);
	is_str(codes(&state), "", "one that was seen a day before");
	begin(&state);
	key(&state, 1, -20 * DAY, -18 * DAY, 70 * DAY, -HOUR);
	key(&state, 2, -HOUR, -HOUR, 90 * DAY, -HOUR);
	is_str(codes(&state), "", "a first ring has no other default");
}

/* A refused element with the dates of a key. */
static void reject(
	struct dpk_state *state, unsigned int id, int64_t activates, enum dpk_verdict verdict)
{
	const struct made made = { id, 0, activates, activates, 300 * DAY, 0 };
	struct dpk_refusal refusal = { .verdict = verdict, .text = "why", .has_facts = true };
	struct dpk_key *of = made_key(&made);

	refusal.facts = *dpk_key_facts(of);
	dpk_rejections_add(&state->rejections, "store", "name", &refusal, dpk_key_sha256(of));
	dpk_key_unref(of);
}

static void test_divergence(void)
{
	struct dpk_state state;

	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	reject(&state, 2, -DAY, DPK_VERDICT_WRAP_CERT);
	is_str(codes(&state), "rejected diverges", "plain .NET would take the refused key");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	reject(&state, 2, -20 * DAY, DPK_VERDICT_WRAP_CERT);
	is_str(codes(&state), "rejected", "or not");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	reject(&state, 2, -DAY, DPK_VERDICT_DUPLICATE_ID);
	is_str(codes(&state), "rejected", "of duplicates .NET takes none");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	for (int i = 0; i < 60; i++)
		reject(&state, 2, -20 * DAY, DPK_VERDICT_WRAP_CERT);
	is_num(strlen(codes(&state)), 51 * 9 - 1, "fifty are named, the rest counted");
}

static void test_trouble(void)
{
	struct dpk_state state;

	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.trouble.reason = DPK_VERDICT_TRANSIENT;
	is_str(dpk_state_word(&state), "offline", "a store that does not answer");
	is_str(codes(&state), "offline", "is a finding");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.hold = DPK_HOLD_REMOVAL;
	state.trouble.reason = DPK_VERDICT_REMOVAL;
	snprintf(state.hold_text, sizeof(state.hold_text), "held");
	is_str(dpk_state_word(&state), "fresh", "a held ring was confirmed");
	is_str(codes(&state), "removal", "and is a finding");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.hold = DPK_HOLD_REMOVAL;
	state.trouble.reason = DPK_VERDICT_TRANSIENT;
	snprintf(state.hold_text, sizeof(state.hold_text), "held");
	is_str(dpk_state_word(&state), "offline", "a held ring whose store does not answer");
	is_str(codes(&state), "removal offline", "is both");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.synced_age_ms = 25 * 3600 * 1000;
	is_str(dpk_state_word(&state), "stale", "25 hours without a store");
	is_str(codes(&state), "stale", "are a finding");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.synced_at = 0;
	is_str(codes(&state), "stale", "never synced");
	begin(&state);
	state.generation = 0;
	is_str(dpk_state_word(&state), "empty", "no ring");
	is_str(codes(&state), "empty", "is a finding");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.withdrawn = true;
	is_str(dpk_state_word(&state), "empty", "a withdrawn ring");
	is_str(codes(&state), "empty", "likewise");
	begin(&state);
	state.generation = 0;
	state.asked = false;
	state.trouble.reason = DPK_VERDICT_UNASKED;
	is_str(dpk_state_word(&state), "offline", "before the first cycle");
	is_str(codes(&state), "empty", "nothing is known");
}

static void test_notes(void)
{
	struct dpk_state state;

	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.config.gid = 0;
	is_str(codes(&state), "root-only", "nobody but root can read");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.config.mode = 0400;
	is_str(codes(&state), "root-only", "not even the group");
	begin(&state);
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	state.config.unwrapped = DPK_UNWRAPPED_ACCEPT;
	is_str(codes(&state), "unwrapped", "plaintext keys are accepted");
}

/* A wrapped key of the test data and its certificate, asked about at a time before its end. */
static void test_certs(void)
{
	char path[FIXTURE_PATH_MAX];
	struct dpk_findings findings;
	struct dpk_trust trust = { 0 };
	struct dpk_refusal refusal = { 0 };
	struct dpk_key *wrapped = NULL;
	struct dpk_state state;
	struct dpk_blob blob;
	static const struct {
		int64_t before_end;
		const char *code;
	} rows[] = { { 31 * DAY, "" }, { 29 * DAY, "cert-expires" }, { -DAY, "cert-expired" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *code = "";

		begin(&state);
		if (dpk_certs_load(fixture_path(path, "certs/expired.pem"), &state.certs, NULL) < 0)
			made_bail("no certificate");
		trust.wrap_certs = state.certs;
		blob = fixture_blob(fixture_path(path,
			"rings/net10-expired-cert/key-2ff99927-e671-4baa-a462-de7267fc5966.xml"));
		if (dpk_verify(&trust, &blob, &wrapped, &refusal) != 0)
			made_bail(refusal.text);
		made_add(&state.ring, wrapped, 0);
		dpk_findings_make(&state,
			dpk_certs_at(state.certs, 0)->not_after - rows[i].before_end, &findings);
		for (size_t j = 0; j < findings.count; j++)
			if (strncmp(findings.items[j].code, "cert-", 5) == 0)
				code = findings.items[j].code;
		is_str(code, rows[i].code, "the end of a certificate");
		dpk_findings_fini(&findings);
		dpk_blob_fini(&blob);
		dpk_state_fini(&state);
	}
}

/* --- as JSON ---------------------------------------------------------------- */

static void test_report(void)
{
	struct dpk_shelf *shelf = dpk_shelf_new();
	struct dpk_state state;
	json_t *status, *health;

	begin(&state);
	state.shelf = shelf;
	key(&state, 1, -10 * DAY, -8 * DAY, 80 * DAY, -10 * DAY);
	free(state.source.shown);
	state.source.shown = strdup("dir:/r\xe9"
				    "gion");
	state.trouble.reason = DPK_VERDICT_TRANSIENT;
	snprintf(state.trouble.text, sizeof(state.trouble.text), "cut \xe2\x80");
	reject(&state, 2, -DAY, DPK_VERDICT_WRAP_CERT);
	dpk_state_add_event(&state, "code", MADE_NOW, "\xff");
	status = dpk_report_status(&state);
	health = dpk_report_health(&state);
	is_str(json_string_value(json_object_get(status, "source")), "dir:/r\\xe9gion",
		"a path that is no UTF-8 does not cost the answer");
	is_str(json_string_value(json_object_get(json_object_get(status, "last_error"), "text")),
		"cut \\xe2\\x80", "nor does a text that was cut");
	is_num(json_array_size(json_object_get(status, "rejected")), 1, "the rejection");
	is_num(json_array_size(json_object_get(status, "keys")), 1, "the key");
	is_str(json_string_value(json_object_get(health, "status")), "degraded", "health");
	ok(json_is_true(json_object_get(health, "ready")), "ready");
	json_decref(status);
	json_decref(health);
	dpk_state_fini(&state);
	dpk_shelf_free(shelf);
}

static void test_memory(void)
{
	struct dpk_generation generation = { 0 };
	struct dpk_state state;

	begin(&state);
	for (int i = 0; i < DPK_STATE_EVENTS + 3; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		dpk_state_add_event(&state, "a-code-that-is-longer-than-its-place", i, text);
	}
	is_num(state.event_count, DPK_STATE_EVENTS, "events have a limit");
	is_str(state.events[0].detail, "3", "the oldest go");
	for (generation.number = 1; generation.number <= DPK_STATE_HISTORY + 3; generation.number++)
		dpk_state_add_generation(&state, &generation);
	is_num(state.history_count, DPK_STATE_HISTORY, "generations have one too");
	is_num(state.history[0].number, 4, "the oldest go");
	dpk_state_fini(&state);
}

int main(void)
{
	test_default();
	test_fallback();
	test_early();
	test_divergence();
	test_trouble();
	test_notes();
	test_certs();
	test_report();
	test_memory();
	return tap_done();
}
