/* SPDX-License-Identifier: MIT */
/* Store programs as children: what they get, how they end, and what is left of them. */
#include "base/err.h"
#include "base/io.h"
#include "base/ticks.h"
#include "engine/runner.h"

#include <dpkeyfs/store-protocol.h>

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/dpkeyfs-runner-XXXXXX";
static char script[64], trace[64];

/* Makes BODY the store program. */
static void program(const char *body)
{
	int fd = open(script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0 || dpk_write_all(fd, "#!/bin/sh\n", 10) < 0 ||
		dpk_write_all(fd, body, strlen(body)) < 0)
		printf("Bail out! no script\n");
	close(fd);
}

static struct dpk_source source = { .url = (char[]){ "exec:/store" }, .program = script };
static struct dpk_config config;
static struct dpk_run run = {
	.source = &source, .config = &config, .deadline_ms = 10000, .stop_fd = -1
};
static struct dpk_run_result result;
static struct dpk_harvest harvest;
static uint64_t took;

/* Runs it; the harvest of the run before is freed. */
static void fetch(const char *body)
{
	uint64_t since;

	dpk_harvest_fini(&harvest);
	if (body)
		program(body);
	since = dpk_monotonic_ms();
	dpk_run_fetch(&run, &harvest, &result);
	took = dpk_monotonic_ms() - since;
}

static void ends(const char *body, enum dpk_verdict verdict, const char *text)
{
	fetch(body);
	ok(result.verdict == verdict && strstr(result.text, text) && !result.unchanged &&
			!harvest.complete && harvest.elements.count == 0,
		"%s: %s", dpk_verdict_code(verdict), result.text);
	if (result.verdict != verdict)
		diag("it was %s", dpk_verdict_code(result.verdict));
}

static void test_answers(void)
{
	fetch("printf 'element 3 d a\\nabcend t1\\n'");
	ok(result.verdict == DPK_VERDICT_OK && harvest.complete && harvest.elements.count == 1,
		"an answer");
	is_str(harvest.token, "t1", "its token");
	fetch("echo warned >&2; sleep 0.1; echo 'end -'; exec >&-; exit 0");
	ok(result.verdict == DPK_VERDICT_OK && harvest.complete, "output closed before the end");
	fetch("exit 10");
	ok(result.verdict == DPK_VERDICT_OK && result.unchanged && !harvest.complete, "unchanged");
	ends("exit 0", DPK_VERDICT_BAD_DATA, "without its `end`");
	ends("printf 'element 3 d a\\nabc'", DPK_VERDICT_BAD_DATA, "without its `end`");
	ends("echo nonsense; exit 0", DPK_VERDICT_BAD_DATA, "'nonsense'");
	ends("echo 'end -'; echo more", DPK_VERDICT_BAD_DATA, "after `end`");
	ends("echo 'end -'; exit 17", DPK_VERDICT_TRANSIENT, "did not answer");
}

static void test_exits(void)
{
	ends("exit 11", DPK_VERDICT_NOT_FOUND, "nothing there");
	ends("exit 14", DPK_VERDICT_AUTH, "credential");
	ends("exit 15", DPK_VERDICT_FORBIDDEN, "forbids");
	ends("exit 16", DPK_VERDICT_TLS, "TLS");
	ends("exit 17", DPK_VERDICT_TRANSIENT, "answer");
	ends("exit 18", DPK_VERDICT_THROTTLED, "fewer");
	ends("exit 19", DPK_VERDICT_BAD_DATA, "no ring");
	ends("exit 20", DPK_VERDICT_TOO_BIG, "too much");
	ends("exit 21", DPK_VERDICT_UNSUPPORTED, "cannot");
	ends("exit 1", DPK_VERDICT_TRANSIENT, "status 1");
	ends("exit 99", DPK_VERDICT_TRANSIENT, "status 99");
	ends("kill -SEGV $$", DPK_VERDICT_TRANSIENT, "signal");
}

static void test_texts(void)
{
	ends("echo 'no route to h' >&2; exit 17", DPK_VERDICT_TRANSIENT, "no route to h");
	ends("echo first >&2; echo second >&2; exit 17", DPK_VERDICT_TRANSIENT, "first");
	ok(!strstr(result.text, "second"), "one line is enough");
	ends("printf 'a\\033[2J\\tb\\303\\n' >&2; exit 16", DPK_VERDICT_TLS,
		"a\\x1b[2J\\x09b\\xc3");
	ends("head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 14", DPK_VERDICT_AUTH, "xxxx");
	is_num(strlen(result.text), DPK_STORE_TEXT_MAX, "a long text is cut, and does not block");
	ends("echo lines >&2; head -c 300000 /dev/urandom >&2; exit 14", DPK_VERDICT_AUTH, "lines");
	fetch("head -c 300000 /dev/urandom >&2; echo 'end -'");
	ok(result.verdict == DPK_VERDICT_OK && !result.text[0], "words of success are not kept");
}

