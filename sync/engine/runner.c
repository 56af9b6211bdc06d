/* SPDX-License-Identifier: MIT */
/* Store programs as child processes. Knows the protocol's descriptors, not its frames. */
#include "engine/runner.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/io.h"
#include "base/ticks.h"
#include "engine/program.h"

#include <dpkeyfs/store-protocol.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	pid_t pid;
	int out, errs; /* what it prints */
};

static void pipe_closep(int (*ends)[2])
{
	closep(&(*ends)[0]);
	closep(&(*ends)[1]);
}

static int add_setting(struct dpk_buf *text, const char *word, const char *value)
{
	return value && value[0] ? dpk_buf_addf(text, "%s = %s\n", word, value) : 0;
}

/* The settings go through a pipe: neither argv nor environment show them. */
static int write_settings(const struct dpk_run *run, int *ret_fd, struct dpk_err *err)
{
	_cleanup_(pipe_closep) int ends[2] = { -1, -1 };
	struct dpk_buf text = DPK_BUF_INIT(32 * 1024);
	int r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return dpk_err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	r = run->deadline_ms ?
		    dpk_buf_addf(&text, "deadline_ms = %" PRIu64 "\n", run->deadline_ms) :
		    0;
	if (r < 0 || (r = add_setting(&text, "token", run->token)) < 0 ||
		(r = add_setting(&text, "credential", run->config->credential)) < 0 ||
		(r = add_setting(&text, "ca", run->config->ca)) < 0 ||
		(r = add_setting(&text, "client_cert", run->config->client_cert)) < 0 ||
		(r = add_setting(&text, "client_key", run->config->client_key)) < 0)
		dpk_err_set(err, r, "the store's settings are too long");
	else
		r = dpk_write_all(ends[1], text.data, text.len); /* below a pipe's capacity */
	dpk_buf_fini(&text);
	if (r == 0)
		*ret_fd = steal_fd(&ends[0]);
	return r;
}

static int spawn(const char *const *argv, int config_fd, int out, int errs, pid_t *ret_pid)
{
	const int fds[] = { -1, out, errs, config_fd };

	return dpk_program_spawn(argv, fds, sizeof(fds) / sizeof(fds[0]), ret_pid);
}

static int start(
	const struct dpk_run *run, const char *verb, struct child *ret_child, struct dpk_err *err)
{
	_cleanup_(pipe_closep) int out[2] = { -1, -1 };
	_cleanup_(pipe_closep) int errs[2] = { -1, -1 };
	_cleanup_(closep) int config_fd = -1;
	const char *argv[] = { run->source->program, verb, run->source->url, NULL };
	int r;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0)
		return dpk_err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	r = write_settings(run, &config_fd, err);
	if (r < 0)
		return r;
	r = spawn(argv, config_fd, out[1], errs[1], &ret_child->pid);
	if (r < 0)
		return dpk_err_set(err, r, "cannot run '%s': %s", argv[0], strerror(-r));
	ret_child->out = steal_fd(&out[0]);
	ret_child->errs = steal_fd(&errs[0]);
	return 0;
}

/* Keeps the beginning of what the program says of its failure, and drains the rest. */
static void read_errs(struct child *child, struct dpk_buf *errs)
{
	char chunk[1024];
	ssize_t n = read(child->errs, chunk, sizeof(chunk));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(child->errs);
		child->errs = -1;
		return;
	}
	if ((size_t)n > errs->max - errs->len)
		n = (ssize_t)(errs->max - errs->len);
	dpk_buf_add(errs, chunk, (size_t)n);
}

static int read_out(
	struct child *child, struct dpk_stream *stream, bool *ret_eof, struct dpk_err *err)
{
	char chunk[65536];
	ssize_t n = read(child->out, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR ? 0 :
					dpk_err_set(err, -errno, "cannot read the store's answer");
	*ret_eof = n == 0;
	return n > 0 ? dpk_stream_feed(stream, chunk, (size_t)n, err) : 0;
}

/* 0 at the end of the output; -ETIMEDOUT, -ECANCELED (stop), or what the stream said. */
static int pump(const struct dpk_run *run, struct child *child, struct dpk_stream *stream,
	struct dpk_buf *errs, struct dpk_err *err)
{
	uint64_t until = dpk_monotonic_ms() + run->deadline_ms;
	bool eof = false;

