/* SPDX-License-Identifier: MIT */
/* The engine's state, as others may see it. */
#include "engine/state.h"

#include "base/cleanup.h"
#include "base/ticks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

int dpk_state_init(struct dpk_state *state)
{
	*state = (struct dpk_state){ .changed_fd = -1 };
	state->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (state->changed_fd < 0)
		return -errno;
	state->events = calloc(DPK_STATE_EVENTS, sizeof(*state->events));
	if (!state->events)
		return -ENOMEM;
	return -pthread_mutex_init(&state->lock, NULL);
}

void dpk_state_fini(struct dpk_state *state)
{
	dpk_config_fini(&state->config);
	dpk_source_fini(&state->source);
	dpk_certs_free(state->certs);
	dpk_signers_free(state->signing.signers);
	dpk_ring_fini(&state->ring);
	dpk_rejections_fini(&state->rejections);
	dpk_events_free(state->events, state->event_count);
	closep(&state->changed_fd);
	pthread_mutex_destroy(&state->lock);
}

void dpk_state_unlock_changed(struct dpk_state *state)
{
	pthread_mutex_unlock(&state->lock);
	eventfd_write(state->changed_fd, 1);
}

uint64_t dpk_state_age_ms(const struct dpk_state *state)
{
	if (!state->synced_at)
		return UINT64_MAX;
	return state->synced_age_ms + dpk_monotonic_ms() - state->synced_mono_ms;
}

uint64_t dpk_state_signed_age_ms(const struct dpk_state *state)
{
	return state->signing.age_ms + dpk_monotonic_ms() - state->signing.mono_ms;
}

int64_t dpk_state_signed_now(const struct dpk_state *state, int64_t now)
{
	return now > state->signing.floor.seen ? now : state->signing.floor.seen;
}

bool dpk_state_in_trouble(const struct dpk_state *state)
{
	/* a hold's own trouble goes by the hold's word */
	return state->trouble.reason != DPK_VERDICT_OK &&
	       strcmp(dpk_verdict_code(state->trouble.reason), dpk_hold_word(state->hold)) != 0;
}

static bool is_expired(const struct dpk_state *state)
{
	return state->signing.served &&
	       dpk_state_signed_now(state, dpk_ticks_now()) >= state->signing.expires;
}

const char *dpk_state_word(const struct dpk_state *state)
{
	bool served = state->generation > 0 && !state->withdrawn;

	if (!state->asked)
		return "offline";
	if (!served)
		return "empty";
	if (dpk_state_age_ms(state) > state->config.stale_after_ms || is_expired(state))
		return "stale";
	return dpk_state_in_trouble(state) ? "offline" : "fresh";
}

void dpk_state_add_event(struct dpk_state *state, const char *code, int64_t at, const char *detail)
{
	struct dpk_event *event;
	char *copy = strdup(detail);

	if (!copy)
		return; /* it is in the journal all the same */
	if (state->event_count == DPK_STATE_EVENTS) {
		free(state->events[0].detail);
		memmove(state->events, state->events + 1,
			(DPK_STATE_EVENTS - 1) * sizeof(*state->events));
		state->event_count--;
	}
	event = &state->events[state->event_count++];
	*event = (struct dpk_event){ .at = at, .detail = copy };
	snprintf(event->code, sizeof(event->code), "%s", code);
}

void dpk_state_add_generation(struct dpk_state *state, const struct dpk_generation *generation)
{
	if (state->history_count == DPK_STATE_HISTORY) {
		memmove(state->history, state->history + 1,
			(DPK_STATE_HISTORY - 1) * sizeof(state->history[0]));
		state->history_count--;
	}
	state->history[state->history_count++] = *generation;
}
