/* SPDX-License-Identifier: MIT */
/* The program that holds the private keys, and the daemon's side of it, end to end. */
#include "base/err.h"
#include "base/io.h"
#include "base/locked.h"
#include "base/ticks.h"
#include "engine/opener.h"
#include "keys/verify.h"

#include "tests/tap.h"
#include "tests/unit/fixtures.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GCM_A "rings/net10-gcm-a/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml"
#define CBC_C "rings/net10-cbc-c/key-845e7bed-f900-4a2e-ac49-3ec906feb78b.xml"
#define PLAIN "rings/net10-plain/key-50b6ff0c-77ea-48c9-8003-9ee0eca3662f.xml"

#define DEADLINE_MS 10000

static char dir[] = "/tmp/dpkeyfs-opener-XXXXXX";

static const char *place(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A copy of a file of certs/ in the test's directory. */
static void copy(const char *from, const char *to, mode_t mode)
{
	char path[FIXTURE_PATH_MAX];
	struct dpk_blob blob = fixture_blob(fixture_path(path, "certs/%s", from));
	int fd = open(place(to), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || dpk_write_all(fd, blob.data, blob.size) < 0 || fchmod(fd, mode) < 0) {
		printf("Bail out! cannot write %s\n", to);
		exit(1);
	}
	close(fd);
	dpk_blob_fini(&blob);
}

static struct dpk_key *verified(const char *name)
{
	char path[FIXTURE_PATH_MAX], certs_path[FIXTURE_PATH_MAX];
	struct dpk_blob blob = fixture_blob(fixture_path(path, "%s", name));
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_trust trust = { .accept_unwrapped = true };
	struct dpk_certs *certs = NULL;
	struct dpk_refusal refusal;
	struct dpk_key *key = NULL;

	if (dpk_certs_load(fixture_path(certs_path, "certs"), &certs, &err) < 0)
		printf("Bail out! %s\n", err.text);
	trust.wrap_certs = certs;
	if (dpk_verify(&trust, &blob, &key, &refusal) != 0)
		printf("Bail out! %s\n", refusal.text);
	dpk_certs_free(certs);
	dpk_blob_fini(&blob);
	return key;
}

static struct dpk_opener *opener_of(const char *unwrap_key, bool expose)
{
	struct dpk_opener *opener = NULL;
	struct dpk_err err = DPK_ERR_INIT;

	if (dpk_opener_start(unwrap_key, expose, DEADLINE_MS, &opener, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return opener;
}

static void test_answers(struct dpk_key *a, struct dpk_key *c, struct dpk_key *plain)
{
	struct dpk_opener *opener = opener_of(place("a.key"), false);
	struct dpk_secret *secret = NULL;
	int opened = 0;

	is_num(dpk_opener_key_count(opener), 1, "one private key");
	is_num(dpk_opener_open(opener, a, NULL), 1, "a key that opens");
	is_num(dpk_opener_open(opener, c, NULL), 0, "one that is wrapped to another certificate");
	is_num(dpk_opener_open(opener, plain, NULL), 0, "one in plaintext is not opened");
	for (int i = 0; i < 100; i++)
		opened += dpk_opener_open(opener, a, NULL);
	is_num(opened, 100, "a hundred more");
	ok(dpk_opener_open(opener, a, &secret) == -EINVAL && !secret,
		"none is exposed by a program that was not started for it");
	is_num(dpk_opener_open(opener, a, NULL), 1, "which does it no harm");
	dpk_opener_stop(opener);
	dpk_opener_stop(NULL);
}

static void test_expose(struct dpk_key *a, struct dpk_key *c)
{
	const struct dpk_trust trust = { .accept_unwrapped = true };
	struct dpk_opener *opener = opener_of(place("a.key"), true);
	struct dpk_secret *secret = NULL;
	struct dpk_refusal refusal = { 0 };
	struct dpk_key *key = NULL;
	struct dpk_blob blob;

	is_num(dpk_opener_open(opener, c, &secret), 0, "not opened, not exposed");
	ok(secret == NULL, "nothing is given");
	is_num(dpk_opener_open(opener, a, NULL), 1, "asked without exposing");
	is_num(dpk_opener_open(opener, a, &secret), 1, "exposed");
	blob = text_blob("exposed", (const char *)secret->data, secret->size);
	ok(dpk_verify(&trust, &blob, &key, &refusal) == 0 && !dpk_key_facts(key)->wrapped,
		"and verified as a key in plaintext");
	ok(strcmp(dpk_key_name(key), dpk_key_name(a)) == 0, "under the same name");
	dpk_key_unref(key);
	dpk_blob_fini(&blob);
	dpk_secret_unref(secret);
	dpk_opener_stop(opener);
}

static void test_directory(struct dpk_key *a, struct dpk_key *c)
{
	struct dpk_opener *one = opener_of(place("a.key"), false), *opener;

	mkdir(place("keys"), 0700);
	copy("wrap-a.key", "keys/1.key", 0600);
	copy("wrap-c.key", "keys/2.pem", 0400);
	copy("wrap-b.key", "keys/3.txt", 0644);
	opener = opener_of(place("keys"), false);
	is_num(dpk_opener_key_count(opener), 2, "a directory: *.key and *.pem");
	ok(dpk_opener_open(opener, a, NULL) == 1 && dpk_opener_open(opener, c, NULL) == 1,
		"both are used");
	ok(memcmp(dpk_opener_policy(opener), dpk_opener_policy(one), DPK_HASH_BYTES) != 0,
		"another policy than with one");
	dpk_opener_stop(opener);
	opener = opener_of(place("a.key"), true);
	ok(memcmp(dpk_opener_policy(opener), dpk_opener_policy(one), DPK_HASH_BYTES) == 0,
		"the same keys are the same policy");
	dpk_opener_stop(opener);
	dpk_opener_stop(one);
}

static void refuses(const char *unwrap_key, int code, const char *text)
{
	struct dpk_opener *opener = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	int r = dpk_opener_start(unwrap_key, false, DEADLINE_MS, &opener, &err);

	ok(r == code && !opener && strstr(err.text, text) != NULL, "%d: %s", r, err.text);
}

static void test_refusals(void)
{
	copy("wrap-a.key", "open.key", 0644);
	copy("wrap-a.key", "group.key", 0640);
	copy("ec.key", "ec.key", 0600);
	copy("wrap-a.pem", "cert.pem", 0600);
	copy("wrap-a.pfx", "a.pfx", 0600);
	mkdir(place("empty"), 0700);
	mkdir(place("loose"), 0700);
	chmod(place("loose"), 0777);
	refuses(place("open.key"), -EPERM, "chmod 0600");
	refuses(place("group.key"), -EPERM, "chmod 0600");
	refuses(place("missing.key"), -ENOENT, "pkcs11:");
	refuses(place("ec.key"), -EINVAL, "no RSA private key");
	refuses(place("cert.pem"), -EINVAL, "no RSA private key");
	refuses(place("a.pfx"), -EINVAL, "openssl pkcs12");
	refuses(place("empty"), -ENOENT, "holds no *.pem");
	refuses(place("loose"), -EPERM, "chmod go-w");
	refuses("pkcs11:token=nowhere;object=none", -EINVAL, "pkcs11 provider");
}

static void test_death(struct dpk_key *a)
{
	struct dpk_opener *opener = opener_of(place("a.key"), true);
	struct dpk_secret *secret = NULL;
	uint64_t since;

	kill(dpk_opener_pid(opener), SIGKILL);
	is_num(dpk_opener_open(opener, a, &secret), -EPIPE, "it was killed");
	ok(secret == NULL && dpk_opener_pid(opener) == 0, "nothing is given, and it was reaped");
	is_num(dpk_opener_open(opener, a, NULL), -EPIPE, "it stays dead");
	dpk_opener_stop(opener);

	if (dpk_opener_start(place("a.key"), false, 1000, &opener, NULL) < 0)
		printf("Bail out! no second program\n");
	kill(dpk_opener_pid(opener), SIGSTOP);
	since = dpk_monotonic_ms();
	is_num(dpk_opener_open(opener, a, NULL), -ETIMEDOUT, "it is late");
	ok(dpk_monotonic_ms() - since < 5000, "and is not waited for");
	is_num(dpk_opener_pid(opener), 0, "but killed");
	dpk_opener_stop(opener);
}

/* The text of /proc/PID/NAME. */
static void proc(pid_t pid, const char *name, struct dpk_buf *buf)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	dpk_buf_reset(buf);
	if (fd >= 0)
		dpk_read_all(fd, buf);
	close(fd);
}

static int count_fds(pid_t pid)
{
	char path[64];
	struct dirent **entries;
	int n, count;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	count = n = fixture_list(path, fixture_is_visible, &entries);
	while (n > 0)
		free(entries[--n]);
	free(entries);
	return count;
}

static bool same_link(pid_t pid, const char *name)
{
	char path[64], mine[128] = "", its[128] = "";

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	if (readlink(path, mine, sizeof(mine) - 1) < 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return readlink(path, its, sizeof(its) - 1) < 0 || strcmp(mine, its) == 0;
}

static void test_sandbox(void)
{
	struct dpk_opener *opener = opener_of(place("a.key"), true);
	struct dpk_buf text = DPK_BUF_INIT(1u << 20);
	pid_t pid = dpk_opener_pid(opener);

	if (geteuid() != 0) {
		skip("only root may look");
		dpk_opener_stop(opener);
		return;
	}
	proc(pid, "status", &text);
	ok(strstr(text.data, "Seccomp:\t2\n") != NULL, "a system call filter");
	ok(strstr(text.data, "NoNewPrivs:\t1\n") != NULL, "no new privileges");
	ok(strstr(text.data, "CapEff:\t0000000000000000\n") != NULL, "no capability");
	ok(strstr(text.data, "CapPrm:\t0000000000000000\n") != NULL, "none permitted");
	ok(strstr(text.data, "Uid:\t65534\t65534\t65534\t65534\n") != NULL, "the user nobody");
	ok(strstr(text.data, "Gid:\t65534\t65534\t65534\t65534\n") != NULL, "the group nobody");
	ok(strstr(text.data, "Groups:\t \n") != NULL, "no other groups");
	is_num(count_fds(pid), 3, "three descriptors");
	proc(pid, "environ", &text);
	proc(pid, "limits", &text);
	ok(strstr(text.data, "Max core file size        0                    0 ") != NULL,
		"no core dumps");
	ok(!same_link(pid, "ns/net") && !same_link(pid, "ns/ipc") && !same_link(pid, "ns/mnt"),
		"namespaces of its own");
	proc(pid, "mountinfo", &text);
	ok(text.len > 0 && !memchr(text.data, '\n', text.len - 1) && strstr(text.data, "tmpfs"),
		"one file system, and that is empty");
	dpk_buf_fini(&text);
	dpk_opener_stop(opener);
}

static void test_memory(void)
{
#ifdef __SANITIZE_ADDRESS__
	skip("ASan takes mlock away");
#else
	struct dpk_opener *opener = opener_of(place("a.key"), true);
	struct dpk_buf text = DPK_BUF_INIT(1u << 20);
	const char *line;

	proc(dpk_opener_pid(opener), "status", &text);
	line = text.data ? strstr(text.data, "VmLck:") : NULL;
	ok(line && strtoul(line + 6, NULL, 10) > 1000, "its memory is locked");
	dpk_buf_fini(&text);
	dpk_opener_stop(opener);
#endif
}

int main(void)
{
	struct dpk_key *a, *c, *plain;
	char command[128];

	if (!mkdtemp(dir))
		return 1;
	copy("wrap-a.key", "a.key", 0600);
	a = verified(GCM_A);
	c = verified(CBC_C);
	plain = verified(PLAIN);
	test_answers(a, c, plain);
	test_expose(a, c);
	test_directory(a, c);
	test_refusals();
	test_death(a);
	test_sandbox();
	test_memory();
	dpk_key_unref(a);
	dpk_key_unref(c);
	dpk_key_unref(plain);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0 || tap_done();
}
