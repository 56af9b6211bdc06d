/* SPDX-License-Identifier: MIT */
/* Locked memory: that it is locked, wiped in children, left out of dumps, and given back. */
#include "base/locked.h"

#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The VmFlags of the mapping that holds ADDRESS, with a space at both ends. */
static void flags_of(const void *address, char flags[static 256])
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	unsigned long begin, end, want = (unsigned long)(uintptr_t)address;
	char line[512];
	bool inside = false;

	flags[0] = '\0';
	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			inside = want >= begin && want < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, 256, "%.*s", (int)strcspn(line + 8, "\n"), line + 8);
	}
	if (maps)
		fclose(maps);
}

static void test_flags(void)
{
	char *memory = dpk_locked_alloc(5000);
	char flags[256];
	bool zero = true;

	ok(memory != NULL, "5000 bytes");
	if (!memory)
		return;
	for (size_t i = 0; i < 5000; i++)
		zero = zero && memory[i] == 0;
	ok(zero, "all zero");
	flags_of(memory, flags);
	ok(strstr(flags, " dd ") != NULL, "left out of core dumps:%s", flags);
	ok(strstr(flags, " wf ") != NULL, "wiped in a forked child");
#ifdef __SANITIZE_ADDRESS__
	skip("ASan takes mlock away");
#else
	ok(strstr(flags, " lo ") != NULL, "locked");
#endif
	dpk_locked_free(memory, 5000);
	flags_of(memory, flags);
	is_str(flags, "", "unmapped once freed");
}

static void test_fork(void)
{
	char *memory = dpk_locked_alloc(1);
	int status = -1;
	pid_t pid;

	memory[0] = 42;
	pid = fork();
	if (pid == 0)
		_exit(memory[0]);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a forked child sees zeros");
	is_num(memory[0], 42, "and the parent its own");
	dpk_locked_free(memory, 1);
}

static void test_limits(void)
{
	errno = 0;
	ok(!dpk_locked_alloc(0) && errno == ENOMEM, "nothing for 0 bytes");
	ok(!dpk_locked_alloc(SIZE_MAX), "nothing for SIZE_MAX bytes");
	ok(!dpk_secret_new(SIZE_MAX) && errno == ENOMEM, "no secret of SIZE_MAX bytes");
	dpk_locked_free(NULL, 10);
	ok(dpk_secret_unref(NULL) == NULL, "NULL is a no-op");
}

/* Without the right to lock, there is no memory: nothing is kept in pages that can be swapped. */
static void test_refusal(void)
{
#ifdef __SANITIZE_ADDRESS__
	skip("ASan takes mlock away");
#else
	const struct rlimit none = { 0, 0 };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		setrlimit(RLIMIT_MEMLOCK, &none);
		_exit(dpk_locked_alloc(100) != NULL);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"memory that cannot be locked is refused");
#endif
}

static void test_references(void)
{
	struct dpk_secret *secret = dpk_secret_new(100);

	ok(secret && secret->size == 100, "a secret of 100 bytes");
	memset(secret->data, 7, 100);
	ok(dpk_secret_ref(secret) == secret, "a second reference");
	dpk_secret_unref(secret);
	is_num(secret->data[99], 7, "still there after one is dropped");
	ok(dpk_secret_unref(secret) == NULL, "gone after the other");
	secret = dpk_secret_new(0);
	ok(secret && secret->size == 0, "an empty one");
	dpk_secret_unref(secret);
}

int main(void)
{
	test_flags();
	test_fork();
	test_limits();
	test_refusal();
	test_references();
	return tap_done();
}