	while (!eof) {
		struct pollfd fds[] = { { child->out, POLLIN, 0 }, { run->stop_fd, POLLIN, 0 },
			{ child->errs, POLLIN, 0 } };
		uint64_t now = dpk_monotonic_ms();
		int r;

		if (now >= until)
			return -ETIMEDOUT;
		if (poll(fds, 3, (int)(until - now > INT32_MAX ? INT32_MAX : until - now)) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[1].revents)
			return -ECANCELED;
		if (fds[2].revents)
			read_errs(child, errs);
		if (fds[0].revents && (r = read_out(child, stream, &eof, err)) < 0)
			return r;
	}
	while (child->errs >= 0 && errs->len < errs->max) {
		struct pollfd fd = { child->errs, POLLIN, 0 };

		if (poll(&fd, 1, 0) <= 0 || !(fd.revents & POLLIN))
			break;
		read_errs(child, errs);
	}
	return 0;
}

/* Waits for the child to end, until UNTIL or until STOP_FD is readable. */
static int await_end(pid_t pid, uint64_t until, int stop_fd)
{
	_cleanup_(closep) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[] = { { pidfd, POLLIN, 0 }, { stop_fd, POLLIN, 0 } };

	for (;;) {
		uint64_t now = dpk_monotonic_ms();
		int r = pidfd < 0 || now >= until ?
				0 :
				poll(fds, 2,
					(int)(until - now > INT32_MAX ? INT32_MAX : until - now));

		if (r < 0 && errno == EINTR)
			continue;
		if (r > 0 && fds[0].revents)
			return 0;
		return r > 0 ? -ECANCELED : -ETIMEDOUT;
	}
}

static const struct {
	int code;
	enum dpk_verdict verdict;
	const char *text;
} exits[] = {
	{ DPK_STORE_NOT_FOUND, DPK_VERDICT_NOT_FOUND, "the store has nothing there" },
	{ DPK_STORE_AUTH, DPK_VERDICT_AUTH, "the store did not accept the credential" },
	{ DPK_STORE_FORBIDDEN, DPK_VERDICT_FORBIDDEN, "the store forbids reading" },
	{ DPK_STORE_TLS, DPK_VERDICT_TLS, "no trusted TLS connection" },
	{ DPK_STORE_TRANSIENT, DPK_VERDICT_TRANSIENT, "the store did not answer" },
	{ DPK_STORE_THROTTLED, DPK_VERDICT_THROTTLED, "the store asks for fewer requests" },
	{ DPK_STORE_BAD_DATA, DPK_VERDICT_BAD_DATA, "the store sent something that is no ring" },
	{ DPK_STORE_TOO_BIG, DPK_VERDICT_TOO_BIG, "the store sent too much" },
	{ DPK_STORE_UNSUPPORTED, DPK_VERDICT_UNSUPPORTED, "the store program cannot do that" },
};

static void say(struct dpk_run_result *result, enum dpk_verdict verdict, const char *text)
{
	result->verdict = verdict;
	snprintf(result->text, sizeof(result->text), "%s", text);
}

static void judge_exit(int code, struct dpk_buf *errs, struct dpk_run_result *result)
{
	char shown[DPK_STORE_TEXT_MAX + 1], unknown[64];
	size_t len = errs->data ? strcspn(errs->data, "\n") : 0;
	size_t i = 0;

	while (i < sizeof(exits) / sizeof(exits[0]) && exits[i].code != code)
		i++;
	if (i < sizeof(exits) / sizeof(exits[0])) {
		say(result, exits[i].verdict, exits[i].text);
	} else {
		snprintf(unknown, sizeof(unknown), "the store program ended with status %d", code);
		say(result, DPK_VERDICT_TRANSIENT,
			code < 0 ? "the store program was killed by a signal" : unknown);
	}
	if (len > 0)
		say(result, result->verdict, dpk_printable(errs->data, len, shown, sizeof(shown)));
}

static void judge(int r, int code, struct dpk_stream *stream, struct dpk_buf *errs,
	const struct dpk_err *err, struct dpk_run_result *result)
{
	switch (r) {
	case 0: break;
	case -ETIMEDOUT:
		say(result, DPK_VERDICT_DEADLINE,
			"the store did not finish within the deadline and was stopped");
		return;
	case -ECANCELED:
		result->stopped = true;
		say(result, DPK_VERDICT_TRANSIENT, "stopped");
		return;
	case -EFBIG: say(result, DPK_VERDICT_TOO_BIG, dpk_err_text(err)); return;
	default:
		say(result, r == -ENOMEM ? DPK_VERDICT_TRANSIENT : DPK_VERDICT_BAD_DATA,
			dpk_err_text(err));
		return;
	}
	if (code == DPK_STORE_UNCHANGED)
		result->unchanged = true;
	else if (code != DPK_STORE_OK)
		judge_exit(code, errs, result);
	else if (!stream->harvest.complete)
		say(result, DPK_VERDICT_BAD_DATA,
			"the store program ended well but without its `end` frame: its answer is not "
			"whole");
}

void dpk_run_fetch(const struct dpk_run *run, struct dpk_harvest *ret_harvest,
	struct dpk_run_result *ret_result)
{
	struct child child = { .pid = -1, .out = -1, .errs = -1 };
	struct dpk_buf errs = DPK_BUF_INIT(DPK_STORE_TEXT_MAX);
	struct dpk_err err = DPK_ERR_INIT;
	uint64_t until = dpk_monotonic_ms() + run->deadline_ms;
	struct dpk_stream stream;
	int r, code;

