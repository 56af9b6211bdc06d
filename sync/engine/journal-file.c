/* SPDX-License-Identifier: MIT */
/* The journal as a file: lock, pragmas, schema, reserve, and what to do with a damaged one. */
#include "engine/journal-file.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/ticks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_WAIT_MS  5000
#define HEAP_MAX      (16 * 1024 * 1024)
#define RESERVE_BYTES (4 * 1024 * 1024)

/*
 * PERSIST and EXCLUSIVE: no WAL (Debian 12's SQLite can corrupt it on reset),
 * no shared memory, and a rollback journal whose blocks are already there
 * when the disk is full. EXTRA: the commit has reached the disk, its
 * directory entry too, when it returns. The rest keeps a hostile or broken
 * file from doing more than fail.
 */
static const char pragmas[] =
	"PRAGMA locking_mode=EXCLUSIVE;"
	"PRAGMA journal_mode=PERSIST;"
	"PRAGMA synchronous=EXTRA;"
	"PRAGMA journal_size_limit=-1;"
	"PRAGMA max_page_count=16384;"
	"PRAGMA cell_size_check=ON;"
	"PRAGMA trusted_schema=OFF;"
	"PRAGMA secure_delete=ON;"
	"PRAGMA foreign_keys=ON;"
	"PRAGMA temp_store=MEMORY;"
	"PRAGMA mmap_size=0;"
	"PRAGMA cache_size=-256;" /* KiB: the daemon's memory is mostly this otherwise */
	"BEGIN EXCLUSIVE; COMMIT;";

#define SCHEMA_VERSION 1
static const char schema[] =
	"BEGIN EXCLUSIVE;"
	"PRAGMA application_id=0x44504B46;" /* "DPKF" */
	"PRAGMA user_version=1;"
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE blob(sha256 BLOB NOT NULL UNIQUE CHECK(length(sha256)=32),"
	" first_seen INTEGER NOT NULL, body BLOB NOT NULL CHECK(length(body) BETWEEN 1 AND 65536))"
	" STRICT;"
	"CREATE TABLE generation(number INTEGER PRIMARY KEY AUTOINCREMENT, committed INTEGER NOT NULL,"
	" keys INTEGER NOT NULL, revocations INTEGER NOT NULL,"
	" digest BLOB NOT NULL CHECK(length(digest)=32)) STRICT;"
	"CREATE TABLE entry(generation INTEGER NOT NULL REFERENCES generation(number) ON DELETE"
	" CASCADE, name TEXT NOT NULL COLLATE BINARY, sha256 BLOB NOT NULL REFERENCES blob(sha256),"
	" key_id BLOB CHECK(key_id IS NULL OR length(key_id)=16),"
	" PRIMARY KEY(generation,name)) STRICT, WITHOUT ROWID;"
	"CREATE UNIQUE INDEX entry_key ON entry(generation,key_id) WHERE key_id IS NOT NULL;"
	"CREATE INDEX entry_blob ON entry(sha256);"
	"CREATE TABLE removal(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, key_id BLOB NOT NULL)"
	" STRICT;"
	"CREATE TABLE quarantine(sha256 BLOB NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL,"
	" first_seen INTEGER NOT NULL, PRIMARY KEY(sha256,name,reason)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
	" code TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
	"CREATE TRIGGER generation_grows BEFORE INSERT ON generation"
	" WHEN NEW.number<=(SELECT coalesce(max(number),0) FROM generation)"
	" BEGIN SELECT RAISE(ABORT,'a generation never comes back'); END;"
	/* which elements the private keys of a policy open: each is tried once */
	"CREATE TABLE opened(sha256 BLOB NOT NULL CHECK(length(sha256)=32), policy BLOB NOT NULL"
	" CHECK(length(policy)=32), opens INTEGER NOT NULL, at INTEGER NOT NULL, counts INTEGER NOT"
	" NULL, PRIMARY KEY(sha256,policy)) STRICT, WITHOUT ROWID;"
	/* what was accepted of each ring; nothing that can write here takes a node back */
	"CREATE TABLE trust(ring BLOB PRIMARY KEY CHECK(length(ring)=16), epoch INTEGER NOT NULL,"
	" version INTEGER NOT NULL, manifest_sha256 BLOB NOT NULL CHECK(length(manifest_sha256)=32),"
	" pins BLOB NOT NULL CHECK(length(pins)=32), issued INTEGER NOT NULL,"
	" expires INTEGER NOT NULL, seen INTEGER NOT NULL, envelope BLOB NOT NULL) STRICT;"
	"CREATE TRIGGER trust_grows BEFORE UPDATE ON trust WHEN NEW.epoch<OLD.epoch"
	" OR (NEW.epoch=OLD.epoch AND NEW.version<OLD.version) OR NEW.seen<OLD.seen"
	" OR (NEW.epoch=OLD.epoch AND NEW.version=OLD.version"
	" AND NEW.manifest_sha256<>OLD.manifest_sha256)"
	" BEGIN SELECT RAISE(ABORT,'the floor never sinks'); END;"
	"CREATE TRIGGER trust_stays BEFORE DELETE ON trust"
	" BEGIN SELECT RAISE(ABORT,'the floor never goes'); END;"
	"COMMIT;";

int dpk_journal_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW: return 0;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_ERROR: /* our SQL is right: the schema is not ours any more */
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH: return -EBADMSG;
	default: return -EIO;
	}
}

