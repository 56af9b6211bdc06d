/* SPDX-License-Identifier: MIT */
/* The journal while nothing is damaged: generations, memory, locks, permissions, a full disk. */
#include "tests/unit/journal-lib.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

static void test_generations(void)
{
	struct dpk_ring first = made_ring(1, 20, 100), second = made_ring(10, 20, 100);
	struct dpk_journal *journal = open_journal(below("gen"));
	struct dpk_journal_entry *entries;
	uint64_t generation = 9;
	size_t count = 9;

	is_num(dpk_journal_load(journal, &generation, &entries, &count, NULL), 0, "a new journal");
	ok(generation == 0 && count == 0, "holds nothing");
	is_num(commit_ring(journal, &first, 0), 1, "the first generation");
	ok(holds(journal, &first, 1), "is there");
	is_num(commit_ring(journal, &second, 0), 2, "the second");
	ok(holds(journal, &second, 2), "takes its place");
	is_num(commit_ring(journal, &first, 40), 41, "a number above the one that was shown");
	dpk_journal_close(journal);
	journal = open_journal(below("gen"));
	ok(holds(journal, &first, 41), "after closing too");
	is_num(commit_ring(journal, &second, 3), 42, "numbers do not go back");
	is_num(dpk_journal_set_aside(journal, NULL), 0, "set aside");
	is_num(dpk_journal_load(journal, &generation, &entries, &count, NULL), 0, "a new one");
	is_num(generation, 0, "is empty");
	is_num(commit_ring(journal, &second, 42), 43, "and goes on behind what was shown");
	ok(holds(journal, &second, 43), "with its ring");
	dpk_journal_close(journal);
	dpk_journal_close(NULL);
	dpk_ring_fini(&first);
	dpk_ring_fini(&second);
}

static void test_set_aside_twice(void)
{
	struct dpk_journal *journal = open_journal(below("aside"));
	char command[256], line[64] = "";
	FILE *f;

	for (int i = 0; i < 3; i++)
		dpk_journal_set_aside(journal, NULL);
	dpk_journal_close(journal);
	snprintf(command, sizeof(command), "ls %s | grep -c 'damaged.*Z$'", below("aside"));
	f = popen(command, "r");
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	if (f)
		pclose(f);
	is_str(line, "3", "of three within a second none is overwritten");
}

static void test_first_seen(void)
{
	struct dpk_journal *journal = open_journal(below("seen"));
	struct dpk_journal_entry *entries;
	struct dpk_ring ring = made_ring(1, 3, 0);
	uint64_t generation;
	size_t count, kept = 0;

	commit_ring(journal, &ring, 0);
	for (size_t i = 0; i < ring.count; i++)
		ring.members[i].first_seen += DAY; /* the content's own stays what it was */
	for (int i = 0; i < 6; i++)
		commit_ring(journal, &ring, 0);
	dpk_journal_close(journal);
	journal = open_journal(below("seen"));
	dpk_journal_load(journal, &generation, &entries, &count, NULL);
	for (size_t i = 0; i < count; i++)
		kept += entries[i].first_seen == MADE_NOW + 1 + (int64_t)i;
	ok(generation == 7 && kept == 3, "the first sight outlives its generation");
	dpk_journal_entries_free(entries, count);
	dpk_journal_close(journal);
	dpk_ring_fini(&ring);
}

/* Is a key with that id in the file? */
static bool is_in_file(const char *path, unsigned int id)
{
	char text[16];
	size_t size;
	char *data = slurp(path, &size);
	bool found;

	snprintf(text, sizeof(text), "<key id=\"%06x", id);
	found = memmem(data, size, text, strlen(text)) != NULL;
	free(data);
	return found;
}

static void test_pruning(void)
{
	struct dpk_journal *journal = open_journal(below("prune"));
	struct dpk_generation *history;
	size_t count;

	for (unsigned int i = 1; i <= 6; i++) {
		struct dpk_ring ring = made_ring(i << 20, 1, 5000);

		commit_ring(journal, &ring, 0);
		dpk_ring_fini(&ring);
	}
	dpk_journal_history(journal, 100, &history, &count);
	is_num(count, 6, "six generations are remembered");
	ok(count == 6 && history[0].number == 1 && history[5].number == 6 && history[5].keys == 1 &&
			history[5].revocations == 0 && history[5].committed == MADE_NOW,
		"oldest first");
	free(history);
	dpk_journal_history(journal, 2, &history, &count);
	ok(count == 2 && history[1].number == 6, "or the newest two");
	free(history);
	dpk_journal_close(journal);
	/* made_ring's ids are the eight digits of I << 20 */
	ok(!is_in_file(below("prune/journal.db"), 1 << 12) &&
			!is_in_file(below("prune/journal.db"), 3 << 12),
		"elements of the fourth-newest are gone");
	ok(is_in_file(below("prune/journal.db"), 4 << 12) &&
			is_in_file(below("prune/journal.db"), 6 << 12),
		"those of three generations are kept");
}

