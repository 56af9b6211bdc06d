/* SPDX-License-Identifier: MIT */
/*
 * dpkeyfs: the command and the daemon. The one file that knows both the mount
 * (fs/) and the engine (sync/). Its main thread never touches the mount.
 */
#include "fs/mount.h"
#include "fs/process.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sdnotify.h"
#include "base/ticks.h"
#include "engine/config.h"
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* mount(8), EXIT STATUS */
enum { EXIT_OK = 0, EXIT_USAGE = 1, EXIT_SYSTEM = 2, EXIT_MOUNT = 32 };

struct args {
	const char *source;
	char mountpoint[PATH_MAX];
	char *list; /* all -o, joined */
	bool foreground, debug, fake, sloppy, verbose;
};

static void print_help(FILE *out)
{
	struct dpk_option_help help;

	fputs("Usage: dpkeyfs [-fdhV] [-o OPTION[,OPTION...]] SOURCE MOUNTPOINT\n"
	      "Mounts a verified ring of ASP.NET Core Data Protection keys.\n\n"
	      "SOURCE is a store URL (/path, dir:/path, https://host/keys.xml, exec:/program)\n"
	      "or the NAME of /etc/dpkeyfs/NAME.conf.\n\n"
	      "  -f           stay in the foreground\n"
	      "  -d           log everything, and stay in the foreground\n"
	      "  -o OPTIONS   as below, separated by commas; \\, is a comma in a value\n"
	      "  -h, --help   print this\n"
	      "  -V, --version\n\nOptions:\n",
		out);
	for (size_t i = 0; dpk_config_help(i, &help); i++) {
		char word[64];

		snprintf(word, sizeof(word), "%s%s%s", help.word, help.value ? "=" : "",
			help.value ? help.value : "");
		fprintf(out, "  %-26s %s%s%s%s\n", word, help.text, help.fallback ? " (" : "",
			help.fallback ? help.fallback : "", help.fallback ? ")" : "");
	}
	fputs("\nmount(8)'s own options (ro, rw, nofail, _netdev, x-*, ...) are accepted.\n"
	      "See dpkeyfs(8), dpkeyfs.conf(5) and dpkeyfs(7).\n",
		out);
}

static int add_list(struct args *args, const char *more)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", args->list ? args->list : "", args->list ? "," : "", more) <
		0)
		return -ENOMEM;
	free(args->list);
	args->list = joined;
	return 0;
}

static int parse_operands(struct args *args, int count, char **operands)
{
	int r;

	if (count != 2) {
		fprintf(stderr,
			"dpkeyfs: a SOURCE and a MOUNTPOINT are needed; see dpkeyfs --help\n");
		return EXIT_USAGE;
	}
	args->source = operands[0];
	r = dpkfs_process_mountpoint(operands[1], args->mountpoint);
	if (r < 0) {
		fprintf(stderr, "dpkeyfs: mountpoint '%s': %s%s\n", operands[1], strerror(-r),
			r == -ENOENT ? "; make it with: install -d -m 0000 MOUNTPOINT" : "");
		return r == -ENOENT || r == -ENOTDIR ? EXIT_MOUNT : EXIT_SYSTEM;
	}
	return -1;
}

/* An exit status, or -1 to go on. */
static int parse_args(int argc, char **argv, struct args *args)
{
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	bool helper = strncmp(basename(argv[0]), "mount.", 6) == 0;
	int c;

	/* mount(8) calls its helpers with -s -f -n -v -N -t, where -f means something else */
	while ((c = getopt_long(argc, argv, helper ? "hVsfnvo:t:N:" : "hVfdo:", longs, NULL)) !=
		-1) {
		switch (c) {
		case 'h': print_help(stdout); return EXIT_OK;
		case 'V': printf("dpkeyfs %s\n", DPK_VERSION); return EXIT_OK;
		case 'd': args->debug = args->foreground = true; break;
		case 's': args->sloppy = true; break;
		case 'v': args->verbose = true; break;
		case 'n':
		case 't':
		case 'N': break;
		case 'f':
			if (helper)
				args->fake = true;
			else
				args->foreground = true;
			break;
		case 'o':
			if (add_list(args, optarg) < 0)
				return EXIT_SYSTEM;
			break;
		default: fprintf(stderr, "dpkeyfs: see dpkeyfs --help\n"); return EXIT_USAGE;
		}
	}
	return parse_operands(args, argc - optind, argv + optind);
}

