/* SPDX-License-Identifier: MIT */
/* The control socket: verbs, limits, strangers, and the life of the socket file. */
#include "base/escape.h"
#include "engine/control.h"
#include "engine/shelf.h"

#include <dpkeyfs/limits.h>

#include "tests/tap.h"
#include "tests/unit/made.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/dpkeyfs-control-XXXXXX";
static char path[96];
static struct dpk_state state;
static struct dpk_control *control;
static int wake_fd;

static void start(void)
{
	struct dpk_err err = DPK_ERR_INIT;

	if (dpk_control_start(&state, wake_fd, &control, &err) < 0)
		made_bail(err.text);
}

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int say(const char *text)
{
	int fd = dial();

	if (fd < 0 || send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		made_bail("cannot speak to the socket");
	return fd;
}

/* The whole answer; closes FD. NULL if it is no JSON line. The caller's to json_decref. */
static json_t *hear(int fd)
{
	static char text[65536];
	ssize_t n, len = 0;

	while ((n = recv(fd, text + len, sizeof(text) - 1 - (size_t)len, 0)) > 0)
		len += n;
	close(fd);
	if (n < 0)
		diag("it ended with %s", strerror(errno));
	return n == 0 && len > 0 && text[len - 1] == '\n' ? json_loadb(text, (size_t)len, 0, NULL) :
							    NULL;
}

static json_t *ask(const char *request)
{
	return hear(say(request));
}

/* Is the answer to REQUEST that error? */
static void refused(const char *request, const char *code)
{
	json_t *answer = ask(request);
	char shown[40];

	dpk_printable(request, strlen(request), shown, sizeof(shown));
	is_str(json_string_value(json_object_get(json_object_get(answer, "error"), "code")), code,
		shown);
	json_decref(answer);
}

static void has(const char *request, const char *member)
{
	json_t *answer = ask(request);

	ok(json_object_get(answer, member) && !json_object_get(answer, "error"), "%.*s has '%s'",
		(int)strcspn(request, "\n"), request, member);
	is_str(json_string_value(json_object_get(answer, "ring")), "test", "of this ring");
	json_decref(answer);
}

static void test_verbs(void)
{
	static const char *const members[] = { "pid", "ring", "source", "generation",
		"authenticity", "epoch", "version", "state", "synced_at", "age_s", "keys",
		"rejected", "default", "last_error" };
	json_t *status = ask("dpkeyfs/1 status\n");

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		ok(json_object_get(status, members[i]), "status has '%s'", members[i]);
	is_num(json_array_size(json_object_get(status, "keys")), 2, "its keys");
	is_num(json_integer_value(json_object_get(status, "pid")), getpid(), "its pid");
	json_decref(status);
	has("dpkeyfs/1 health\n", "findings");
	has("dpkeyfs/1 history\n", "history");
	has("dpkeyfs/1 events\n", "events");
	has("dpkeyfs/1 wait 1 0\n", "generation");
	has("dpkeyfs/1 wait 0 0\n", "generation");
	has("dpkeyfs/1 status\ndpkeyfs/1 sync\n", "pid");
}

static void test_usage(void)
{
	char line[DPK_CONTROL_LINE_MAX + 64];

	refused("\n", "usage");
	refused("status\n", "usage");
	refused("dpkeyfs/2 status\n", "usage");
	refused("dpkeyfs/1 \n", "usage");
	refused("dpkeyfs/1 stat\n", "usage");
	refused("dpkeyfs/1 statuses\n", "usage");
	refused("dpkeyfs/1 status\r\n", "usage");
	refused("dpkeyfs/1 wait\n", "usage");
	refused("dpkeyfs/1 wait 1\n", "usage");
	refused("dpkeyfs/1 wait -1 5\n", "usage");
	refused("dpkeyfs/1 wait 1 5 5\n", "usage");
	refused("dpkeyfs/1 wait 1 99999999999\n", "usage");
	memset(line, 'x', sizeof(line));
	memcpy(line, "dpkeyfs/1 ", 10);
	line[DPK_CONTROL_LINE_MAX] = '\0';
	refused(line, "usage");
	line[DPK_CONTROL_LINE_MAX] = 'x';
	line[sizeof(line) - 1] = '\0';
	refused(line, "usage");
	line[DPK_CONTROL_LINE_MAX - 1] = '\n';
	line[DPK_CONTROL_LINE_MAX] = '\0';
	refused(line, "usage");
}

static void set_generation(uint64_t generation)
{
	dpk_state_lock(&state);
	state.generation = state.shown = generation;
	dpk_state_unlock_changed(&state);
}

static void test_wait(void)
{
	uint64_t since = dpk_monotonic_ms();
	json_t *answer = ask("dpkeyfs/1 wait 5 60000\n");
	int fd;

	is_num(json_integer_value(json_object_get(answer, "generation")), 5,
		"what is there already");
	ok(dpk_monotonic_ms() - since < 1000, "is not waited for");
	json_decref(answer);
	refused("dpkeyfs/1 wait 6 100\n", "timeout");
	fd = say("dpkeyfs/1 wait 6 60000\n");
	shutdown(fd, SHUT_WR);
	set_generation(6);
	answer = hear(fd);
	is_num(json_integer_value(json_object_get(answer, "generation")), 6,
		"a later one, by a client that has closed its sending half");
	json_decref(answer);
	set_generation(5);
}

/* Takes the engine's part: serves the ticket that was drawn last. */
static bool serve_sync(bool *ret_accept)
{
	struct pollfd pfd = { wake_fd, POLLIN, 0 };
	eventfd_t value;

	if (poll(&pfd, 1, 5000) != 1 || eventfd_read(wake_fd, &value) < 0)
		return false;
	dpk_state_lock(&state);
	*ret_accept = state.accept_wanted;
	state.accept_wanted = false;
	state.sync_served = state.sync_wanted;
	dpk_state_unlock_changed(&state);
	return true;
}

static void test_sync(void)
{
	bool accept = true;
	json_t *answer;
	int fd = say("dpkeyfs/1 sync\n");
	struct pollfd pfd;

	ok(serve_sync(&accept) && !accept, "sync wakes the engine");
	answer = hear(fd);
	ok(json_object_get(answer, "state"), "and is answered when it was served");
	json_decref(answer);
	fd = say("dpkeyfs/1 accept-removal\n");
	ok(serve_sync(&accept) && accept, "accept-removal too");
	json_decref(hear(fd));
	fd = say("dpkeyfs/1 sync\n");
	pfd = (struct pollfd){ fd, POLLIN, 0 };
	is_num(poll(&pfd, 1, 50), 0, "before it was served there is no answer");
	close(fd);
	json_decref(ask("dpkeyfs/1 status\n"));
	ok(serve_sync(&accept), "a client that went away does no harm");
}

/* Milliseconds until the daemon ends the connection. */
static int until_end(int fd)
{
	uint64_t since = dpk_monotonic_ms();
	struct pollfd pfd = { fd, POLLIN, 0 };
	char text[64];
	ssize_t n = 1;

	while (n > 0 && poll(&pfd, 1, 10000) == 1)
		n = recv(fd, text, sizeof(text), 0);
	close(fd);
	return n > 0 ? -1 : (int)(dpk_monotonic_ms() - since);
}

static void test_slow(void)
{
	int took = until_end(say("dpkeyfs/1 stat"));
	int fd, trickled = 0;

	ok(took >= 1900 && took < 4000, "a client that says nothing more is dropped: %d ms", took);
	fd = dial();
	while (trickled < 100 && send(fd, "x", 1, MSG_NOSIGNAL) == 1) {
		usleep(50000);
		trickled++;
	}
	ok(trickled > 30 && trickled < 80, "one that trickles too: %d pieces", trickled);
	close(fd);
}

static void test_many(void)
{
	int fds[DPK_CONTROL_CLIENTS], ninth;
	struct pollfd pfd = { .events = POLLIN };
	json_t *answer;

	for (int i = 0; i < DPK_CONTROL_CLIENTS; i++)
		fds[i] = say("dpkeyfs/1 wait 99 60000\n");
	ninth = say("dpkeyfs/1 status\n");
	pfd.fd = ninth;
	is_num(poll(&pfd, 1, 300), 0, "a ninth client waits");
	close(fds[3]);
	answer = hear(ninth);
	ok(json_object_get(answer, "pid"), "until a place is free");
	json_decref(answer);
	set_generation(99);
	for (int i = 0; i < DPK_CONTROL_CLIENTS; i++) {
		answer = i == 3 ? NULL : hear(fds[i]);
		if (i != 3 && json_integer_value(json_object_get(answer, "generation")) != 99)
			ok(false, "client %d is answered", i);
		json_decref(answer);
	}
	set_generation(5);
}

/* Runs FUNCTION as uid 65534 in a child; its exit code. */
static int as_nobody(int (*function)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
			setresuid(65534, 65534, 65534) < 0)
			_exit(100);
		_exit(function());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static int cannot_connect(void)
{
	return dial() < 0 && errno == EACCES ? 0 : 1;
}

/* The code of the answer's error as a letter; 0 for none. */
static int letter_of(const char *request)
{
	int fd = dial();
	json_t *answer;
	const char *code;
	int letter;

	/* a refusal may be there before the request */
	if (fd < 0 || (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 && errno != EPIPE))
		return 1;
	answer = hear(fd);
	code = json_string_value(json_object_get(json_object_get(answer, "error"), "code"));
	letter = !answer ? 2 : code ? code[0] : 0;
	json_decref(answer);
	close(fd);
	return letter;
}

static int status_letter(void)
{
	return letter_of("dpkeyfs/1 status\n");
}

static int accept_letter(void)
{
	return letter_of("dpkeyfs/1 accept-removal\n");
}

static int sync_twice(void)
{
	close(say("dpkeyfs/1 sync\n"));
	return letter_of("dpkeyfs/1 sync\n");
}

static void test_strangers(void)
{
	struct stat st;
	bool accept;

	if (geteuid() != 0) {
		skip("needs root");
		return;
	}
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "the socket is root's alone");
	is_num(as_nobody(cannot_connect), 0, "a stranger cannot connect");
	chmod(path, 0666);
	is_num(as_nobody(status_letter), 'f', "if he could, he would be refused");
	dpk_control_stop(control);
	state.config.uid = 65534;
	start();
	ok(stat(path, &st) == 0 && st.st_uid == 65534, "the ring's owner has the socket");
	is_num(as_nobody(status_letter), 0, "he may ask");
	is_num(as_nobody(accept_letter), 'f', "but not accept a removal");
	is_num(as_nobody(sync_twice), 't', "nor sync all the time");
	serve_sync(&accept);
	ok(!accept, "nothing was accepted");
	dpk_control_stop(control);
	state.config.uid = 0;
	start();
}