/* A file never grows past its limit, and rings as large as may be fit four times in turn. */
static void test_large(void)
{
	struct dpk_journal *journal = open_journal(below("large"));
	int64_t number = 0;
	struct stat st;

	for (unsigned int i = 0; i < 5 && number >= 0; i++) {
		struct dpk_ring ring = made_ring(1 + i * 1000, 255, 64000);

		number = commit_ring(journal, &ring, 0);
		if (i == 4)
			ok(holds(journal, &ring, 5), "it is there, byte for byte");
		dpk_ring_fini(&ring);
	}
	is_num(number, 5, "five rings of 16 MiB, none with a blob of another");
	dpk_journal_close(journal);
	if (stat(below("large/journal.db"), &st) < 0)
		made_bail("no journal");
	ok(st.st_size > 48 * 1024 * 1024 && st.st_size <= 64 * 1024 * 1024, "within 64 MiB: %ld",
		(long)st.st_size);
	unlink(below("large/journal.db"));
	unlink(below("large/journal.db-journal"));
}

static void test_facts(void)
{
	const struct dpk_guid ids[] = { { { 1 } }, { { 2 } } };
	struct dpk_journal *journal = open_journal(below("facts"));
	struct dpk_ring ring = made_ring(1, 1, 0);
	struct dpk_commit commit = {
		.ring = &ring, .removed = ids, .removed_count = 2, .now = MADE_NOW
	};
	uint64_t generation, removed = 9;
	char *value = NULL;

	is_num(dpk_journal_get(journal, "token", &value), -ENOENT, "no fact yet");
	is_num(dpk_journal_set(journal, "token", "abc"), 0, "a fact");
	is_num(dpk_journal_set(journal, "token", "\"x'y"), 0, "another in its place");
	is_num(dpk_journal_get(journal, "token", &value), 0, "read back");
	is_str(value, "\"x'y", "as it was");
	free(value);
	is_num(dpk_journal_set(journal, "token", NULL), 0, "forgotten");
	is_num(dpk_journal_get(journal, "token", &value), -ENOENT, "and gone");
	dpk_journal_commit(journal, &commit, &generation, NULL);
	commit.removed_count = 1;
	commit.now += 20 * HOUR;
	dpk_journal_commit(journal, &commit, &generation, NULL);
	dpk_journal_removed_since(journal, MADE_NOW, &removed);
	is_num(removed, 3, "three removals in a day");
	dpk_journal_removed_since(journal, MADE_NOW + HOUR, &removed);
	is_num(removed, 1, "one in the last hours");
	commit.removed_count = 0;
	commit.now = MADE_NOW + 3 * DAY;
	dpk_journal_commit(journal, &commit, &generation, NULL);
	dpk_journal_removed_since(journal, 0, &removed);
	is_num(removed, 0, "after days they are forgotten");
	dpk_journal_close(journal);
	dpk_ring_fini(&ring);
}

static void test_events(void)
{
	struct dpk_journal *journal = open_journal(below("events"));
	struct dpk_event *events;
	char detail[32];
	size_t count;
	int r = 0;

	for (int i = 0; i < DPK_JOURNAL_EVENTS + 600 && r == 0; i++) {
		struct dpk_event event = { .at = i, .code = "code", .detail = detail };

		snprintf(detail, sizeof(detail), "event %d", i);
		r = dpk_journal_add_event(journal, &event);
	}
	is_num(r, 0, "many events");
	dpk_journal_events(journal, 2 * DPK_JOURNAL_EVENTS, &events, &count);
	ok(count >= DPK_JOURNAL_EVENTS && count <= DPK_JOURNAL_EVENTS + 256, "are capped: %zu",
		count);
	ok(events[count - 1].at == DPK_JOURNAL_EVENTS + 599 &&
			strcmp(events[count - 1].detail, "event 10599") == 0 &&
			strcmp(events[0].code, "code") == 0 && events[0].at < events[1].at,
		"oldest first, the newest kept");
	dpk_events_free(events, count);
	dpk_journal_events(journal, 2, &events, &count);
	ok(count == 2 && events[1].at == DPK_JOURNAL_EVENTS + 599, "or the newest two");
	dpk_events_free(events, count);
	dpk_journal_close(journal);
}

