/* SPDX-License-Identifier: MIT */
/* Options: types, precedence, mount(8)'s words, files and their errors, names. */
#include "base/err.h"
#include "base/io.h"
#include "engine/config.h"

#include <dpkeyfs/limits.h>

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/dpkeyfs-config-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text, size_t len, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || dpk_write_all(fd, text, len) < 0 || fchmod(fd, mode) < 0)
		printf("Bail out! cannot write %s\n", in_dir(name));
	close(fd);
}

static void put(const char *name, const char *text)
{
	write_file(name, text, strlen(text), 0644);
}

/* Applies the list; its result, and whether the error says WANT. */
static void refused(const char *list, const char *want)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;

	dpk_config_init(&config);
	is_num(dpk_config_apply_list(&config, list, false, &err), -EINVAL, list);
	ok(strstr(err.text, want), "%s: %s", list, err.text);
	dpk_config_fini(&config);
}

/* A number of the configuration that LIST makes; -1 on failure. */
#define NUMBER(list, field)                                                                        \
	({                                                                                         \
		struct dpk_config number_;                                                         \
		int64_t value_;                                                                    \
		dpk_config_init(&number_);                                                         \
		value_ = dpk_config_apply_list(&number_, list, false, NULL) < 0 ?                  \
				 -1 :                                                              \
				 (int64_t)number_.field;                                           \
		dpk_config_fini(&number_);                                                         \
		value_;                                                                            \
	})

static void test_types(void)
{
	is_num(NUMBER("interval=500ms", interval_ms), 500, "milliseconds");
	is_num(NUMBER("interval=2m", interval_ms), 120000, "minutes");
	is_num(NUMBER("hard_expiry=7d", hard_expiry_ms), 7 * INT64_C(86400000), "days");
	is_num(NUMBER("wait=0", wait_ms), 0, "0 needs no unit");
	is_num(NUMBER("max_remove=3", max_remove), 3, "a number");
	is_num(NUMBER("mode=0444", mode), 0444, "a mode");
	is_num(NUMBER("dmode=555", dmode), 0555, "without the zero");
	is_num(NUMBER("uid=65534", uid), 65534, "a uid");
	is_num(NUMBER("uid=root", uid), 0, "a user");
	is_num(NUMBER("gid=root", gid), 0, "a group");
	is_num(NUMBER("gid=root", gid_set), 1, "which is remembered as set");
	is_num(NUMBER("unwrapped=accept", unwrapped), DPK_UNWRAPPED_ACCEPT, "a choice");
	is_num(NUMBER("no_default=serve", no_default), DPK_ON_DOUBT_SERVE, "another");
	is_num(NUMBER("on_bad_revocation=serve", on_bad_revocation), DPK_ON_DOUBT_SERVE, "another");
	is_num(NUMBER("audit=open,audit=off", audit), DPK_AUDIT_OFF, "the last word counts");
	is_num(NUMBER("nofail", nofail), 1, "a flag");
	is_num(NUMBER("", interval_ms), 60000, "an empty list");
	is_num(NUMBER(",,interval=1s,,", interval_ms), 1000, "empty words");
}

static void test_refusals(void)
{
	refused("interval=5", "is not a duration");
	refused("interval=-5s", "is not a duration");
	refused("interval=05s", "is not a duration");
	refused("interval=5S", "is not a duration");
	refused("interval=99999d", "is not a duration");
	refused("interval=", "needs a value");
	refused("interval", "needs a value");
	refused("max_remove=x", "is not a number");
	refused("max_remove=9007199254740992", "is not a number");
	refused("mode=0999", "octal");
	refused("mode=04000", "octal");
	refused("uid=no-such-user-here", "no user");
	refused("uid=4294967295", "no user");
	refused("gid=no-such-group-here", "groupadd");
	refused("unwrapped=yes", "reject|accept");
	refused("unwrapped=rejec", "reject|accept");
	refused("unwrapped=reject|accept", "reject|accept");
	refused("nofail=1", "takes no value");
	refused("nofail=", "takes no value");
	refused("state=var", "absolute");
	refused("wrap_certs=./x", "absolute");
	refused("credential=../x", "absolute");
	refused("=x", "unknown option ''");
	refused("intervall=5s", "the nearest is 'interval'");
	refused("wrapcerts=/x", "the nearest is 'wrap_certs'");
	refused("max-remove=1", "the nearest is 'max_remove'");
	refused("Interval=5s", "the nearest is 'interval'");
	refused("unwraped", "the nearest is 'unwrapped'");
	refused("ro,interval=1s,bogus", "unknown option 'bogus'");
}