static void test_floods(void)
{
	ends("yes", DPK_VERDICT_BAD_DATA, "frame 1");
	ends("exec cat /dev/zero", DPK_VERDICT_BAD_DATA, "header line");
	ends("yes 'refused size d a'", DPK_VERDICT_TOO_BIG, "frames");
	ends("yes 'element 0 d a'", DPK_VERDICT_TOO_BIG, "elements");
	ends("while :; do echo 'document 4194304 d a'; head -c 4194304 /dev/zero; done",
		DPK_VERDICT_TOO_BIG, "more than");
	ok(took < 5000, "and the program is not waited for");
}

/* Whether the process whose pid is in the trace file is there. */
static bool lives(void)
{
	FILE *f = fopen(trace, "r");
	long pid = 0;
	char path[64], state = 'X';

	if (!f || fscanf(f, "%ld", &pid) != 1 || pid <= 1)
		printf("Bail out! no pid\n");
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	if (f)
		fclose(f);
	return f && state != 'Z' && state != 'X';
}

/* SIGKILL takes a moment to be seen from outside. */
static bool ended(void)
{
	for (int i = 0; i < 200 && lives(); i++)
		usleep(10000);
	return !lives();
}

static void test_deadline(void)
{
	char body[256];

	run.deadline_ms = 300;
	snprintf(body, sizeof(body), "sleep 100 & echo $! >%s; wait", trace);
	ends(body, DPK_VERDICT_DEADLINE, "deadline");
	ok(took >= 300 && took < 1300, "after its deadline: %d ms", (int)took);
	ok(ended(), "its own children ended with it");
	snprintf(body, sizeof(body), "trap '' TERM HUP INT; echo $$ >%s; while :; do :; done",
		trace);
	ends(body, DPK_VERDICT_DEADLINE, "deadline");
	ok(ended(), "one that ignores signals too");
	ends("while :; do printf 'element 0 d a\\n'; sleep 0.05; done", DPK_VERDICT_DEADLINE,
		"deadline");
	ok(took < 1300, "one that trickles too: %d ms", (int)took);
	snprintf(body, sizeof(body), "echo $$ >%s; echo 'end -'; exec >&- 2>&-; sleep 100", trace);
	ends(body, DPK_VERDICT_DEADLINE, "deadline");
	ok(took < 1300 && ended(), "one that ends its output but not itself: %d ms", (int)took);
	run.deadline_ms = 10000;
	snprintf(body, sizeof(body), "sleep 100 >&- 2>&- & echo $! >%s; echo 'end -'", trace);
	fetch(body);
	ok(result.verdict == DPK_VERDICT_OK && took < 5000 && ended(),
		"what a good run leaves behind is ended: %s", result.text);
}

static void stopped(const char *body, const char *what)
{
	pid_t pid;

	unlink(trace);
	run.stop_fd = eventfd(0, EFD_CLOEXEC);
	/* the stop comes when the program says that it runs */
	pid = fork();
	if (pid == 0) {
		while (access(trace, F_OK) != 0)
			usleep(5000);
		eventfd_write(run.stop_fd, 1);
		_exit(0);
	}
	fetch(body);
	waitpid(pid, NULL, 0);
	ok(result.stopped && result.verdict != DPK_VERDICT_OK && took < 5000, "%s: %d ms", what,
		(int)took);
	close(run.stop_fd);
	run.stop_fd = -1;
}

static void test_stop(void)
{
	char body[320];

	snprintf(body, sizeof(body), "echo $$ >%s.new; mv %s.new %s; sleep 100", trace, trace,
		trace);
	stopped(body, "a stop");
	ok(ended(), "ends the program");
	snprintf(body, sizeof(body), "echo 'end -'; exec >&- 2>&-; echo $$ >%s; sleep 100", trace);
	stopped(body, "a stop while the program's end is awaited");
}

static void test_missing(void)
{
	source.program = (char[]){ "/nonexistent/store" };
	ends(NULL, DPK_VERDICT_UNSUPPORTED, "No such file");
	source.program = dir;
	ends(NULL, DPK_VERDICT_UNSUPPORTED, "Permission denied");
	source.program = script;
	program("exit 0");
	chmod(script, 0644);
	ends(NULL, DPK_VERDICT_UNSUPPORTED, "Permission denied");
	unlink(script);
}

