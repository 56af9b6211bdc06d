/* SPDX-License-Identifier: MIT */
/* What is worth an administrator's attention. Looks at the state, decides nothing. */
#include "engine/findings.h"

#include "base/num.h"
#include "base/ticks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_WRITER_AHEAD   (14 * DPK_TICKS_PER_DAY)
#define CERT_EXPIRY_AHEAD (30 * DPK_TICKS_PER_DAY)
#define REJECTIONS_SHOWN  50

struct scene {
	const struct dpk_state *state;
	int64_t now;
	struct dpk_findings *findings;
	struct dpk_policy_key *keys; /* of the served ring */
	size_t key_count;
	int r;
};

void dpk_findings_fini(struct dpk_findings *findings)
{
	free(findings->items);
	*findings = (struct dpk_findings){ 0 };
}

__attribute__((format(printf, 5, 6))) static void add(struct scene *scene, const char *code,
	enum dpk_severity severity, const char *remedy, const char *format, ...)
{
	struct dpk_finding *grown;
	va_list ap;

	grown = reallocarray(scene->findings->items, scene->findings->count + 1, sizeof(*grown));
	if (!grown) {
		scene->r = -ENOMEM;
		return;
	}
	scene->findings->items = grown;
	grown += scene->findings->count++;
	*grown = (struct dpk_finding){ .code = code, .severity = severity, .remedy = remedy };
	va_start(ap, format);
	vsnprintf(grown->text, sizeof(grown->text), format, ap);
	va_end(ap);
}

static void find_rejections(struct scene *scene)
{
	const struct dpk_rejections *list = &scene->state->rejections;

	for (size_t i = 0; i < list->count && i < REJECTIONS_SHOWN; i++)
		add(scene, "rejected", DPK_SEVERITY_DEGRADED, "", "%s was refused: %s: %s",
			list->items[i].name, dpk_verdict_code(list->items[i].reason),
			list->items[i].text);
	if (list->count > REJECTIONS_SHOWN)
		add(scene, "rejected", DPK_SEVERITY_DEGRADED, "", "and %zu more",
			list->count - REJECTIONS_SHOWN);
}

static void find_trouble(struct scene *scene)
{
	const struct dpk_state *state = scene->state;
	uint64_t age = dpk_state_age_ms(state);
	char buf[32];

	if (state->hold != DPK_HOLD_NONE)
		add(scene, dpk_hold_word(state->hold), DPK_SEVERITY_DEGRADED, "", "%s",
			state->hold_text);
	if (dpk_state_in_trouble(state) && state->trouble.reason != DPK_VERDICT_UNASKED)
		add(scene, "offline", DPK_SEVERITY_DEGRADED,
			"dpkeyfs(7) has the remedy for each reason", "%s: %s",
			dpk_verdict_code(state->trouble.reason), state->trouble.text);
	if (state->generation == 0 || state->withdrawn)
		add(scene, "empty", DPK_SEVERITY_DEGRADED,
			"the mount answers EIO until a ring verifies",
			"no verified ring is served");
	else if (age > state->config.stale_after_ms)
		add(scene, "stale", DPK_SEVERITY_STALE, "bring the store back, then: dpkeyctl sync",
			"no store has confirmed the ring for %s",
			age == UINT64_MAX ? "longer than anybody knows" :
					    dpk_duration_to_string(age, buf));
}

static void find_default(struct scene *scene)
{
	static const char *const names[] = { ".NET 8", ".NET 9 and 10" };
	char id[DPK_GUID_STRING_MAX];

	for (int net = DPK_NET_8; net <= DPK_NET_9; net++) {
		struct dpk_choice choice;

		dpk_policy_choose(
			(enum dpk_net)net, scene->keys, scene->key_count, scene->now, &choice);
		if (!choice.found)
			add(scene, "no-default", DPK_SEVERITY_DEGRADED, "add a key to the store",
				"a %s process that starts now finds no key to protect with",
				names[net]);
		else if (choice.fallback || choice.expired)
			add(scene, "fallback", DPK_SEVERITY_DEGRADED, "add a key to the store",
				"%s falls back to the %s key %s", names[net],
				choice.expired ? "expired" : "not preferred",
				dpk_guid_to_string(&choice.id, id));
		else if (choice.need_new)
			add(scene, "need-new", DPK_SEVERITY_DEGRADED,
				"add a key that becomes active before the default expires",
				"%s would make a new key soon, and may not", names[net]);
	}
}

