/* SPDX-License-Identifier: MIT */
/*
 * The mount without an engine: tests say what the shelf holds. Mounts at a
 * path and obeys lines on standard input, each answered by one line:
 *
 *   publish DIR             the files of DIR become the ring; answers when exposed
 *   withdraw                no ring; answers when exposed
 *   counts                  requests since the last `counts`, as word=number …
 *   chown UID GID MODE DMODE
 *   leak                    a child keeps every descriptor, /dev/fuse too; answers its pid
 *   quit                    unmounts in order; so does the end of the input
 *
 * Once mounted it prints "mounted", and "ended" when it was unmounted from outside.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "engine/freeze.h"
#include "engine/shelf.h"
#include "fs/mount.h"

#define EXPOSE_MS 20000

struct fake {
	struct dpk_shelf *shelf;
	struct dpkfs_mount *mount;
	uint64_t generation;
	uint64_t counted[DPK_REQUEST_COUNT];
};

struct files {
	struct dpk_file *at;
	size_t count;
};

static void files_fini(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free((void *)(uintptr_t)files->at[i].name);
		free((void *)(uintptr_t)files->at[i].data);
	}
	free(files->at);
}

static int add_file(struct files *files, const char *dir, const char *name)
{
	struct dpk_buf buf = DPK_BUF_INIT(1 << 20);
	struct dpk_file *more;
	char path[4096];
	struct stat st;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = stat(path, &st) < 0 ? -errno : dpk_read_file(path, DPK_FILE_ANY, &buf, NULL);
	more = reallocarray(files->at, files->count + 1, sizeof(*more));
	if (r < 0 || !more)
		return r < 0 ? r : -ENOMEM;
	files->at = more;
	size = buf.len;
	files->at[files->count++] = (struct dpk_file){
		.name = strdup(name),
		.size = size,
		.data = dpk_buf_steal(&buf),
		.mtime = st.st_mtim,
	};
	return 0;
}

static int read_files(const char *path, struct files *files)
{
	_cleanup_(closedirp) DIR *dir = opendir(path);
	struct dirent *entry;
	int r = dir ? 0 : -errno;

	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = add_file(files, path, entry->d_name);
	return r;
}

static int wait_exposed(struct fake *fake, uint64_t seq)
{
	return dpk_shelf_wait_exposed(fake->shelf, seq, EXPOSE_MS);
}

static int publish(struct fake *fake, const char *path)
{
	_cleanup_(dpk_snapshot_unrefp) struct dpk_snapshot *snap = NULL;
	_cleanup_(files_fini) struct files files = { .at = NULL };
	struct dpk_err err = DPK_ERR_INIT;
	int r = read_files(path, &files);

	if (r == 0)
		r = dpk_snapshot_freeze(fake->generation + 1, files.at, files.count, &snap, &err);
	if (r < 0)
		return r;
	fake->generation++;
	return wait_exposed(fake, dpk_shelf_publish(fake->shelf, snap));
}

static void print_counts(struct fake *fake)
{
	static const char *const words[] = {
#define WORD(member, word) [member] = word,
		DPK_REQUESTS(WORD)
#undef WORD
	};

	for (int i = 0; i < DPK_REQUEST_COUNT; i++) {
		uint64_t now = dpk_shelf_counted(fake->shelf, (enum dpk_request)i);

		printf("%s=%llu ", words[i], (unsigned long long)(now - fake->counted[i]));
		fake->counted[i] = now;
	}
}

static int change_owner(struct fake *fake, const char *text)
{
	struct dpkfs_owner owner;

	if (sscanf(text, "%u %u %o %o", &owner.uid, &owner.gid, &owner.mode, &owner.dmode) != 4)
		return -EINVAL;
	dpkfs_mount_chown(fake->mount, &owner);
	return 0;
}

/* What a daemon that cannot die does: it holds the connection beyond its death. */
static int leak(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	printf("%d ", (int)pid);
	return pid < 0 ? -errno : 0;
}

