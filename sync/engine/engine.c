/* SPDX-License-Identifier: MIT */
/* The engine's life and its schedule. */
#include "engine/prove.h"
#include "engine/trust.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/ticks.h"

#include <dpkeyfs/store-protocol.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#define BACKOFF_MAX_MS (5 * 60 * 1000)
#define WAIT_PAUSE_MS  200 /* between two cycles that a store's `wait` asked for */

static uint64_t random_between(uint64_t low, uint64_t high)
{
	uint64_t value = 0;

	if (high <= low)
		return low;
	/* jitter only: zero is as good as any where there is no entropy */
	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value))
		value = dpk_monotonic_ms() * UINT64_C(0x9E3779B97F4A7C15);
	return low + value % (high - low + 1);
}

/* Decorrelated jitter after failures; no back-off while there is nothing to serve. */
static uint64_t pause_after(struct dpk_engine *engine, bool well)
{
	uint64_t interval = engine->state.config.interval_ms, high;

	if (well || engine->state.source.is_dir || engine->state.generation == 0 ||
		engine->state.withdrawn) {
		engine->backoff_ms = 0;
		return random_between(interval - interval / 5, interval + interval / 5);
	}
	high = engine->backoff_ms ? engine->backoff_ms * 3 : interval * 3;
	if (high > BACKOFF_MAX_MS)
		high = interval > BACKOFF_MAX_MS ? interval : BACKOFF_MAX_MS;
	engine->backoff_ms = random_between(interval, high);
	return engine->backoff_ms;
}

static void stop_waiter(struct dpk_engine *engine)
{
	if (engine->wait_pidfd >= 0)
		dpk_run_wait_end(engine->wait_pid, &engine->wait_pidfd);
}

static void start_waiter(struct dpk_engine *engine)
{
	struct dpk_run run = { &engine->state.source, &engine->state.config, engine->token, 0, -1 };
	struct dpk_err err = DPK_ERR_INIT;

	if (engine->wait_unsupported || engine->wait_pidfd >= 0)
		return;
	if (dpk_run_wait_start(&run, &engine->wait_pid, &engine->wait_pidfd, &err) < 0) {
		dpk_debug("%s", dpk_err_text(&err));
		engine->wait_unsupported = true;
	}
}

/* The waiter ended: is there something to look at? */
static bool take_hint(struct dpk_engine *engine)
{
	int code = dpk_run_wait_end(engine->wait_pid, &engine->wait_pidfd);

	if (code == DPK_STORE_UNSUPPORTED)
		engine->wait_unsupported = true;
	return code == DPK_STORE_OK;
}

/* Milliseconds until the ring is past hard_expiry; -1: never. */
static int64_t until_expiry(struct dpk_engine *engine)
{
	uint64_t limit = engine->state.config.hard_expiry_ms, age;

	if (!limit || engine->state.generation == 0 || engine->state.withdrawn)
		return -1;
	dpk_state_lock(&engine->state);
	/* a store can repeat an old snapshot for ever: a signature's age is what counts */
	age = engine->state.signing.served ? dpk_state_signed_age_ms(&engine->state) :
					     dpk_state_age_ms(&engine->state);
	dpk_state_unlock(&engine->state);
	return age >= limit ? 0 : (int64_t)(limit - age);
}

static void check_expiry(struct dpk_engine *engine)
{
	if (dpk_trust_until_withdrawal(engine) == 0) {
		dpk_cycle_withdraw(engine);
		dpk_cycle_event(engine, DPK_LOG_ERROR, "withdrawn",
			"the pinned signers have not vouched for the ring for 24 h; the mount answers "
			"EIO until they have signed one");
		return;
	}
	if (until_expiry(engine) != 0)
		return;
	dpk_cycle_withdraw(engine);
	dpk_cycle_event(engine, DPK_LOG_ERROR, "withdrawn",
		"no store has confirmed the ring for longer than hard_expiry; the mount answers EIO "
		"until one does");
}

/* A new configuration, if SIGHUP brought one. */
static bool take_config(struct dpk_engine *engine)
{
	struct dpk_config *config = atomic_exchange(&engine->next_config, NULL);
	struct dpk_state *state = &engine->state;
	struct dpk_source source = { 0 };
	struct dpk_certs *certs = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	int r;

	if (!config)
		return false;
	r = dpk_source_parse(config->source, &source, &err);
	if (r == 0 && config->wrap_certs)
		r = dpk_certs_load(config->wrap_certs, &certs, &err);
	if (r == 0)
		r = dpk_prove_open(engine, config, &err);
	if (r == 0)
		r = dpk_trust_open(engine, config, &err);
	if (r < 0) {
		dpk_cycle_event(engine, DPK_LOG_ERROR, "reload", "the old configuration stays: %s",
			dpk_err_text(&err));
		dpk_source_fini(&source);
		dpk_certs_free(certs);
		dpk_config_fini(config);
		free(config);
		return false;
	}
	stop_waiter(engine);
	dpk_state_lock(state);
	dpk_config_fini(&state->config);
	dpk_source_fini(&state->source);
	dpk_certs_free(state->certs);
	state->config = *config;
	state->source = source;
	state->certs = certs;
	dpk_state_unlock_changed(state);
	free(config);
	engine->token[0] = '\0';
	engine->wait_unsupported = false;
	engine->has_digest = false;
	dpk_cycle_event(engine, DPK_LOG_NOTICE, "reload", "the configuration was read anew");
	dpk_cycle_reverify(engine);
	return true;
}