static void test_credentials(void)
{
	struct dpk_config config;

	dpk_config_init(&config);
	unsetenv("CREDENTIALS_DIRECTORY");
	refused("credential=redis", "systemd credential");
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
	is_num(dpk_config_apply_list(&config, "credential=redis", false, NULL), 0, "a name");
	is_str(config.credential, "/run/credentials/x/redis", "is looked for where systemd put it");
	unsetenv("CREDENTIALS_DIRECTORY");
	dpk_config_fini(&config);
}

static void test_words(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;

	dpk_config_init(&config);
	is_num(dpk_config_apply_list(&config,
		       "rw,ro,nofail,_netdev,user,noauto,x-systemd.automount,x-initrd.mount,nodev,"
		       "nosuid,"
		       "noexec,relatime,defaults,dev,suid,exec,auto,nouser,users,async,noatime,"
		       "comment=x,X-mount.mkdir=0755,remount",
		       false, &err),
		0, "mount(8)'s words pass");
	ok(config.nofail, "nofail is ours as well");
	is_num(dpk_config_apply_list(
		       &config, "source=a\\,b,name=c\\x2dd,state=/a\\\\,b", false, &err),
		0, "commas in values");
	is_str(config.source, "a,b", "a comma with a backslash does not end a value");
	is_str(config.state, "/a\\,b", "a backslash before it is one");
	is_str(config.name, "c\\x2dd", "other backslashes stay");
	is_num(dpk_config_apply_list(&config, "bogus,interval=7s,also=bogus", true, &err), 0,
		"sloppy passes unknown words");
	is_num(config.interval_ms, 7000, "and reads the others");
	is_num(dpk_config_apply_list(&config, "bogus,unwrapped=rejekt", true, &err), -EINVAL,
		"sloppy passes no wrong value");
	dpk_config_fini(&config);
}

/* The file TEXT; its error must begin with the path and LINE and contain WANT. */
static void bad_file(const char *text, size_t len, unsigned int line, const char *want)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;
	char where[300];

	dpk_config_init(&config);
	write_file("bad.conf", text, len, 0644);
	snprintf(where, sizeof(where), "%s:%u: ", in_dir("bad.conf"), line);
	is_num(dpk_config_apply_file(&config, in_dir("bad.conf"), &err), -EINVAL, want);
	ok(strncmp(err.text, where, strlen(where)) == 0 && strstr(err.text, want), "%s", err.text);
	dpk_config_fini(&config);
}

static void test_lines(void)
{
	char *text = malloc(2 * DPK_CONFIG_LINE_MAX + 64);
	int n = sprintf(text, "# first\nsource = ");
	struct dpk_config config;

	bad_file("\n\nintervall = 5s\n", 16, 3, "the nearest is 'interval'");
	bad_file("interval\n", 9, 1, "needs a value");
	bad_file("nofail = yes", 12, 1, "takes no value");
	bad_file("# x\ninterval = 5s # not a comment\n", 34, 2, "is not a duration");
	bad_file("state = /a\nname = b\0c\n", 22, 2, "NUL");
	bad_file("= x\n", 4, 1, "unknown option ''");
	memset(text + n, 'x', DPK_CONFIG_LINE_MAX);
	strcpy(text + n + DPK_CONFIG_LINE_MAX - 9, "\n");
	dpk_config_init(&config);
	put("long.conf", text);
	is_num(dpk_config_apply_file(&config, in_dir("long.conf"), NULL), 0, "the longest line");
	is_num(strlen(config.source), DPK_CONFIG_LINE_MAX - 9, "is taken whole");
	strcpy(text + n + DPK_CONFIG_LINE_MAX - 9, "x\n");
	bad_file(text, strlen(text), 2, "longer than 4096");
	dpk_config_fini(&config);
	free(text);
}

