/* SPDX-License-Identifier: MIT */
/* The control socket. Clients are strangers until SO_PEERCRED says otherwise. */
#include "engine/control.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/ticks.h"
#include "engine/report.h"

#include <dpkeyfs/limits.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_TIME_MS 2000
#define SYNC_PAUSE_MS  5000 /* between two syncs of a client that is not root */
#define WAIT_MAX_MS    UINT64_C(86400000)
#define PROTOCOL       "dpkeyfs/1 "

enum phase { PHASE_READ, PHASE_SYNC, PHASE_GENERATION, PHASE_WRITE };

struct client {
	int fd; /* -1: the place is free */
	uid_t uid;
	enum phase phase;
	uint64_t until;  /* monotonic ms */
	uint64_t wanted; /* ticket or generation */
	char line[DPK_CONTROL_LINE_MAX + 1];
	size_t len;
	char *answer;
	size_t answer_len, sent;
};

struct dpk_control {
	struct dpk_state *state;
	int wake_fd; /* the engine's; borrowed */
	int listen_fd, stop_fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	pthread_t thread;
	uint64_t last_sync; /* of anybody but root */
	struct client clients[DPK_CONTROL_CLIENTS];
};

static void drop(struct client *client)
{
	char rest[DPK_CONTROL_LINE_MAX];

	/* bytes that nobody read would make the client's last read(2) fail: ECONNRESET */
	for (int i = 0; client->fd >= 0 && i < 16; i++)
		if (recv(client->fd, rest, sizeof(rest), MSG_DONTWAIT) <= 0)
			break;
	if (client->fd >= 0)
		close(client->fd);
	free(client->answer);
	*client = (struct client){ .fd = -1 };
}

/* Takes over ANSWER. */
static void reply(struct client *client, json_t *answer)
{
	client->answer = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	if (!client->answer) {
		drop(client);
		return;
	}
	client->answer_len = strlen(client->answer);
	client->answer[client->answer_len++] = '\n'; /* in place of the NUL, which nobody needs */
	client->phase = PHASE_WRITE;
	client->until = dpk_monotonic_ms() + CLIENT_TIME_MS;
}

static void refuse(struct client *client, const char *code, const char *text)
{
	reply(client, json_pack("{s:{s:s, s:s}}", "error", "code", code, "text", text));
}

typedef void (*verb_function)(struct dpk_control *control, struct client *client, char *arguments);

static void reply_report(struct dpk_control *control, struct client *client,
	json_t *(*report)(const struct dpk_state *))
{
	json_t *answer;

	dpk_state_lock(control->state);
	answer = report(control->state);
	dpk_state_unlock(control->state);
	reply(client, answer);
}

static void verb_status(struct dpk_control *control, struct client *client, char *arguments)
{
	(void)arguments;
	reply_report(control, client, dpk_report_status);
}

static void verb_history(struct dpk_control *control, struct client *client, char *arguments)
{
	(void)arguments;
	reply_report(control, client, dpk_report_history);
}

static void verb_events(struct dpk_control *control, struct client *client, char *arguments)
{
	(void)arguments;
	reply_report(control, client, dpk_report_events);
}

static void verb_health(struct dpk_control *control, struct client *client, char *arguments)
{
	(void)arguments;
	reply_report(control, client, dpk_report_health);
}

/* A client that waits for the engine: is it time? */
static void client_check(struct dpk_control *control, struct client *client)
{
	struct dpk_state *state = control->state;
	json_t *answer = NULL;
	bool done;

	dpk_state_lock(state);
	done = client->phase == PHASE_SYNC ? state->sync_served >= client->wanted :
					     state->shown >= client->wanted && !state->withdrawn;
	if (done)
		answer = dpk_report_cycle(state);
	dpk_state_unlock(state);
	if (done)
		reply(client, answer);
	else if (dpk_monotonic_ms() >= client->until)
		refuse(client, "timeout", "it did not happen in time");
}

/* WORD: the flag of an administrator's word for it, or NULL. */
static void want_sync(struct dpk_control *control, struct client *client, bool *word)
{
	uint64_t deadline;

	dpk_state_lock(control->state);
	client->wanted = ++control->state->sync_wanted;
	if (word)
		*word = true;
	deadline = control->state->config.deadline_ms;
	dpk_state_unlock(control->state);
	client->phase = PHASE_SYNC;
	/* a cycle that runs already, then two reads */
	client->until = dpk_monotonic_ms() + 3 * deadline + 10000;
	eventfd_write(control->wake_fd, 1);
}

static void verb_sync(struct dpk_control *control, struct client *client, char *arguments)
{
	uint64_t now = dpk_monotonic_ms();

	(void)arguments;
	if (client->uid != 0 && control->last_sync && now - control->last_sync < SYNC_PAUSE_MS) {
		refuse(client, "throttled", "a sync was asked for less than 5 s ago");
		return;
	}
	if (client->uid != 0)
		control->last_sync = now;
	want_sync(control, client, NULL);
}

static void accept_as_root(struct dpk_control *control, struct client *client, bool *word)
{
	if (client->uid != 0)
		refuse(client, "forbidden", "only root may accept that");
	else
		want_sync(control, client, word);
}