static void reject(struct dpk_rejections *list, unsigned int number, const char *name)
{
	const struct dpk_refusal refusal = { .verdict = DPK_VERDICT_XML, .text = "why" };
	uint8_t sha256[DPK_HASH_BYTES] = { 0 };

	memcpy(sha256, &number, sizeof(number));
	dpk_rejections_add(list, "store", name, &refusal, sha256);
}

static void test_quarantine(void)
{
	struct dpk_journal *journal = open_journal(below("quarantine"));
	struct dpk_rejections list = { 0 };

	reject(&list, 1, "a");
	reject(&list, 1, "a");
	is_num(dpk_journal_quarantine(journal, &list, 100), 0, "a rejection, twice in one read");
	is_num(dpk_journal_quarantine(journal, &list, 200), 0, "met again");
	is_num(list.items[0].first_seen, 100, "is known since the first time");
	dpk_rejections_fini(&list);
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < DPK_QUARANTINE_MAX; i++)
			reject(&list, 10 + round * DPK_QUARANTINE_MAX + i, "b");
		is_num(dpk_journal_quarantine(journal, &list, 300 + round), 0, "as many as may be");
		dpk_rejections_fini(&list);
	}
	reject(&list, 1, "a");
	reject(&list, 10 + 3 * DPK_QUARANTINE_MAX - 1, "b");
	is_num(dpk_journal_quarantine(journal, &list, 400), 0, "then");
	is_num(list.items[0].first_seen, 400, "the oldest is forgotten");
	is_num(list.items[1].first_seen, 302, "the newest is not");
	dpk_rejections_fini(&list);
	dpk_journal_close(journal);
}

static void refused(const char *state, int want, const char *text)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_journal *journal = NULL;
	bool set_aside;
	int r = dpk_journal_open(state, &journal, &set_aside, &err);

	ok(r == want && strstr(err.text, text), "%s: %s", state, err.text);
	dpk_journal_close(journal);
}

static void test_directory(void)
{
	struct stat st;

	dpk_journal_close(open_journal(below("new/state")));
	ok(stat(below("new/state"), &st) == 0 && (st.st_mode & 07777) == 0700,
		"made for root alone");
	dpk_journal_close(open_journal(below("slash/state//")));
	ok(stat(below("slash/state"), &st) == 0 && (st.st_mode & 07777) == 0700,
		"with a slash at its end too");
	if (symlink(below("new"), below("link")) < 0)
		diag("no link");
	dpk_journal_close(open_journal(below("link/state")));
	ok(true, "below a directory that is a link");
	if (symlink(below("new/state"), below("state-link")) < 0)
		diag("no link");
	refused(below("state-link"), -ENOTDIR, "no directory");
	spill(below("file"), "x", 1);
	refused(below("file"), -ENOTDIR, "no directory");
	refused(below("none/none/none"), -ENOENT, "cannot make");
	mkdir(below("open"), 0750);
	refused(below("open"), -EPERM, "chmod 0700");
	mkdir(below("other"), 0700);
	if (geteuid() == 0 && chown(below("other"), 65534, 65534) == 0)
		refused(below("other"), -EPERM, "chown root");
	else
		skip("needs root");
	mkdir(below("linked"), 0700);
	if (symlink("/dev/null", below("linked/journal.db")) < 0)
		diag("no link");
	refused(below("linked"), -EIO, "cannot open the journal");
}

static void test_lock(void)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_journal *journal = NULL;
	int ready[2];
	bool set_aside;
	char text[64];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		made_bail("no pipe");
	pid = fork();
	if (pid < 0)
		made_bail("no child");
	if (pid == 0) {
		struct dpk_journal *held = open_journal(below("lock"));

		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		dpk_journal_close(held);
		_exit(0);
	}
	if (read(ready[0], text, 1) != 1)
		made_bail("the child failed");
	is_num(dpk_journal_open(below("lock"), &journal, &set_aside, &err), -EBUSY,
		"a second opener");
	snprintf(text, sizeof(text), "(pid %ld)", (long)pid);
	ok(strstr(err.text, text), "%s", err.text);
	kill(pid, SIGKILL);
	is_num(dpk_journal_open(below("lock"), &journal, &set_aside, &err), 0,
		"one that is ending is waited for");
	waitpid(pid, NULL, 0);
	dpk_journal_close(journal);
	close(ready[0]);
	close(ready[1]);
}