static void start_fails(const char *at, int want, const char *text)
{
	struct dpk_control *other = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	char *old = state.config.socket;
	int r;

	state.config.socket = strdup(at);
	r = dpk_control_start(&state, wake_fd, &other, &err);
	ok(r == want && strstr(err.text, text), "%s", err.text);
	dpk_control_stop(other);
	free(state.config.socket);
	state.config.socket = old;
}

static void test_socket(void)
{
	char other[512];
	int fd;

	start_fails(path, -EADDRINUSE, "another daemon answers");
	json_decref(ask("dpkeyfs/1 status\n"));
	ok(access(path, F_OK) == 0, "its socket is left alone");
	dpk_control_stop(control);
	ok(access(path, F_OK) < 0, "the socket goes with the daemon");
	start();
	/* a dead one: bound by somebody who is gone */
	snprintf(other, sizeof(other), "%s.dead", path);
	dpk_control_stop(control);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	{
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		memcpy(address.sun_path, path, strlen(path) + 1);
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			made_bail("cannot bind");
	}
	close(fd);
	ok(access(path, F_OK) == 0, "a dead socket");
	start();
	json_decref(ask("dpkeyfs/1 status\n"));
	ok(true, "is replaced");
	snprintf(other, sizeof(other), "%s/file", dir);
	fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	start_fails(other, -EEXIST, "no socket");
	ok(access(other, F_OK) == 0, "a file in its place is not removed");
	snprintf(other, sizeof(other), "%s/%0120d", dir, 0);
	start_fails(other, -ENAMETOOLONG, "longer than 107 bytes");
	start_fails("/proc/none/x.sock", -ENOENT, "cannot listen");
	dpk_control_stop(NULL);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir) || dpk_state_init(&state) < 0)
		return 1;
	chmod(dir, 0755);
	snprintf(path, sizeof(path), "%s/run/ring/test.sock", dir);
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dpk_config_init(&state.config);
	state.config.name = strdup("test");
	state.config.socket = strdup(path);
	state.source.shown = strdup("dir:/x");
	state.shelf = dpk_shelf_new();
	state.ring = made_ring(1, 2, 0);
	state.generation = state.shown = 5;
	state.asked = true;
	start();
	test_verbs();
	test_usage();
	test_wait();
	test_sync();
	test_slow();
	test_many();
	test_strangers();
	test_socket();
	dpk_control_stop(control);
	dpk_shelf_free(state.shelf);
	dpk_state_fini(&state);
	close(wake_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0 || tap_done();
}