static void find_successor(struct scene *scene)
{
	char buf[DPK_TICKS_STRING_MAX];
	int64_t last = INT64_MIN;

	for (size_t i = 0; i < scene->key_count; i++)
		if (!scene->keys[i].revoked && scene->keys[i].expires > last)
			last = scene->keys[i].expires;
	if (scene->key_count > 0 && last < scene->now + NO_WRITER_AHEAD && last > scene->now)
		add(scene, "no-writer", DPK_SEVERITY_DEGRADED,
			"let one writer make keys: an application with write access to the store",
			"the last key expires %s and has no successor; .NET 9+ processes started after "
			"that may fail",
			dpk_ticks_to_short(last, buf));
}

static const struct dpk_member *member_of(const struct dpk_state *state, const struct dpk_guid *id)
{
	for (size_t i = 0; i < state->ring.count; i++) {
		const struct dpk_facts *facts = dpk_key_facts(state->ring.members[i].key);

		if (facts->kind == DPK_KIND_KEY && dpk_guid_equal(&facts->id, id))
			return &state->ring.members[i];
	}
	return NULL;
}

/* Did another default exist before this node had ever seen the default of today? */
static bool had_other_default(struct scene *scene, const struct dpk_member *now_default)
{
	struct dpk_policy_key *others = calloc(scene->key_count + 1, sizeof(*others));
	struct dpk_choice choice = { 0 };
	size_t count = 0;

	if (!others)
		return false;
	for (size_t i = 0; i < scene->key_count; i++) {
		const struct dpk_member *member = member_of(scene->state, &scene->keys[i].id);

		if (member && member->first_seen < now_default->first_seen)
			others[count++] = scene->keys[i];
	}
	dpk_policy_choose(DPK_NET_9, others, count, scene->now, &choice);
	free(others);
	return choice.found && !choice.fallback;
}

static void find_early(struct scene *scene)
{
	const struct dpk_member *member;
	struct dpk_choice choice;
	char id[DPK_GUID_STRING_MAX];

	dpk_policy_choose(DPK_NET_9, scene->keys, scene->key_count, scene->now, &choice);
	if (!choice.found || choice.fallback)
		return;
	member = member_of(scene->state, &choice.id);
	if (!member || scene->now - member->first_seen >= DPK_TICKS_PER_DAY ||
		!had_other_default(scene, member))
		return;
	add(scene, "early-activation", DPK_SEVERITY_DEGRADED,
		"restart the applications that still hold the old ring, or wait a day; make keys at "
		"least 48 h before they become active",
		"key %s became the default less than 24 h after this node first saw it: running "
		"processes that have not refreshed cannot read what others write",
		dpk_guid_to_string(&choice.id, id));
}

static size_t refused_keys(const struct dpk_state *state, const struct dpk_facts **facts)
{
	size_t count = 0;

	for (size_t i = 0; i < state->rejections.count; i++)
		if (state->rejections.items[i].has_facts &&
			state->rejections.items[i].reason != DPK_VERDICT_DUPLICATE_ID)
			facts[count++] = &state->rejections.items[i].facts;
	return count;
}