/* Sleeps until something is to be done. */
static void sleep_until(struct dpk_engine *engine, uint64_t until, bool *ret_hint)
{
	struct pollfd fds[] = { { engine->stop_fd, POLLIN, 0 }, { engine->wake_fd, POLLIN, 0 },
		{ engine->wait_pidfd, POLLIN, 0 } };
	uint64_t now = dpk_monotonic_ms();
	int64_t left = until > now ? (int64_t)(until - now) : 0, expiry = until_expiry(engine);
	int64_t unpinned = dpk_trust_until_withdrawal(engine);
	eventfd_t ignored;

	*ret_hint = false;
	if (expiry >= 0 && expiry < left)
		left = expiry;
	if (unpinned >= 0 && unpinned < left)
		left = unpinned;
	if (poll(fds, 3, (int)(left > INT32_MAX ? INT32_MAX : left)) <= 0)
		return;
	if (fds[1].revents)
		eventfd_read(engine->wake_fd, &ignored);
	if (fds[2].revents)
		*ret_hint = take_hint(engine);
}

static bool is_stopped(const struct dpk_engine *engine)
{
	struct pollfd fd = { engine->stop_fd, POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

/* Runs one cycle with the tickets that were drawn before it. Returns the pause until the next. */
static uint64_t one_cycle(struct dpk_engine *engine)
{
	struct dpk_state *state = &engine->state;
	struct dpk_cycle_order order;
	uint64_t ticket;
	bool well;

	dpk_state_lock(state);
	ticket = state->sync_wanted;
	order = (struct dpk_cycle_order){ ticket != state->sync_served, state->accept_wanted,
		state->accept_floor_wanted, state->accept_unsigned_wanted };
	state->accept_wanted = state->accept_floor_wanted = state->accept_unsigned_wanted = false;
	dpk_state_unlock(state);
	if (order.accept)
		dpk_cycle_event(engine, DPK_LOG_NOTICE, "accept-removal",
			"an administrator accepts what the store holds now");
	well = dpk_cycle_run(engine, &order);
	dpk_state_lock(state);
	state->sync_served = ticket;
	dpk_state_unlock_changed(state);
	check_expiry(engine);
	if (!is_stopped(engine))
		start_waiter(engine);
	return pause_after(engine, well);
}

static bool sync_is_wanted(struct dpk_engine *engine)
{
	bool wanted;

	dpk_state_lock(&engine->state);
	wanted = engine->state.sync_wanted != engine->state.sync_served;
	dpk_state_unlock(&engine->state);
	return wanted;
}

/* The ring of the journal may be on the shelf already: wait until the kernel shows it. */
static void await_first(struct dpk_engine *engine)
{
	if (engine->state.generation > 0 &&
		dpk_shelf_wait_exposed(engine->shelf, 1, BACKOFF_MAX_MS) == 0) {
		engine->exposed = engine->state.generation;
		dpk_cycle_settle(engine);
	}
}

static void *engine_thread(void *arg)
{
	struct dpk_engine *engine = arg;
	uint64_t next = 0, hint_from = 0;
	bool hint = false;

	await_first(engine);
	while (!is_stopped(engine)) {
		bool due = dpk_monotonic_ms() >= next || hint || sync_is_wanted(engine);

		if (take_config(engine) || due) {
			next = dpk_monotonic_ms() + one_cycle(engine);
			hint_from = dpk_monotonic_ms() + WAIT_PAUSE_MS;
		} else {
			check_expiry(engine);
		}
		sleep_until(engine, next, &hint);
		if (hint && dpk_monotonic_ms() < hint_from) {
			next = hint_from; /* a store that cries all the time is heard five times a
					     second */
			hint = false;
		}
	}
	stop_waiter(engine);
	if (engine->hook_pid > 0)
		dpk_run_hook_kill(engine->hook_pid);
	return NULL;
}

static int make_fds(struct dpk_engine *engine)
{
	int *fds[] = { &engine->wake_fd, &engine->stop_fd, &engine->ready_fd, &engine->status_fd };

	for (size_t i = 0; i < 4; i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0)
			return -errno;
	}
	engine->shelf = dpk_shelf_new();
	return engine->shelf ? 0 : -ENOMEM;
}

static int open_parts(
	struct dpk_engine *engine, const struct dpk_config *config, struct dpk_err *err)
{
	bool set_aside = false;
	int r = dpk_source_parse(config->source, &engine->state.source, err);

	if (r == 0 && config->wrap_certs)
		r = dpk_certs_load(config->wrap_certs, &engine->state.certs, err);
	if (r == 0)
		r = dpk_journal_open(config->state, &engine->journal, &set_aside, err);
	if (r < 0)
		return r;
	/* borrowed until dpk_engine_open succeeds */
	engine->state.config = *config;
	if (config->unwrapped == DPK_UNWRAPPED_ACCEPT)
		dpk_warning(
			"unwrapped=accept: plaintext keys are served; whoever reads the store or the "
			"mount can forge logins. For development only");
	if (set_aside)
		dpk_cycle_event(engine, DPK_LOG_WARNING, "journal",
			"a damaged journal was set aside (%s/journal.db.damaged-*) and a new one begun; "
			"the ring comes from the store",
			config->state);
	return dpk_cycle_load(engine, err);
}

int dpk_engine_open(struct dpk_config *config, struct dpk_engine **ret_engine, struct dpk_err *err)
{
	struct dpk_engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine)
		return dpk_err_set(err, -ENOMEM, "no memory");
	engine->wake_fd = engine->stop_fd = engine->ready_fd = engine->status_fd = -1;
	engine->wait_pidfd = -1;
	r = dpk_state_init(&engine->state);
	if (r == 0)
		r = make_fds(engine);
	if (r < 0)
		dpk_err_set(err, r, "cannot prepare the engine: %s", strerror(-r));
	engine->state.shelf = engine->shelf;
	engine->state.trouble = (struct dpk_trouble){ DPK_VERDICT_UNASKED,
		"the store has not been asked yet", dpk_ticks_now() };
	if (r == 0)
		r = open_parts(engine, config, err);
	if (r < 0) {
		engine->state.config = (struct dpk_config){ 0 };
		dpk_engine_free(engine);
		return r;
	}
	*config = (struct dpk_config){ 0 };
	*ret_engine = engine;
	return 0;
}