static void verb_accept(struct dpk_control *control, struct client *client, char *arguments)
{
	(void)arguments;
	accept_as_root(control, client, &control->state->accept_wanted);
}

static void verb_floor(struct dpk_control *control, struct client *client, char *arguments)
{
	(void)arguments;
	accept_as_root(control, client, &control->state->accept_floor_wanted);
}

static void verb_unsigned(struct dpk_control *control, struct client *client, char *arguments)
{
	(void)arguments;
	accept_as_root(control, client, &control->state->accept_unsigned_wanted);
}

/* wait GENERATION TIMEOUT_MS */
static void verb_wait(struct dpk_control *control, struct client *client, char *arguments)
{
	char *blank = strchr(arguments, ' ');
	uint64_t generation, timeout;

	if (!blank ||
		dpk_parse_u64(arguments, (size_t)(blank - arguments), INT64_MAX, &generation) < 0 ||
		dpk_parse_u64(blank + 1, strlen(blank + 1), WAIT_MAX_MS, &timeout) < 0) {
		refuse(client, "usage", "wait GENERATION TIMEOUT_MS");
		return;
	}
	client->wanted = generation ? generation : 1;
	client->phase = PHASE_GENERATION;
	client->until = dpk_monotonic_ms() + timeout;
	client_check(control, client); /* it may be so already */
}

static const struct {
	const char *word;
	verb_function function;
} verbs[] = {
	{ "status", verb_status },
	{ "history", verb_history },
	{ "events", verb_events },
	{ "health", verb_health },
	{ "sync", verb_sync },
	{ "wait", verb_wait },
	{ "accept-removal", verb_accept },
	{ "accept-floor", verb_floor },
	{ "accept-unsigned", verb_unsigned },
};

static void handle(struct dpk_control *control, struct client *client)
{
	char *word = client->line + strlen(PROTOCOL), *arguments;
	size_t len;

	if (strncmp(client->line, PROTOCOL, strlen(PROTOCOL)) != 0) {
		refuse(client, "usage", "a request is one line: dpkeyfs/1 VERB [ARGUMENTS]");
		return;
	}
	len = strcspn(word, " ");
	arguments = word[len] ? word + len + 1 : word + len;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strlen(verbs[i].word) == len && memcmp(verbs[i].word, word, len) == 0) {
			verbs[i].function(control, client, arguments);
			return;
		}
	}
	refuse(client, "usage", "unknown verb");
}

static void client_read(struct dpk_control *control, struct client *client)
{
	ssize_t n =
		read(client->fd, client->line + client->len, DPK_CONTROL_LINE_MAX - client->len);
	char *newline;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(client);
		return;
	}
	client->len += (size_t)n;
	newline = memchr(client->line, '\n', client->len);
	if (newline) {
		*newline = '\0';
		handle(control, client);
	} else if (client->len == DPK_CONTROL_LINE_MAX) {
		refuse(client, "usage", "the request is too long");
	}
}

static void client_write(struct client *client)
{
	ssize_t n = send(client->fd, client->answer + client->sent,
		client->answer_len - client->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= 0)
		client->sent += (size_t)n;
	if (n < 0 || client->sent == client->answer_len)
		drop(client);
}

static void accept_client(struct dpk_control *control)
{
	_cleanup_(closep) int fd =
		accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred cred;
	socklen_t len = sizeof(cred);
	uid_t owner;

	if (fd < 0)
		return;
	for (size_t i = 0; i < DPK_CONTROL_CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->fd >= 0)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
			return;
		*client = (struct client){ .fd = steal_fd(&fd),
			.uid = cred.uid,
			.phase = PHASE_READ,
			.until = dpk_monotonic_ms() + CLIENT_TIME_MS };
		dpk_state_lock(control->state);
		owner = control->state->config.uid;
		dpk_state_unlock(control->state);
		if (cred.uid != 0 && cred.uid != owner)
			refuse(client, "forbidden",
				"only root and the ring's owner (uid=) may ask");
		return;
	}
}

static short events_of(const struct client *client)
{
	switch (client->phase) {
	case PHASE_READ: return POLLIN;
	case PHASE_WRITE: return POLLOUT;
	case PHASE_SYNC:
	case PHASE_GENERATION: break;
	}
	return 0; /* POLLHUP comes unasked; a client may have closed its sending half */
}

static void serve_client(struct dpk_control *control, struct client *client, short revents)
{
	bool waiting = client->phase == PHASE_SYNC || client->phase == PHASE_GENERATION;

	if (waiting && revents & (POLLHUP | POLLERR))
		drop(client);
	else if (waiting)
		client_check(control, client);
	else if (revents && client->phase == PHASE_READ)
		client_read(control, client);
	else if (revents)
		client_write(client);
	else if (dpk_monotonic_ms() >= client->until)
		drop(client);
}

static int next_timeout(const struct dpk_control *control)
{
	uint64_t now = dpk_monotonic_ms(), next = UINT64_MAX;

	for (size_t i = 0; i < DPK_CONTROL_CLIENTS; i++)
		if (control->clients[i].fd >= 0 && control->clients[i].until < next)
			next = control->clients[i].until;
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)(next - now > INT32_MAX ? INT32_MAX : next - now);
}

