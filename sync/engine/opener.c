/* SPDX-License-Identifier: MIT */
/* Asking the program that holds the private keys. An answer is read with a deadline, or not. */
#include "engine/opener.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/locked.h"
#include "base/num.h"
#include "base/ticks.h"
#include "engine/opener-files.h"
#include "engine/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct dpk_opener {
	pid_t pid;  /* 0 once it was reaped */
	int socket; /* its standard input and output */
	int errs;   /* its standard error; kept, so that writing there does not end it */
	int failed; /* the first -errno, which stays */
	bool expose;
	uint64_t deadline_ms;
	size_t key_count;
	uint8_t policy[DPK_HASH_BYTES];
};

/* Waits until FD is ready for EVENTS. 0, -ETIMEDOUT or -errno. */
static int await(int fd, short events, uint64_t until)
{
	for (;;) {
		struct pollfd pollfd = { fd, events, 0 };
		uint64_t now = dpk_monotonic_ms();
		int r;

		if (now >= until)
			return -ETIMEDOUT;
		r = poll(&pollfd, 1, (int)(until - now > INT32_MAX ? INT32_MAX : until - now));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

/* The socket is tried first and waited for only when it is not ready. 0: try again. */
static int transfer_failure(const struct dpk_opener *opener, short events, uint64_t until)
{
	if (errno == EAGAIN)
		return await(opener->socket, events, until);
	if (errno == EINTR)
		return 0;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

static int send_all(struct dpk_opener *opener, const void *data, size_t size, uint64_t until)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = send(opener->socket, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r = n < 0 ? transfer_failure(opener, POLLOUT, until) : 0;

		if (r < 0)
			return r;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int receive_all(struct dpk_opener *opener, void *data, size_t size, uint64_t until)
{
	char *at = data;

	while (size > 0) {
		ssize_t n = recv(opener->socket, at, size, MSG_DONTWAIT);
		int r = n < 0 ? transfer_failure(opener, POLLIN, until) : 0;

		if (r < 0)
			return r;
		if (n == 0)
			return -EPIPE;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/*
 * One line without its newline. Byte by byte, for what follows it may be a
 * secret, which is not to pass through this buffer.
 */
static int receive_line(
	struct dpk_opener *opener, char line[static DPK_UNWRAP_LINE_MAX], uint64_t until)
{
	for (size_t i = 0; i < DPK_UNWRAP_LINE_MAX; i++) {
		int r = receive_all(opener, line + i, 1, until);

		if (r < 0)
			return r;
		if (line[i] == '\n') {
			line[i] = '\0';
			return 0;
		}
	}
	return -EBADMSG;
}

static int hex_digit(char c)
{
	const char *at = c ? strchr("0123456789abcdef", c) : NULL;

	return at ? (int)(at - "0123456789abcdef") : -1;
}

static int parse_hello(struct dpk_opener *opener, const char *line)
{
	char start[32];
	int n = snprintf(start, sizeof(start), "unwrap %d ", DPK_UNWRAP_VERSION);
	const char *hex = line + n, *count = hex + 2 * DPK_HASH_BYTES;
	uint64_t keys;

	if (strncmp(line, start, (size_t)n) != 0 || strlen(hex) < 2 * DPK_HASH_BYTES + 2 ||
		*count != ' ')
		return -EBADMSG;
	for (size_t i = 0; i < DPK_HASH_BYTES; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		opener->policy[i] = (uint8_t)(high << 4 | low);
	}
	if (dpk_parse_u64(count + 1, strlen(count + 1), DPK_UNWRAP_KEYS_MAX, &keys) < 0 ||
		keys == 0)
		return -EBADMSG;
	opener->key_count = (size_t)keys;
	return 0;
}

/* The first line that the program wrote to its standard error, or why there is none. */
static int explain(struct dpk_opener *opener, int r, struct dpk_err *err)
{
	char text[DPK_STORE_TEXT_MAX], shown[DPK_STORE_TEXT_MAX + 1];
	ssize_t n = r == -EPIPE ? read(opener->errs, text, sizeof(text)) : -1;
	char *newline = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;

	if (newline)
		return dpk_err_set(err, -EINVAL, "unwrap_key: %s",
			dpk_printable(text, (size_t)(newline - text), shown, sizeof(shown)));
	return dpk_err_set(err, r,
		"the program that opens keys %s; look for its end in the system's log, and at the "
		"installed version",
		r == -ETIMEDOUT ? "did not start in time" : "ended, or said nothing sensible");
}

static int spawn(struct dpk_opener *opener, const struct dpk_opener_files *files, int socket,
	int errs, struct dpk_err *err)
{
	int fds[DPK_UNWRAP_FIRST_FD + DPK_UNWRAP_KEYS_MAX] = { socket, socket, errs };
	_cleanup_(freep) char *program = NULL;
	const char *argv[5];
	char count[16];
	int n = 0, r = dpk_program_find("unwrap", &program, err);

	if (r < 0)
		return r;
	memcpy(fds + DPK_UNWRAP_FIRST_FD, files->fds, files->count * sizeof(fds[0]));
	snprintf(count, sizeof(count), "%zu", files->uri ? (size_t)0 : files->count);
	argv[n++] = program;
	if (opener->expose)
		argv[n++] = "--expose";
	if (files->uri)
		argv[n++] = "--uri-fd";
	argv[n++] = count;
	argv[n] = NULL;
	r = dpk_program_spawn(argv, fds, DPK_UNWRAP_FIRST_FD + files->count, &opener->pid);
	return r < 0 ? dpk_err_set(err, r, "cannot run '%s': %s", program, strerror(-r)) : 0;
}

/* Starts the program and closes what is its own. */
static int start(
	struct dpk_opener *opener, const struct dpk_opener_files *files, struct dpk_err *err)
{
	_cleanup_(closep) int socket = -1;
	_cleanup_(closep) int errs = -1;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return dpk_err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	opener->socket = ends[0];
	socket = ends[1];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return dpk_err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	opener->errs = ends[0];
	errs = ends[1];
	return spawn(opener, files, socket, errs, err);
}

static int greet(struct dpk_opener *opener, struct dpk_err *err)
{
	uint64_t until = dpk_monotonic_ms() + opener->deadline_ms;
	char line[DPK_UNWRAP_LINE_MAX];
	int r = receive_line(opener, line, until);

	if (r == 0)
		r = parse_hello(opener, line);
	return r < 0 ? explain(opener, r, err) : 0;
}

static int begin(struct dpk_opener *opener, const char *unwrap_key, struct dpk_err *err)
{
	struct dpk_opener_files files;
	int r = dpk_opener_files_open(unwrap_key, &files, err);

	if (r < 0)
		return r;
	r = start(opener, &files, err);
	dpk_opener_files_close(&files);
	return r < 0 ? r : greet(opener, err);
}

int dpk_opener_start(const char *unwrap_key, bool expose, uint64_t deadline_ms,
	struct dpk_opener **ret_opener, struct dpk_err *err)
{
	struct dpk_opener *opener = calloc(1, sizeof(*opener));
	int r;

	if (!opener)
		return dpk_err_set(err, -ENOMEM, "no memory");
	opener->socket = opener->errs = -1;
	opener->expose = expose;
	opener->deadline_ms = deadline_ms;
	r = begin(opener, unwrap_key, err);
	if (r < 0) {
		dpk_opener_stop(opener);
		return r;
	}
	*ret_opener = opener;
	return 0;
}

static void end_program(struct dpk_opener *opener)
{
	/* it is nobody's: where root may not signal other users, the end of its input ends it */
	if (opener->socket >= 0)
		close(steal_fd(&opener->socket));
	if (opener->pid > 0)
		dpk_program_reap(opener->pid);
	opener->pid = 0;
}

void dpk_opener_stop(struct dpk_opener *opener)
{
	if (!opener)
		return;
	/* it holds nothing that could be lost, so it is not asked to end */
	end_program(opener);
	closep(&opener->errs);
	free(opener);
}

static int receive_secret(
	struct dpk_opener *opener, size_t size, struct dpk_secret **ret_secret, uint64_t until)
{
	_cleanup_(dpk_secret_unrefp) struct dpk_secret *secret = dpk_secret_new(size);
	int r = secret ? receive_all(opener, secret->data, size, until) : -ENOMEM;

	if (r < 0)
		return r;
	*ret_secret = steal_ptr(&secret);
	return DPK_OPENER_OPENED;
}

static int read_answer(struct dpk_opener *opener, struct dpk_secret **ret_secret, uint64_t until)
{
	char line[DPK_UNWRAP_LINE_MAX];
	uint64_t size;
	int r = receive_line(opener, line, until);

	if (r < 0)
		return r;
	if (strcmp(line, "refused") == 0)
		return 0;
	if (strncmp(line, "opened ", 7) != 0 ||
		dpk_parse_u64(line + 7, strlen(line + 7), DPK_ELEMENT_MAX_BYTES, &size) < 0 ||
		(size > 0) != (ret_secret != NULL))
		return -EBADMSG;
	return ret_secret ? receive_secret(opener, (size_t)size, ret_secret, until) :
			    DPK_OPENER_OPENED;
}

int dpk_opener_open(
	struct dpk_opener *opener, const struct dpk_key *key, struct dpk_secret **ret_secret)
{
	uint64_t until = dpk_monotonic_ms() + opener->deadline_ms;
	char line[DPK_UNWRAP_LINE_MAX];
	const uint8_t *data;
	size_t size;
	int n, r;

	if (ret_secret)
		*ret_secret = NULL;
	if (opener->failed)
		return opener->failed;
	if (ret_secret && !opener->expose)
		return -EINVAL;
	data = dpk_key_data(key, &size);
	n = snprintf(line, sizeof(line), "%s %zu\n", ret_secret ? "expose" : "open", size);
	r = send_all(opener, line, (size_t)n, until);
	if (r == 0)
		r = send_all(opener, data, size, until);
	if (r == 0)
		r = read_answer(opener, ret_secret, until);
	if (r < 0) {
		/* half an answer may be under way: nothing more can be asked */
		opener->failed = r;
		end_program(opener);
	}
	return r;
}

const uint8_t *dpk_opener_policy(const struct dpk_opener *opener)
{
	return opener->policy;
}

size_t dpk_opener_key_count(const struct dpk_opener *opener)
{
	return opener->key_count;
}

pid_t dpk_opener_pid(const struct dpk_opener *opener)
{
	return opener->pid;
}