/* False at `quit`. */
static bool obey(struct fake *fake, const char *line)
{
	int r = 0;

	if (strncmp(line, "publish ", 8) == 0)
		r = publish(fake, line + 8);
	else if (strcmp(line, "withdraw") == 0)
		r = wait_exposed(fake, dpk_shelf_withdraw(fake->shelf));
	else if (strcmp(line, "counts") == 0)
		print_counts(fake);
	else if (strncmp(line, "chown ", 6) == 0)
		r = change_owner(fake, line + 6);
	else if (strcmp(line, "leak") == 0)
		r = leak();
	else if (strcmp(line, "quit") == 0)
		return false;
	else
		r = -EINVAL;
	printf(r < 0 ? "error %s\n" : "ok\n", strerror(-r));
	return true;
}

static void loop(struct fake *fake)
{
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN },
		{ .fd = dpkfs_mount_ended_fd(fake->mount), .events = POLLIN } };
	char line[4096];

	setvbuf(stdin, NULL, _IONBF, 0); /* so that poll sees what fgets has not */
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			printf("ended\n");
			return;
		}
		if (!fgets(line, sizeof(line), stdin))
			return;
		line[strcspn(line, "\n")] = '\0';
		if (!obey(fake, line))
			return;
	}
}

static const struct option long_options[] = {
	{ "no-epoch", no_argument, NULL, 'e' },
	{ "no-notify", no_argument, NULL, 'n' },
	{ "audit", no_argument, NULL, 'a' },
	{ "debug", no_argument, NULL, 'd' },
	{ "grace", required_argument, NULL, 'g' },
	{ "source", required_argument, NULL, 's' },
	{ "owner", required_argument, NULL, 'o' },
	{ "check", no_argument, NULL, 'c' },
	{ "publish", required_argument, NULL, 'p' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct dpkfs_options mount;
	const char *first; /* published before the mount serves */
	bool check;
};

static bool parse_option(int option, struct arguments *args)
{
	struct dpkfs_owner *owner = &args->mount.owner;

	switch (option) {
	case 'e': args->mount.no_epoch = true; return true;
	case 'n': args->mount.no_notify = true; return true;
	case 'a': args->mount.audit = true; return true;
	case 'd': args->mount.debug = true; return true;
	case 's': args->mount.source = optarg; return true;
	case 'c': args->check = true; return true;
	case 'p': args->first = optarg; return true;
	case 'g':
		return dpk_parse_u64(optarg, strlen(optarg), UINT32_MAX, &args->mount.grace_ms) ==
		       0;
	case 'o':
		return sscanf(optarg, "%u %u %o %o", &owner->uid, &owner->gid, &owner->mode,
			       &owner->dmode) == 4;
	default: return false;
	}
}

static int serve(const struct arguments *args, struct dpk_err *err)
{
	struct fake fake = { .shelf = dpk_shelf_new() };
	int r = dpkfs_mount_open(&args->mount, &fake.mount, err);

	if (r == 0)
		r = dpkfs_mount_guard(fake.mount, err);
	if (r == 0)
		r = dpkfs_mount_serve(fake.mount, fake.shelf, err);
	if (r == 0 && args->first)
		r = publish(&fake, args->first);
	if (r == 0) {
		printf("mounted\n");
		loop(&fake);
	}
	dpk_shelf_close(fake.shelf);
	dpkfs_mount_close(fake.mount);
	dpk_shelf_free(fake.shelf);
	return r;
}

int main(int argc, char **argv)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct arguments args = { .mount = {
					  .source = "fake:/ring",
					  .owner = { .mode = 0444, .dmode = 0555 },
					  .grace_ms = 600000,
				  } };
	int option, r;

	setlinebuf(stdout);
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!parse_option(option, &args))
			return 1;
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: fake-ring [OPTION…] MOUNTPOINT\n");
		return 1;
	}
	dpk_log_init("fake-ring", NULL, args.mount.debug ? DPK_LOG_DEBUG : DPK_LOG_INFO);
	args.mount.mountpoint = argv[optind];
	r = args.check ? dpkfs_mount_check(argv[optind], &err) : serve(&args, &err);
	if (r == 0)
		return 0;
	if (!err.code)
		dpk_err_set(&err, r, "%s", strerror(-r));
	dpk_error("%s", dpk_err_text(&err));
	return 32;
}