static void find_divergence(struct scene *scene)
{
	const struct dpk_state *state = scene->state;
	const struct dpk_facts **facts = calloc(state->rejections.count + 1, sizeof(*facts));
	struct dpk_policy_key *all = NULL;
	size_t count = 0, refused = facts ? refused_keys(state, facts) : 0;

	if (!facts || (refused && dpk_ring_policy(&state->ring, facts, refused, &all, &count) < 0))
		scene->r = -ENOMEM;
	for (int net = DPK_NET_8; all && net <= DPK_NET_9; net++) {
		struct dpk_choice ours, theirs;
		char id[DPK_GUID_STRING_MAX];

		dpk_policy_choose(
			(enum dpk_net)net, scene->keys, scene->key_count, scene->now, &ours);
		dpk_policy_choose((enum dpk_net)net, all, count, scene->now, &theirs);
		if (!theirs.found || (ours.found && dpk_guid_equal(&ours.id, &theirs.id)))
			continue;
		add(scene, "diverges", DPK_SEVERITY_DEGRADED,
			"mend the element in the store, or pin its certificate with wrap_certs",
			"plain .NET %s reading this store would protect with %s, which was refused here",
			net == DPK_NET_8 ? "8" : "9 and 10", dpk_guid_to_string(&theirs.id, id));
		break;
	}
	free(facts);
	free(all);
}

static bool wraps_live_key(const struct scene *scene, const struct dpk_cert *cert)
{
	for (size_t i = 0; i < scene->state->ring.count; i++) {
		const struct dpk_facts *facts = dpk_key_facts(scene->state->ring.members[i].key);

		if (facts->kind == DPK_KIND_KEY && facts->wrapped && facts->expires > scene->now &&
			memcmp(facts->wrap_cert_sha256, cert->sha256, DPK_HASH_BYTES) == 0)
			return true;
	}
	return false;
}

static void find_certs(struct scene *scene)
{
	const struct dpk_certs *certs = scene->state->certs;
	char buf[DPK_TICKS_STRING_MAX];

	for (size_t i = 0; certs && i < dpk_certs_count(certs); i++) {
		const struct dpk_cert *cert = dpk_certs_at(certs, i);

		if (cert->not_after > scene->now + CERT_EXPIRY_AHEAD ||
			!wraps_live_key(scene, cert))
			continue;
		if (cert->not_after <= scene->now)
			add(scene, "cert-expired", DPK_SEVERITY_NOTE,
				"keep it: its keys still open; wrap new keys to a new certificate",
				"the certificate %s (%s) expired %s", cert->subject, cert->path,
				dpk_ticks_to_short(cert->not_after, buf));
		else
			add(scene, "cert-expires", DPK_SEVERITY_DEGRADED,
				"pin its successor on every node, then wrap new keys to it",
				"the certificate %s (%s) expires %s", cert->subject, cert->path,
				dpk_ticks_to_short(cert->not_after, buf));
	}
}

static void find_freshness(struct scene *scene)
{
	const struct dpk_signed_state *signing = &scene->state->signing;
	int64_t now = dpk_state_signed_now(scene->state, scene->now);
	char buf[DPK_TICKS_STRING_MAX];

	if (!signing->served)
		return;
	if (now >= signing->expires)
		add(scene, "expired", DPK_SEVERITY_STALE,
			"sign and publish anew; a store that withholds newer snapshots looks like this",
			"the snapshot expired %s; it stays served",
			dpk_ticks_to_short(signing->expires, buf));
	else if (now - signing->issued >= (signing->expires - signing->issued) / 2)
		add(scene, "resign-due", DPK_SEVERITY_DEGRADED,
			"run the scheduled dpkeyctl sign; sign at a quarter of the lifetime",
			"half of the snapshot's lifetime is over and no newer one has come; it expires "
			"%s",
			dpk_ticks_to_short(signing->expires, buf));
}