/* The daemon while it runs. */
struct daemon {
	const struct args *args;
	struct dpk_config *config; /* of the mount; the engine has a copy of its own */
	struct dpk_engine *engine;
	struct dpkfs_mount *mount;
	int signal_fd;
	int parent_fd; /* the waiting command; -1: nobody waits */
	bool announced;
	int exit_status;
};

static struct dpkfs_owner owner_of(const struct dpk_config *config)
{
	return (struct dpkfs_owner){ config->uid, config->gid, config->mode & 0555,
		config->dmode & 0555 };
}

/* The command that waits prints TEXT and ends with STATUS. */
static void tell_parent(struct daemon *daemon, int status, const char *text)
{
	unsigned char byte = (unsigned char)status;

	if (daemon->parent_fd < 0)
		return;
	if (dpk_write_all(daemon->parent_fd, &byte, 1) == 0)
		dpk_write_all(daemon->parent_fd, text, strlen(text));
	close(daemon->parent_fd);
	daemon->parent_fd = -1;
}

static int fail(struct daemon *daemon, int status, const char *text)
{
	dpk_error("%s", text);
	tell_parent(daemon, status, "");
	return status;
}

static void announce(struct daemon *daemon)
{
	char line[256] = "", message[300];

	if (daemon->announced)
		return;
	daemon->announced = true;
	dpk_engine_status(daemon->engine, line, sizeof(line));
	snprintf(message, sizeof(message), "READY=1\nSTATUS=%s", line);
	dpk_sd_notify(message);
	if (daemon->parent_fd >= 0) {
		dpkfs_process_detach();
		tell_parent(daemon, EXIT_OK, "");
	}
}