/* Takes the last free block. */
static void fill_disk(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[4096] = { 1 };

	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static int commits_on_full(
	struct dpk_journal *journal, int limit, size_t padding, int64_t *ret_last)
{
	int done = 0;

	for (; done < limit; done++) {
		struct dpk_ring ring = made_ring(1, 30, 4000);
		int64_t number;

		for (unsigned int i = 0; i < 1 + padding / 60000; i++) {
			const struct made made = { 5000 + (unsigned int)done * 100 + i, 0, 0, 0,
				DAY, padding > 60000 ? 60000 : padding };

			made_add(&ring, made_key(&made), MADE_NOW);
		}
		number = commit_ring(journal, &ring, 0);
		if (number > 0 && !holds(journal, &ring, (uint64_t)number))
			ok(false, "generation %ld is not what was written", (long)number);
		dpk_ring_fini(&ring);
		if (number < 0)
			break;
		*ret_last = number;
	}
	return done;
}

static void test_full_disk(void)
{
	struct dpk_journal *journal;
	struct statvfs fs;
	int64_t last = 0;
	int kib = 0;

	mkdir(below("disk"), 0700);
	if (geteuid() != 0 || mount("tmpfs", below("disk"), "tmpfs", 0, "size=24m,mode=0700") < 0) {
		skip("cannot mount a tmpfs");
		return;
	}
	journal = open_journal(below("disk/state"));
	commits_on_full(journal, 1, 4000, &last);
	fill_disk(below("disk/filler"));
	ok(statvfs(below("disk"), &fs) == 0 && fs.f_bfree == 0, "no block is free");
	is_num(commits_on_full(journal, 100, 4000, &last), 100,
		"a hundred generations are committed");
	is_num(last, 101, "each with its number");
	dpk_journal_close(journal);
	journal = open_journal(below("disk/state"));
	is_num(commits_on_full(journal, 20, 4000, &last), 20, "after a restart as well");
	for (int r = 1; r == 1; kib += 100)
		r = commits_on_full(journal, 1, (size_t)(kib + 100) * 1024, &last);
	ok(kib > 900, "the reserve is good for changes of %d KiB at a time", kib - 100);
	is_num(dpk_journal_reopen(journal, NULL), 0, "after the failure it opens again");
	is_num(commits_on_full(journal, 3, 4000, &last), 3, "and small changes go on");
	dpk_journal_close(journal);
	umount2(below("disk"), MNT_DETACH);
}

/* What SQLite cannot have back, such as a disk that is gone, must not end in a crash. */
static void test_gone(void)
{
	struct dpk_journal *journal = open_journal(below("gone"));
	struct dpk_rejections list = { 0 };
	struct dpk_ring ring = made_ring(1, 1, 0);
	struct dpk_event event = { .code = "x", .detail = base };
	struct dpk_event *events = NULL;
	struct dpk_err err = DPK_ERR_INIT;
	char *value = NULL;
	size_t count = 0;

	rename(below("gone"), below("went"));
	ok(dpk_journal_set_aside(journal, &err) < 0, "its directory is gone: %s", err.text);
	ok(commit_ring(journal, &ring, 0) < 0, "no commit");
	reject(&list, 1, "a");
	ok(dpk_journal_quarantine(journal, &list, 1) < 0, "no quarantine");
	ok(dpk_journal_add_event(journal, &event) < 0, "no event");
	ok(dpk_journal_events(journal, 3, &events, &count) < 0, "no events");
	ok(dpk_journal_get(journal, "x", &value) < 0 && dpk_journal_set(journal, "x", "y") < 0,
		"no facts");
	ok(dpk_journal_reopen(journal, &err) < 0, "no reopening");
	rename(below("went"), below("gone"));
	is_num(dpk_journal_reopen(journal, &err), 0, "until it is back");
	is_num(commit_ring(journal, &ring, 0), 1, "then all goes on");
	dpk_rejections_fini(&list);
	dpk_ring_fini(&ring);
	dpk_journal_close(journal);
}

int main(void)
{
	make_base();
	test_generations();
	test_set_aside_twice();
	test_first_seen();
	test_pruning();
	test_large();
	test_facts();
	test_events();
	test_quarantine();
	test_directory();
	test_lock();
	test_full_disk();
	test_gone();
	remove_base();
	return tap_done();
}