static void test_file(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;
	char *big = malloc(DPK_CONFIG_FILE_MAX + 1);

	put("good.conf",
		"# a comment\n; another\n\n \t \nsource = dir:/a = b,c\r\n\tinterval=5s  \r\n"
		"name\t=\tring\nnofail\nwait = 1m");
	dpk_config_init(&config);
	is_num(dpk_config_apply_file(&config, in_dir("good.conf"), &err), 0, "a file");
	is_str(config.source, "dir:/a = b,c", "blanks, commas and CRLF");
	is_num(config.interval_ms, 5000, "leading and trailing blanks");
	is_str(config.name, "ring", "tabs");
	ok(config.nofail, "a flag");
	is_num(config.wait_ms, 60000, "a last line without its newline");
	is_num(dpk_config_apply_file(&config, in_dir("none.conf"), &err), -ENOENT, "no file");
	is_num(dpk_config_apply_file(&config, dir, &err), -EISDIR, "a directory");
	mkfifo(in_dir("fifo"), 0600);
	is_num(dpk_config_apply_file(&config, in_dir("fifo"), &err), -EINVAL,
		"a FIFO does not block");
	memset(big, '\n', DPK_CONFIG_FILE_MAX + 1);
	write_file("big.conf", big, DPK_CONFIG_FILE_MAX + 1, 0644);
	is_num(dpk_config_apply_file(&config, in_dir("big.conf"), &err), -EFBIG, "a file too big");
	for (mode_t mode = 0664; mode; mode = mode == 0664 ? 0646 : 0) {
		write_file("open.conf", "wait = 1s\n", 10, mode);
		is_num(dpk_config_apply_file(&config, in_dir("open.conf"), &err), -EPERM,
			"a file that others can write");
		ok(strstr(err.text, "chmod go-w"), "%s", err.text);
	}
	write_file("other.conf", "wait = 1s\n", 10, 0644);
	if (geteuid() == 0 && chown(in_dir("other.conf"), 65534, 65534) == 0)
		is_num(dpk_config_apply_file(&config, in_dir("other.conf"), &err), -EPERM,
			"a file of somebody else");
	else
		skip("needs root");
	dpk_config_fini(&config);
	free(big);
}

static void test_precedence(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;
	char list[300];

	put("ring.conf",
		"source = dir:/file\ninterval = 1s\nwait = 1s\ngrace = 1s\nmax_remove = 1\n");
	mkdir(in_dir("ring.conf.d"), 0755);
	put("ring.conf.d/20-b.conf", "interval = 20s\nwait = 20s\n");
	put("ring.conf.d/10-a.conf", "interval = 10s\nwait = 10s\ngrace = 10s\n");
	put("ring.conf.d/.hidden.conf", "bogus\n");
	put("ring.conf.d/backup.conf~", "bogus\n");
	put("ring.conf.d/.conf", "bogus\n");
	snprintf(list, sizeof(list), "interval=5s,config=%s", in_dir("ring.conf"));
	is_num(dpk_config_load(NULL, list, "/srv/keys-x", false, &config, &err), 0, "all of it");
	is_num(config.interval_ms, 5000, "-o beats the drop-ins");
	is_num(config.wait_ms, 20000, "a later drop-in beats an earlier one");
	is_num(config.grace_ms, 10000, "drop-ins beat the file");
	is_num(config.max_remove, 1, "the file beats the default");
	is_num(config.deadline_ms, 60000, "and that is there for the rest");
	is_str(config.source, "dir:/file", "the file's source");
	is_str(config.name, "srv-keys\\x2dx", "the mountpoint's name");
	is_str(config.state, "/var/lib/dpkeyfs/srv-keys\\x2dx", "state");
	is_str(config.socket, "/run/dpkeyfs/srv-keys\\x2dx.sock", "socket");
	dpk_config_fini(&config);
	is_num(dpk_config_load("dir:/arg", list, NULL, false, &config, &err), 0, "with a source");
	is_str(config.source, "dir:/arg", "the argument beats the file");
	ok(!config.name && !config.state, "without a mountpoint there is no name");
	dpk_config_fini(&config);
	put("ring.conf.d/30-c.conf", "\nbogus = 1\n");
	is_num(dpk_config_load("dir:/arg", list, NULL, false, &config, &err), -EINVAL,
		"a bad drop-in");
	ok(strstr(err.text, "30-c.conf:2: unknown option 'bogus'"), "%s", err.text);
	is_num(dpk_config_load("no-such-ring", NULL, "/m", false, &config, &err), -ENOENT,
		"no such");
	ok(strstr(err.text, "/etc/dpkeyfs/no-such-ring.conf"), "%s", err.text);
	is_num(dpk_config_load("../x", NULL, "/m", false, &config, &err), -EINVAL, "no name");
	is_num(dpk_config_load("dir:/a", "name=../x", "/m", false, &config, &err), -EINVAL,
		"nor this");
}