static void send_status(struct daemon *daemon)
{
	char line[256], message[300];
	eventfd_t ignored;

	eventfd_read(dpk_engine_status_fd(daemon->engine), &ignored);
	if (!dpk_sd_is_watched())
		return;
	dpk_engine_status(daemon->engine, line, sizeof(line));
	snprintf(message, sizeof(message), "STATUS=%s", line);
	dpk_sd_notify(message);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void reload(struct daemon *daemon)
{
	const struct args *args = daemon->args;
	struct dpk_config config = { 0 };
	struct dpk_err err = DPK_ERR_INIT;
	struct dpkfs_owner owner;
	int r;

	dpk_sd_notify("RELOADING=1");
	r = dpk_config_load(
		args->source, args->list, args->mountpoint, args->sloppy, &config, &err);
	if (r == 0)
		r = dpk_config_check(&config, &err);
	if (r < 0) {
		dpk_error("the old configuration stays: %s", dpk_err_text(&err));
	} else {
		if (!same_text(config.state, daemon->config->state) ||
			!same_text(config.socket, daemon->config->socket) ||
			config.grace_ms != daemon->config->grace_ms ||
			config.audit != daemon->config->audit)
			dpk_warning(
				"state, socket, grace and audit are read at the mount only; mount "
				"again for them to change");
		owner = owner_of(&config);
		dpkfs_mount_chown(daemon->mount, &owner);
		dpk_engine_reload(daemon->engine, &config);
	}
	dpk_config_fini(&config);
	dpk_sd_notify("READY=1");
}

/* False: the daemon is to end. */
static bool handle_signal(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	if (read(daemon->signal_fd, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo == SIGHUP) {
		reload(daemon);
		return true;
	}
	dpk_notice("ending on %s", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
	return false;
}

/* wait has passed without a ring. False: the daemon is to end. */
static bool give_up_waiting(struct daemon *daemon)
{
	char line[400];

	if (daemon->config->nofail || daemon->config->wait_ms == 0 || dpk_sd_is_watched()) {
		dpk_warning("no verified ring yet; the mount answers EIO until one comes");
		announce(daemon);
		return true;
	}
	dpk_engine_status(daemon->engine, line, sizeof(line));
	dpk_error("%s", line);
	dpk_error(
		"no verified ring within wait=; nothing stays mounted. Mount with nofail to mount "
		"all the same and wait for the store");
	daemon->exit_status = EXIT_MOUNT;
	return false;
}

/* Waits for what happens next. False: the daemon is to end. */
static bool step(struct daemon *daemon, uint64_t wait_until, uint64_t watchdog_ms)
{
	struct pollfd fds[] = { { daemon->signal_fd, POLLIN, 0 },
		{ dpkfs_mount_ended_fd(daemon->mount), POLLIN, 0 },
		{ daemon->announced ? -1 : dpk_engine_ready_fd(daemon->engine), POLLIN, 0 },
		{ dpk_engine_status_fd(daemon->engine), POLLIN, 0 }, { daemon->parent_fd, 0, 0 } };
	uint64_t now = dpk_monotonic_ms();
	int64_t left = -1;

	if (!daemon->announced)
		left = wait_until > now ? (int64_t)(wait_until - now) : 0;
	if (watchdog_ms && (left < 0 || (uint64_t)left > watchdog_ms))
		left = (int64_t)watchdog_ms;
	if (poll(fds, 5, left > INT_MAX ? INT_MAX : (int)left) < 0 && errno != EINTR)
		return false;
	if (watchdog_ms)
		dpk_sd_notify("WATCHDOG=1");
	if (fds[0].revents && !handle_signal(daemon))
		return false;
	if (fds[1].revents) {
		dpk_log(daemon->announced ? DPK_LOG_NOTICE : DPK_LOG_ERROR,
			"the mount was ended from outside");
		return false;
	}
	if (fds[2].revents)
		announce(daemon);
	if (fds[3].revents)
		send_status(daemon);
	if (daemon->parent_fd >= 0 && fds[4].revents & (POLLERR | POLLHUP)) {
		dpk_notice("the mount command died before there was a ring");
		return false;
	}
	return daemon->announced || dpk_monotonic_ms() < wait_until || give_up_waiting(daemon);
}

static int open_signals(void)
{
	sigset_t set;

	/* all threads inherit this: signals are the main thread's, by descriptor */
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_mount(struct daemon *daemon, struct dpk_err *err)
{
	struct dpkfs_options options = {
		.source = daemon->args->source,
		.mountpoint = daemon->args->mountpoint,
		.owner = owner_of(daemon->config),
		.grace_ms = daemon->config->grace_ms,
		.audit = daemon->config->audit == DPK_AUDIT_OPEN,
		.debug = daemon->args->debug,
		.no_epoch = getenv("DPKEYFS_TEST_NO_EPOCH") != NULL,
	};
	int r = dpkfs_mount_open(&options, &daemon->mount, err);

	if (r == 0)
		r = dpkfs_mount_guard(daemon->mount, err);
	if (r == 0)
		r = dpkfs_mount_serve(daemon->mount, dpk_engine_shelf(daemon->engine), err);
	return r;
}

/* From a checked configuration to the end. CONFIG is the mount's; the engine takes a copy. */
static int run(struct daemon *daemon, struct dpk_config *engine_config)
{
	uint64_t wait_until = dpk_monotonic_ms() + daemon->config->wait_ms;
	uint64_t watchdog_ms = dpk_sd_watchdog_ms();
	struct dpk_err err = DPK_ERR_INIT;
	int r;

	daemon->signal_fd = open_signals();
	if (daemon->signal_fd < 0)
		return fail(daemon, EXIT_SYSTEM, "cannot make a signalfd");
	r = dpk_engine_open(engine_config, &daemon->engine, &err);
	if (r == 0)
		r = open_mount(daemon, &err);
	if (r == 0)
		r = dpk_engine_start(daemon->engine, &err);
	if (r < 0)
		fail(daemon, EXIT_MOUNT, dpk_err_text(&err));
	while (r == 0 && step(daemon, wait_until, watchdog_ms))
		;
	dpk_sd_notify("STOPPING=1");
	dpk_engine_stop(daemon->engine);
	dpkfs_mount_close(daemon->mount);
	dpk_engine_free(daemon->engine);
	closep(&daemon->signal_fd);
	if (daemon->parent_fd >= 0)
		tell_parent(daemon, daemon->exit_status ? daemon->exit_status : EXIT_MOUNT, "");
	return r < 0 ? EXIT_MOUNT : daemon->exit_status;
}

/* The command: waits for the daemon's word. */
static int wait_for_daemon(int fd, pid_t pid)
{
	unsigned char status;
	int wait_status;
	ssize_t n;

	do
		n = read(fd, &status, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return status;
	if (waitpid(pid, &wait_status, 0) == pid && WIFEXITED(wait_status) &&
		WEXITSTATUS(wait_status))
		return WEXITSTATUS(wait_status);
	fprintf(stderr, "dpkeyfs: the daemon ended before there was a ring\n");
	return EXIT_MOUNT;
}

static int start(struct daemon *daemon, struct dpk_config *engine_config)
{
	int ends[2];
	pid_t pid;

	if (daemon->args->foreground)
		return run(daemon, engine_config);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(daemon, EXIT_SYSTEM, "cannot make a pipe");
	pid = fork();
	if (pid < 0)
		return fail(daemon, EXIT_SYSTEM, "cannot fork");
	if (pid > 0) {
		close(ends[1]);
		return wait_for_daemon(ends[0], pid);
	}
	close(ends[0]);
	daemon->parent_fd = ends[1];
	signal(SIGPIPE, SIG_IGN);
	setsid();
	return run(daemon, engine_config);
}

static int check(const struct args *args, struct dpk_config *ret_config, struct dpk_err *err)
{
	int r = dpk_config_load(
		args->source, args->list, args->mountpoint, args->sloppy, ret_config, err);

	return r < 0 ? r : dpk_config_check(ret_config, err);
}

static int run_command(const struct args *args)
{
	struct dpk_config config = { 0 }, engine_config = { 0 };
	struct daemon daemon = {
		.args = args, .config = &config, .signal_fd = -1, .parent_fd = -1
	};
	struct dpk_err err = DPK_ERR_INIT;
	int status = EXIT_USAGE;

	if (check(args, &config, &err) < 0 || check(args, &engine_config, &err) < 0) {
		fprintf(stderr, "dpkeyfs: %s\n", dpk_err_text(&err));
	} else if (args->fake) {
		status = EXIT_OK;
		if (dpkfs_mount_check(args->mountpoint, &err) < 0) {
			fprintf(stderr, "dpkeyfs: %s\n", dpk_err_text(&err));
			status = EXIT_MOUNT;
		}
	} else {
		/* a mount command that works says nothing */
		dpk_log_init("dpkeyfs", config.name,
			args->debug                       ? DPK_LOG_DEBUG :
			args->foreground || args->verbose ? DPK_LOG_NOTICE :
							    DPK_LOG_WARNING);
		status = start(&daemon, &engine_config);
	}
	dpk_config_fini(&config);
	dpk_config_fini(&engine_config);
	return status;
}

int main(int argc, char **argv)
{
	struct args args = { 0 };
	int status;

	/* 0, 1 and 2 must be open, or a descriptor of ours would become somebody's stderr */
	while ((status = open("/dev/null", O_RDWR)) >= 0 && status <= 2)
		;
	/* what a caller left open is not ours to hold, or it would wait for us to close it */
	close_range(3, ~0U, 0);
	status = parse_args(argc, argv, &args);
	if (status < 0) {
		dpkfs_process_harden();
		status = run_command(&args);
	}
	free(args.list);
	return status;
}