/* What the program writes to the trace file. */
static const char *traced(const char *commands)
{
	static char text[4096];
	char body[512];
	FILE *f;
	size_t n = 0;

	snprintf(body, sizeof(body), "{ %s; } >%s; echo 'end -'", commands, trace);
	fetch(body);
	f = fopen(trace, "r");
	if (f) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

static void test_surroundings(void)
{
	sigset_t mask;
	int extra = open("/dev/null", O_RDONLY), flagged = open("/dev/null", O_RDONLY | O_CLOEXEC);

	is_str(traced("echo \"$#:$1:$2\""), "2:fetch:exec:/store\n", "arguments");
	setenv("SECRET", "x", 1);
	is_str(traced("tr '\\0' '\\n' </proc/$$/environ"),
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
		"bin\nLC_ALL=C.UTF-8\n",
		"a clean environment");
	unsetenv("SECRET");
	/* ls has the directory at 4 */
	is_str(traced("ls /proc/self/fd"), "0\n1\n2\n3\n4\n", "no other descriptor");
	is_str(traced("readlink /proc/$$/fd/0"), "/dev/null\n", "no standard input");
	is_str(traced("cat <&3"), "deadline_ms = 10000\n", "settings");
	config.credential = (char[]){ "/etc/secret" };
	config.ca = (char[]){ "/etc/ca.pem" };
	config.client_cert = (char[]){ "/c" };
	config.client_key = (char[]){ "/k" };
	run.token = "W/\"1\"";
	is_str(traced("cat <&3"),
		"deadline_ms = 10000\ntoken = W/\"1\"\ncredential = /etc/secret\nca = /etc/ca.pem\n"
		"client_cert = /c\nclient_key = /k\n",
		"all settings");
	config.credential = config.ca = config.client_cert = config.client_key = NULL;
	run.token = "";
	is_str(traced("cat <&3"), "deadline_ms = 10000\n", "an empty token is none");
	run.token = NULL;
	sigfillset(&mask);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* 32 and 33 are the C library's own */
	is_str(traced("grep -E 'Sig(Blk|Ign)' /proc/$$/status | tr -d '\\t\\n' | "
		      "sed 's/180000000$/000000000/'"),
		"SigBlk:0000000000000000SigIgn:0000000000000000", "signals are as they should be");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	ok(strtol(traced("ps -o pgid= -p $$"), NULL, 10) != (long)getpgrp(),
		"a process group of its own");
	close(extra);
	close(flagged);
}

static size_t open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_waiter(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct pollfd pfd = { .events = POLLIN };
	size_t before = open_descriptors();
	pid_t pid;

	program("[ \"$1\" = wait ] && exit 21");
	is_num(dpk_run_wait_start(&run, &pid, &pfd.fd, &err), 0, "a waiter");
	ok(poll(&pfd, 1, 10000) == 1, "ends");
	is_num(dpk_run_wait_end(pid, &pfd.fd), DPK_STORE_UNSUPPORTED, "with its code");
	is_num(pfd.fd, -1, "its descriptor is closed");
	program("sleep 100");
	dpk_run_wait_start(&run, &pid, &pfd.fd, &err);
	is_num(dpk_run_wait_end(pid, &pfd.fd), -1, "one that runs is ended");
	source.program = (char[]){ "/nonexistent" };
	is_num(dpk_run_wait_start(&run, &pid, &pfd.fd, &err), -ENOENT, "no program");
	source.program = script;
	is_num(open_descriptors(), before, "no descriptor is left");
}

static void test_hook(void)
{
	char want[64] = "", body[320];
	struct dpk_err err = DPK_ERR_INIT;
	bool over = false;
	pid_t pid;
	FILE *f;

	snprintf(body, sizeof(body), "echo \"$#:$1\" >%s; echo noise; echo noise >&2", trace);
	program(body);
	is_num(dpk_run_hook(script, "42", &pid, &err), 0, "a hook");
	for (int i = 0; i < 500 && !(over = dpk_run_hook_ended(pid)); i++)
		usleep(10000);
	f = over ? fopen(trace, "r") : NULL;
	if (f && fgets(want, sizeof(want), f))
		fclose(f);
	is_str(want, "1:42\n", "gets the generation");
	program("sleep 100");
	dpk_run_hook(script, "43", &pid, &err);
	ok(!dpk_run_hook_ended(pid), "one that runs");
	dpk_run_hook_kill(pid);
	ok(kill(pid, 0) < 0, "can be ended");
	is_num(dpk_run_hook("/nonexistent", "1", &pid, &err), -ENOENT, "no program");
}

int main(void)
{
	char command[128];
	size_t before;

	if (!mkdtemp(dir))
		return 1;
	umask(022);
	snprintf(script, sizeof(script), "%s/store", dir);
	snprintf(trace, sizeof(trace), "%s/trace", dir);
	before = open_descriptors();
	test_answers();
	test_exits();
	test_texts();
	test_floods();
	test_deadline();
	test_stop();
	test_missing();
	test_surroundings();
	test_waiter();
	test_hook();
	dpk_harvest_fini(&harvest);
	is_num(open_descriptors(), before, "no descriptor is left");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "and no child");
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		return 1;
	return tap_done();
}