static void test_names(void)
{
	static const char *const paths[] = { "/", "//", "/.", "/a", "/a/", "//a//b/", "/a/./b",
		"/a/.", "/srv/keys", "/srv/my-keys", "/.hidden", "/a/.b", "/a b", "/a.b", "/a:b_c",
		"/\xc3\xa4", "/a\\x2db", "/a@b", "/var/lib/x\ty", "/./a", "/a/.../b" };
	bool tool = access("/usr/bin/systemd-escape", X_OK) == 0;
	char *long_path = malloc(200);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *name = dpk_config_name_of_path(paths[i]), want[256] = "", command[256];
		FILE *f;

		snprintf(command, sizeof(command), "systemd-escape --path -- '%s'", paths[i]);
		f = tool ? popen(command, "r") : NULL;
		if (f && fgets(want, sizeof(want), f))
			want[strcspn(want, "\n")] = '\0';
		if (f)
			pclose(f);
		if (tool)
			is_str(name, want, paths[i]);
		else
			skip("no systemd-escape");
		ok(dpk_config_name_is_valid(name), "%s is a name", name);
		free(name);
	}
	ok(!dpk_config_name_is_valid(""), "no name");
	ok(!dpk_config_name_is_valid(".a"), "no hidden name");
	ok(!dpk_config_name_is_valid("a/b"), "no path");
	ok(!dpk_config_name_is_valid("a b"), "no blank");
	memset(long_path, 'a', 129);
	long_path[129] = '\0';
	ok(!dpk_config_name_is_valid(long_path), "129 characters are too many");
	ok(dpk_config_name_is_valid(long_path + 1), "128 are not");
	free(long_path);
}

#define SIGNED ",signers=/,ring_id=0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11"

static void check(const char *list, int want, const char *text)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;

	if (!ok(dpk_config_load(NULL, list, "/m", false, &config, &err) == 0, "%s", list))
		return;
	is_num(dpk_config_check(&config, &err), want, list);
	ok(strstr(err.text, text), "%s", err.text);
	dpk_config_fini(&config);
}

static void test_check(void)
{
	check("unwrapped=accept", -EINVAL, "no source");
	check("source=dir:/a", -EINVAL, "wrap_certs is not set");
	check("source=dir:/a,unwrapped=accept", 0, "");
	check("source=dir:/a,wrap_certs=/", 0, "");
	check("source=dir:/a,wrap_certs=/nowhere", -ENOENT, "wrap_certs: '/nowhere'");
	check("source=dir:/a,wrap_certs=/,ca=/nowhere", -ENOENT, "ca:");
	check("source=dir:/a,wrap_certs=/,credential=/nowhere", -ENOENT, "credential:");
	check("source=dir:/a,wrap_certs=/,on_change=/nowhere", -ENOENT, "on_change:");
	check("source=dir:/a,wrap_certs=/,client_cert=/", 0, "");
	check("source=dir:/a,wrap_certs=/,client_key=/", -EINVAL, "needs client_cert");
	check("source=dir:/a,wrap_certs=/,interval=99ms", -EINVAL, "100ms");
	check("source=dir:/a,wrap_certs=/,deadline=0", -EINVAL, "100ms");
	check("source=http://other/k.xml,wrap_certs=/", -EINVAL, "plain http");
	check("source=http://other/k.p7m,wrap_certs=/" SIGNED, 0, "");
	check("source=http://other/k.p7m,wrap_certs=/,credential=/" SIGNED, -EINVAL,
		"use https://");
	check("source=http://other/k.p7m,wrap_certs=/,client_cert=/" SIGNED, -EINVAL,
		"use https://");
	check("source=http://localhost/k.p7m,wrap_certs=/,credential=/" SIGNED, 0, "");
}

static void test_help(void)
{
	struct dpk_option_help help;
	size_t n = 0;

	for (; dpk_config_help(n, &help); n++)
		if (!help.word || !help.text || strlen(help.text) < 8)
			ok(false, "option %zu has its help", n);
	ok(n > 20 && !dpk_config_help(n + 100, &help), "%zu options, and no more", n);
}

int main(void)
{
	char command[300];

	if (!mkdtemp(dir))
		return 1;
	umask(022);
	test_types();
	test_refusals();
	test_credentials();
	test_words();
	test_lines();
	test_file();
	test_precedence();
	test_names();
	test_check();
	test_help();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		return 1;
	return tap_done();
}