static void *control_thread(void *arg)
{
	struct dpk_control *control = arg;
	struct pollfd fds[DPK_CONTROL_CLIENTS + 3];
	eventfd_t ignored;

	for (;;) {
		bool full = true;

		for (size_t i = 0; i < DPK_CONTROL_CLIENTS; i++) {
			struct client *client = &control->clients[i];

			full = full && client->fd >= 0;
			fds[i] = (struct pollfd){ client->fd,
				client->fd >= 0 ? events_of(client) : 0, 0 };
		}
		fds[DPK_CONTROL_CLIENTS] =
			(struct pollfd){ full ? -1 : control->listen_fd, POLLIN, 0 };
		fds[DPK_CONTROL_CLIENTS + 1] = (struct pollfd){ control->stop_fd, POLLIN, 0 };
		fds[DPK_CONTROL_CLIENTS + 2] =
			(struct pollfd){ control->state->changed_fd, POLLIN, 0 };
		if (poll(fds, DPK_CONTROL_CLIENTS + 3, next_timeout(control)) < 0 && errno != EINTR)
			return NULL;
		if (fds[DPK_CONTROL_CLIENTS + 1].revents)
			return NULL;
		if (fds[DPK_CONTROL_CLIENTS + 2].revents)
			eventfd_read(control->state->changed_fd, &ignored);
		for (size_t i = 0; i < DPK_CONTROL_CLIENTS; i++)
			if (fds[i].fd >= 0)
				serve_client(control, &control->clients[i], fds[i].revents);
		if (fds[DPK_CONTROL_CLIENTS].revents)
			accept_client(control);
	}
}

/* Makes the missing directories of PATH, as root's. */
static void make_parents(const char *path)
{
	char part[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0755); /* bind says what is wrong if this did not help */
		*slash = '/';
	}
}

static bool somebody_answers(const struct sockaddr_un *address)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	       errno == EAGAIN;
}

/* Mode 0600 from the first moment on: the umask, not a chmod that comes after. */
static int bind_at(struct dpk_control *control, const struct sockaddr_un *address, uid_t owner,
	struct dpk_err *err)
{
	mode_t mask;
	int r;

	control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	r = control->listen_fd < 0 ||
			    bind(control->listen_fd, (const struct sockaddr *)address,
				    sizeof(*address)) < 0 ||
			    listen(control->listen_fd, DPK_CONTROL_CLIENTS) < 0 ?
		    -errno :
		    0;
	umask(mask);
	if (r == 0 && owner != 0 && chown(control->path, owner, (gid_t)-1) < 0)
		r = -errno;
	if (r < 0)
		return dpk_err_set(
			err, r, "cannot listen at '%s': %s", control->path, strerror(-r));
	return 0;
}

static int listen_at(
	struct dpk_control *control, const char *path, uid_t owner, struct dpk_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;

	if (strlen(path) >= sizeof(address.sun_path))
		return dpk_err_set(err, -ENAMETOOLONG,
			"socket: '%s' is longer than %zu bytes; give a shorter one with socket=",
			path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	memcpy(control->path, path, strlen(path) + 1);
	mask = umask(022);
	make_parents(path);
	umask(mask);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return dpk_err_set(err, -EEXIST,
			"socket: '%s' is there and is no socket; give another path with socket=",
			path);
	if (somebody_answers(&address))
		return dpk_err_set(err, -EADDRINUSE,
			"another daemon answers at '%s'; give this ring another name= or socket=",
			path);
	unlink(path);
	return bind_at(control, &address, owner, err);
}

int dpk_control_start(
	struct dpk_state *state, int wake_fd, struct dpk_control **ret_control, struct dpk_err *err)
{
	struct dpk_control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return dpk_err_set(err, -ENOMEM, "no memory");
	control->state = state;
	control->wake_fd = wake_fd;
	control->listen_fd = -1;
	for (size_t i = 0; i < DPK_CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	control->stop_fd = eventfd(0, EFD_CLOEXEC);
	r = control->stop_fd < 0 ? dpk_err_set(err, -errno, "cannot make an eventfd") :
				   listen_at(control, state->config.socket, state->config.uid, err);
	if (r == 0) {
		r = -pthread_create(&control->thread, NULL, control_thread, control);
		if (r < 0)
			dpk_err_set(err, r, "cannot start a thread: %s", strerror(-r));
	}
	if (r < 0) {
		closep(&control->listen_fd);
		closep(&control->stop_fd);
		free(control);
		return r;
	}
	*ret_control = control;
	return 0;
}

void dpk_control_stop(struct dpk_control *control)
{
	if (!control)
		return;
	eventfd_write(control->stop_fd, 1);
	pthread_join(control->thread, NULL);
	for (size_t i = 0; i < DPK_CONTROL_CLIENTS; i++)
		drop(&control->clients[i]);
	unlink(control->path);
	closep(&control->listen_fd);
	closep(&control->stop_fd);
	free(control);
}