int dpk_engine_start(struct dpk_engine *engine, struct dpk_err *err)
{
	int r = dpk_control_start(&engine->state, engine->wake_fd, &engine->control, err);

	if (r < 0)
		return r;
	engine->running = true;
	r = -pthread_create(&engine->thread, NULL, engine_thread, engine);
	if (r < 0) {
		engine->running = false;
		return dpk_err_set(err, r, "cannot start a thread: %s", strerror(-r));
	}
	return 0;
}

struct dpk_shelf *dpk_engine_shelf(struct dpk_engine *engine)
{
	return engine->shelf;
}

int dpk_engine_ready_fd(const struct dpk_engine *engine)
{
	return engine->ready_fd;
}

int dpk_engine_status_fd(const struct dpk_engine *engine)
{
	return engine->status_fd;
}

void dpk_engine_status(struct dpk_engine *engine, char *buf, size_t size)
{
	struct dpk_state *state = &engine->state;

	dpk_state_lock(state);
	if (state->generation == 0 || state->withdrawn)
		snprintf(buf, size, "no ring: %s", state->trouble.text);
	else
		snprintf(buf, size, "generation %llu, %zu keys, %s%s%s",
			(unsigned long long)state->generation, dpk_ring_keys(&state->ring),
			dpk_state_word(state), state->trouble.reason ? ": " : "",
			state->trouble.reason ? dpk_verdict_code(state->trouble.reason) : "");
	dpk_state_unlock(state);
}

void dpk_engine_reload(struct dpk_engine *engine, struct dpk_config *config)
{
	struct dpk_config *copy = malloc(sizeof(*copy)), *old;

	if (!copy) {
		dpk_config_fini(config);
		return;
	}
	*copy = *config;
	*config = (struct dpk_config){ 0 };
	old = atomic_exchange(&engine->next_config, copy);
	if (old) {
		dpk_config_fini(old);
		free(old);
	}
	eventfd_write(engine->wake_fd, 1);
}

void dpk_engine_stop(struct dpk_engine *engine)
{
	if (!engine)
		return;
	dpk_shelf_close(engine->shelf);
	eventfd_write(engine->stop_fd, 1);
	if (engine->running)
		pthread_join(engine->thread, NULL);
	engine->running = false;
	dpk_control_stop(engine->control);
	engine->control = NULL;
}

void dpk_engine_free(struct dpk_engine *engine)
{
	struct dpk_config *left;

	if (!engine)
		return;
	left = atomic_exchange(&engine->next_config, NULL);
	if (left) {
		dpk_config_fini(left);
		free(left);
	}
	dpk_journal_close(engine->journal);
	dpk_shelf_free(engine->shelf);
	closep(&engine->wake_fd);
	closep(&engine->stop_fd);
	closep(&engine->ready_fd);
	closep(&engine->status_fd);
	dpk_state_fini(&engine->state);
	free(engine);
}