static void find_signers(struct scene *scene)
{
	const struct dpk_signed_state *signing = &scene->state->signing;
	char buf[DPK_TICKS_STRING_MAX];

	for (size_t i = 0; i < dpk_signers_count(signing->signers); i++) {
		const struct dpk_signer *signer = dpk_signers_at(signing->signers, i);

		/* its key goes on to count: the pin is the trust, not the certificate's dates */
		if (signer->not_after <= scene->now + CERT_EXPIRY_AHEAD)
			add(scene, "signer-expires", DPK_SEVERITY_DEGRADED,
				"pin its successor on every node, then sign with both",
				"the signer's certificate %s (%s) expires %s", signer->subject,
				signer->path, dpk_ticks_to_short(signer->not_after, buf));
	}
	if (scene->state->generation > 0 && !signing->served)
		add(scene, "unpinned", DPK_SEVERITY_DEGRADED,
			"publish a snapshot that the pinned signers have signed",
			"the pinned signers do not vouch for the ring that is served");
	if (signing->floor_lost)
		add(scene, "floor-lost", DPK_SEVERITY_DEGRADED,
			"find out why, set min_epoch and min_version, then: dpkeyctl accept-floor",
			"FLOOR LOST: the journal was lost, and with it what this node had accepted");
	find_freshness(scene);
}

static void find_clock(struct scene *scene)
{
	const struct dpk_state *state = scene->state;
	int64_t behind = state->signing.floor.seen - scene->now;
	char buf[32];

	if (behind > DPK_FLOOR_CLOCK_SLACK)
		add(scene, "clock", DPK_SEVERITY_DEGRADED, "set the clock of this node",
			"this node's clock is behind what it has seen signed, by %s",
			dpk_duration_to_string((uint64_t)(behind / DPK_TICKS_PER_MS), buf));
	else if (state->clock_jump_at && scene->now - state->clock_jump_at < DPK_TICKS_PER_DAY)
		add(scene, "clock", DPK_SEVERITY_DEGRADED,
			"see that the clock of this node is right",
			"this node's clock jumped %s by %s",
			state->clock_jump < 0 ? "back" : "ahead",
			dpk_duration_to_string(
				(uint64_t)(llabs(state->clock_jump) / DPK_TICKS_PER_MS), buf));
}

static void find_notes(struct scene *scene)
{
	const struct dpk_config *config = &scene->state->config;
	bool others = config->mode & 0004 || config->uid != 0 ||
		      (config->gid != 0 && config->mode & 0040);

	if (!scene->state->signing.signers)
		add(scene, "unsigned", DPK_SEVERITY_NOTE, "",
			"the ring is not signed: whoever can write the store can add a key that is wrapped to "
			"a pinned certificate");
	if (config->unwrapped == DPK_UNWRAPPED_ACCEPT)
		add(scene, "unwrapped", DPK_SEVERITY_NOTE, "wrap the keys and set unwrapped=reject",
			"plaintext keys are accepted: whoever reads the store or the mount can forge "
			"logins");
	if (!others)
		add(scene, "root-only", DPK_SEVERITY_NOTE,
			"groupadd --system dpkeys, SupplementaryGroups=dpkeys in each service, mount again",
			"only root can read the mount");
}

int dpk_findings_make(const struct dpk_state *state, int64_t now, struct dpk_findings *ret_findings)
{
	struct dpk_findings findings = { 0 };
	struct scene scene = { .state = state, .now = now, .findings = &findings };

	scene.r = dpk_ring_policy(&state->ring, NULL, 0, &scene.keys, &scene.key_count);
	if (scene.r == 0) {
		find_trouble(&scene);
		find_rejections(&scene);
	}
	if (scene.r == 0 && state->generation > 0) {
		find_default(&scene);
		find_successor(&scene);
		find_early(&scene);
		find_divergence(&scene);
		find_certs(&scene);
	}
	if (scene.r == 0 && state->signing.signers)
		find_signers(&scene);
	if (scene.r == 0) {
		find_clock(&scene);
		find_notes(&scene);
	}
	free(scene.keys);
	if (scene.r < 0) {
		dpk_findings_fini(&findings);
		return scene.r;
	}
	*ret_findings = findings;
	return 0;
}