int dpk_journal_exec(struct dpk_journal *journal, const char *sql)
{
	return dpk_journal_errno(sqlite3_exec(journal->db, sql, NULL, NULL, NULL));
}

void dpk_journal_rollback(struct dpk_journal *journal)
{
	if (journal->db && !sqlite3_get_autocommit(journal->db))
		dpk_journal_exec(journal, "ROLLBACK");
}

int dpk_journal_fail(struct dpk_journal *journal, int r, struct dpk_err *err)
{
	dpk_err_set(err, r, "cannot write the journal '%s': %s", journal->path,
		journal->db ? sqlite3_errmsg(journal->db) : "it is not open");
	dpk_journal_rollback(journal);
	return r;
}

bool dpk_journal_was_lost(const struct dpk_journal *journal)
{
	return journal->lost;
}

static int query_number(struct dpk_journal *journal, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(journal->db, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? -EBADMSG : dpk_journal_errno(code);
}

static int quick_check(struct dpk_journal *journal)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(journal->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	int r;

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	r = dpk_journal_errno(code);
	if (code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
		r = -EBADMSG;
	sqlite3_finalize(stmt);
	return r;
}

/*
 * Blocks for later, taken once: pages filled and freed again stay in the
 * file's free list, and freeing them (secure_delete writes them over) has
 * grown the rollback journal to the same size.
 */
static void reserve(struct dpk_journal *journal)
{
	char sql[512];

	for (int bytes = RESERVE_BYTES; bytes >= RESERVE_BYTES / 8; bytes /= 2) {
		snprintf(sql, sizeof(sql),
			"BEGIN; CREATE TABLE reserve(body BLOB) STRICT;"
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d)"
			" INSERT INTO reserve SELECT zeroblob(65536) FROM n; COMMIT; DROP TABLE reserve;",
			bytes / 65536);
		if (dpk_journal_exec(journal, sql) == 0)
			return;
		dpk_journal_rollback(journal);
		dpk_journal_exec(journal, "DROP TABLE IF EXISTS reserve");
	}
	dpk_warning("no space could be reserved for the journal '%s': a full disk could keep a "
		    "revocation out",
		journal->path);
}

static int begin_file(struct dpk_journal *journal, struct dpk_err *err)
{
	int64_t tables = 0, application = 0, version = 0;
	int r = query_number(journal, "SELECT count(*) FROM sqlite_schema", &tables);

	if (r == 0 && tables == 0) {
		r = dpk_journal_exec(journal, schema);
		if (r < 0)
			return dpk_err_set(err, r, "cannot begin the journal '%s': %s",
				journal->path, sqlite3_errmsg(journal->db));
		reserve(journal);
		return 0;
	}
	if (r == 0)
		r = query_number(journal, "PRAGMA application_id", &application);
	if (r == 0)
		r = query_number(journal, "PRAGMA user_version", &version);
	if (r == 0 && application != 0x44504B46)
		r = -EBADMSG;
	if (r == 0 && version > SCHEMA_VERSION)
		return dpk_err_set(err, -EINVAL,
			"the journal '%s' was written by a newer dpkeyfs (schema %lld, this one knows "
			"%d); install that version, or move the file away",
			journal->path, (long long)version, SCHEMA_VERSION);
	return r < 0 ? r : quick_check(journal);
}

/* The heap limit is the process's, and nothing but the journal uses SQLite. */
static void limit_library(void)
{
	sqlite3_hard_heap_limit64(HEAP_MAX);
}

static void close_file(struct dpk_journal *journal)
{
	sqlite3_close_v2(journal->db);
	journal->db = NULL;
}

static int open_file(struct dpk_journal *journal, struct dpk_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int code, r;

	if (err)
		err->text[0] = '\0'; /* what was said of the file before does not count */
	pthread_once(&once, limit_library);
	code = sqlite3_open_v2(journal->path, &journal->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
			SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
		NULL);
	if (code != SQLITE_OK) {
		close_file(journal);
		return dpk_err_set(err, dpk_journal_errno(code), "cannot open the journal '%s': %s",
			journal->path, sqlite3_errstr(code));
	}
	sqlite3_db_config(journal->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_limit(journal->db, SQLITE_LIMIT_LENGTH, 5 * 1024 * 1024);
	sqlite3_limit(journal->db, SQLITE_LIMIT_SQL_LENGTH, 64 * 1024);
	sqlite3_limit(journal->db, SQLITE_LIMIT_ATTACHED, 0);
	r = dpk_journal_exec(journal, pragmas);
	if (r == 0)
		r = begin_file(journal, err);
	if (r < 0 && err && !err->text[0])
		dpk_err_set(err, r, "cannot use the journal '%s': %s", journal->path,
			sqlite3_errmsg(journal->db));
	if (r < 0)
		close_file(journal); /* half the pragmas are worse than none */
	return r;
}

/* The rollback journal goes along: it may hold what would mend the file. */
static int rename_away(const char *path, struct dpk_err *err)
{
	char stamp[DPK_TICKS_STRING_MAX], from[4096], to[4200];
	static const char *const suffixes[] = { "", "-journal" };

	/* to 100 ns: of two in one second the first must not be overwritten */
	dpk_ticks_to_string(dpk_ticks_now(), stamp);
	for (size_t i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
		snprintf(to, sizeof(to), "%s.damaged-%s%s", path, stamp, suffixes[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return dpk_err_set(
				err, -errno, "cannot rename '%s': %s", from, strerror(errno));
	}
	return 0;
}

int dpk_journal_set_aside(struct dpk_journal *journal, struct dpk_err *err)
{
	struct dpk_err fresh = DPK_ERR_INIT;
	int r;

	close_file(journal);
	r = rename_away(journal->path, err);
	if (r < 0)
		return r;
	journal->lost = true;
	r = open_file(journal, &fresh);
	if (err)
		*err = fresh;
	return r;
}

int dpk_journal_reopen(struct dpk_journal *journal, struct dpk_err *err)
{
	int r;

	close_file(journal);
	r = open_file(journal, err);
	return r == -EBADMSG ? dpk_journal_set_aside(journal, err) : r;
}

static int prepare_directory(const char *state, struct dpk_err *err)
{
	struct stat st;
	char parent[4096];
	char *slash;
	size_t len;

	if (snprintf(parent, sizeof(parent), "%s", state) >= (int)sizeof(parent) - 64)
		return dpk_err_set(err, -ENAMETOOLONG, "state: the path is too long");
	for (len = strlen(parent); len > 1 && parent[len - 1] == '/'; len--)
		parent[len - 1] = '\0';
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		mkdir(parent, 0755); /* what fails here fails below, with the right name */
	}
	if (mkdir(state, 0700) < 0 && errno != EEXIST)
		return dpk_err_set(err, -errno, "cannot make the state directory '%s': %s", state,
			strerror(errno));
	if (lstat(state, &st) < 0)
		return dpk_err_set(err, -errno, "state: '%s': %s", state, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return dpk_err_set(err, -ENOTDIR, "state: '%s' is no directory", state);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return dpk_err_set(err, -EPERM,
			"the state directory '%s' must be root's alone; run: chown root '%s' && chmod "
			"0700 '%s'",
			state, state, state);
	return 0;
}

static int take_lock(struct dpk_journal *journal, const char *state, struct dpk_err *err)
{
	uint64_t until = dpk_monotonic_ms() + LOCK_WAIT_MS;
	char path[4200], pid[32];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/lock", state);
	journal->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (journal->lock_fd < 0)
		return dpk_err_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	while (flock(journal->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return dpk_err_set(
				err, -errno, "cannot lock '%s': %s", path, strerror(errno));
		if (dpk_monotonic_ms() < until) {
			usleep(20000); /* one that is ending needs a moment */
			continue;
		}
		n = pread(journal->lock_fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		return dpk_err_set(err, -EBUSY,
			"another dpkeyfs (pid %.*s) uses the state directory '%s'; end it first (umount "
			"its mountpoint), or give this ring another name= or state=",
			(int)strspn(pid, "0123456789"), pid, state);
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(journal->lock_fd, 0) < 0 || pwrite(journal->lock_fd, pid, (size_t)n, 0) != n)
		dpk_debug("cannot write the pid into '%s'", path); /* the lock itself holds */
	return 0;
}

/* The lock of an earlier process is there, the file that it guarded is not. */
static bool has_lock_alone(const char *file, const char *state)
{
	char lock[4200];

	snprintf(lock, sizeof(lock), "%s/lock", state);
	return access(lock, F_OK) == 0 && access(file, F_OK) != 0;
}

int dpk_journal_open(const char *state, struct dpk_journal **ret_journal, bool *ret_set_aside,
	struct dpk_err *err)
{
	_cleanup_(freep) char *real = NULL;
	struct dpk_journal *journal;
	int r = prepare_directory(state, err);

	*ret_set_aside = false;
	if (r < 0)
		return r;
	/* SQLITE_OPEN_NOFOLLOW refuses a link anywhere in the path, such as /var on another disk */
	real = realpath(state, NULL);
	journal = calloc(1, sizeof(*journal));
	if (!journal || !real || asprintf(&journal->path, "%s/journal.db", real) < 0) {
		free(journal);
		return dpk_err_set(err, -ENOMEM, "no memory");
	}
	journal->lock_fd = -1;
	journal->lost = has_lock_alone(journal->path, state);
	r = take_lock(journal, state, err);
	if (r == 0)
		r = open_file(journal, err);
	if (r == -EBADMSG) {
		*ret_set_aside = true;
		r = dpk_journal_set_aside(journal, err);
	}
	if (r < 0) {
		dpk_journal_close(journal);
		return r;
	}
	*ret_journal = journal;
	return 0;
}

void dpk_journal_close(struct dpk_journal *journal)
{
	if (!journal)
		return;
	close_file(journal);
	closep(&journal->lock_fd); /* last: the lock outlives the file's use */
	free(journal->path);
	free(journal);
}