	*ret_result = (struct dpk_run_result){ .verdict = DPK_VERDICT_OK };
	*ret_harvest = (struct dpk_harvest){ 0 };
	dpk_stream_init(&stream);
	r = start(run, "fetch", &child, &err);
	if (r < 0) {
		say(ret_result, DPK_VERDICT_UNSUPPORTED, dpk_err_text(&err));
	} else {
		r = pump(run, &child, &stream, &errs, &err);
		if (r == 0)
			r = await_end(child.pid, until, run->stop_fd);
		code = dpk_program_reap(child.pid);
		judge(r, code, &stream, &errs, &err, ret_result);
	}
	closep(&child.out);
	closep(&child.errs);
	if (ret_result->verdict == DPK_VERDICT_OK && !ret_result->unchanged) {
		*ret_harvest = stream.harvest;
		stream.harvest = (struct dpk_harvest){ 0 };
	}
	dpk_stream_fini(&stream);
	dpk_buf_fini(&errs);
}

int dpk_run_wait_start(
	const struct dpk_run *run, pid_t *ret_pid, int *ret_pidfd, struct dpk_err *err)
{
	const char *argv[] = { run->source->program, "wait", run->source->url, NULL };
	_cleanup_(closep) int config_fd = -1;
	_cleanup_(closep) int nothing = -1;
	int r;

	nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nothing < 0)
		return dpk_err_set(err, -errno, "cannot open /dev/null");
	r = write_settings(run, &config_fd, err);
	if (r == 0)
		r = spawn(argv, config_fd, nothing, nothing, ret_pid);
	if (r < 0)
		return dpk_err_set(err, r, "cannot run '%s': %s", argv[0], strerror(-r));
	*ret_pidfd = (int)syscall(SYS_pidfd_open, *ret_pid, 0);
	if (*ret_pidfd < 0) {
		r = -errno;
		dpk_program_reap(*ret_pid);
		return dpk_err_set(err, r, "cannot watch '%s'", argv[0]);
	}
	return 0;
}

int dpk_run_wait_end(pid_t pid, int *pidfd)
{
	struct pollfd fd = { *pidfd, POLLIN, 0 };
	bool ended = poll(&fd, 1, 0) == 1;
	int code = dpk_program_reap(pid);

	closep(pidfd);
	*pidfd = -1;
	return ended ? code : -1;
}

int dpk_run_hook(const char *program, const char *argument, pid_t *ret_pid, struct dpk_err *err)
{
	const char *argv[] = { program, argument, NULL };
	_cleanup_(closep) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r;

	if (nothing < 0)
		return dpk_err_set(err, -errno, "cannot open /dev/null");
	r = spawn(argv, nothing, nothing, nothing, ret_pid);
	if (r < 0)
		return dpk_err_set(err, r, "cannot run '%s': %s", program, strerror(-r));
	return 0;
}

bool dpk_run_hook_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

void dpk_run_hook_kill(pid_t pid)
{
	dpk_program_reap(pid);
}
