/* SPDX-License-Identifier: MIT */
/* The journal's rows: generations, their elements, small facts. */
#include "engine/journal-statement.h"

#include "base/err.h"
#include "base/ticks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dpk_journal_entries_free(struct dpk_journal_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		dpk_blob_fini(&entries[i].blob);
	free(entries);
}

/* What identifies a generation: its number, its names and their contents, in their order. */
static int begin_digest(uint64_t generation, uint8_t digest[static DPK_HASH_BYTES])
{
	return dpk_hash(&generation, sizeof(generation), digest);
}

static int add_digest(
	uint8_t digest[static DPK_HASH_BYTES], const char *name, const uint8_t *sha256)
{
	uint8_t pair[2 * DPK_HASH_BYTES];

	memcpy(pair, digest, DPK_HASH_BYTES);
	memcpy(pair + DPK_HASH_BYTES, sha256, DPK_HASH_BYTES);
	return dpk_hash2(pair, sizeof(pair), name, strlen(name) + 1, digest);
}

struct newest {
	uint64_t generation; /* 0: there is none */
	size_t count;
	uint8_t digest[DPK_HASH_BYTES];
};

/* The newest row; -EBADMSG if the sequence knows of another number. */
static int find_newest(struct dpk_journal *journal, struct newest *ret_newest)
{
	_cleanup_stmt_ *stmt = NULL;
	int r, code;

	*ret_newest = (struct newest){ 0 };
	r = prepare(journal,
		"SELECT (SELECT max(seq) FROM sqlite_sequence WHERE name='generation'),"
		"g.number,g.keys+g.revocations,g.digest FROM (SELECT max(number) AS n FROM generation)"
		" LEFT JOIN generation g ON g.number=n",
		&stmt);
	if (r < 0)
		return r;
	code = sqlite3_step(stmt);
	if (code != SQLITE_ROW)
		return dpk_journal_errno(code);
	/* NULL, which reads as 0, where nothing was ever committed */
	ret_newest->generation = (uint64_t)sqlite3_column_int64(stmt, 1);
	ret_newest->count = (size_t)sqlite3_column_int64(stmt, 2);
	if (sqlite3_column_int64(stmt, 0) == 0 && ret_newest->generation == 0)
		return 0;
	if (sqlite3_column_int64(stmt, 0) != sqlite3_column_int64(stmt, 1) ||
		ret_newest->count == 0 || ret_newest->count > DPK_RING_MAX_ELEMENTS ||
		sqlite3_column_bytes(stmt, 3) != DPK_HASH_BYTES)
		return -EBADMSG;
	memcpy(ret_newest->digest, sqlite3_column_blob(stmt, 3), DPK_HASH_BYTES);
	return 0;
}

/* One row of the join; -EBADMSG if its body is not what was hashed. */
static int read_entry(sqlite3_stmt *stmt, uint8_t digest[static DPK_HASH_BYTES],
	struct dpk_journal_entry *ret_entry)
{
	const char *name = (const char *)sqlite3_column_text(stmt, 0);
	const void *sha256 = sqlite3_column_blob(stmt, 1);
	const void *body = sqlite3_column_blob(stmt, 3);
	size_t size = (size_t)sqlite3_column_bytes(stmt, 3);
	uint8_t of_body[DPK_HASH_BYTES];

	if (!name || !sha256 || !body || sqlite3_column_bytes(stmt, 1) != DPK_HASH_BYTES)
		return -EBADMSG;
	if (dpk_hash(body, size, of_body) < 0 || add_digest(digest, name, sha256) < 0)
		return -ENOMEM;
	if (memcmp(of_body, sha256, DPK_HASH_BYTES) != 0)
		return -EBADMSG;
	ret_entry->first_seen = sqlite3_column_int64(stmt, 2);
	return dpk_blob_init(&ret_entry->blob, "journal", name, body, size);
}

static int load_entries(struct dpk_journal *journal, const struct newest *newest,
	struct dpk_journal_entry *entries, size_t *ret_read)
{
	uint8_t digest[DPK_HASH_BYTES];
	_cleanup_stmt_ *stmt = NULL;
	int r = begin_digest(newest->generation, digest), code;

	if (r == 0)
		r = prepare(journal,
			"SELECT e.name,e.sha256,b.first_seen,b.body FROM entry e JOIN blob b"
			" ON b.sha256=e.sha256 WHERE e.generation=?1 ORDER BY e.name",
			&stmt);
	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)newest->generation);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (*ret_read == newest->count)
			return -EBADMSG;
		r = read_entry(stmt, digest, &entries[*ret_read]);
		if (r < 0)
			return r;
		(*ret_read)++;
	}
	if (code != SQLITE_DONE)
		return dpk_journal_errno(code);
	return *ret_read == newest->count && memcmp(digest, newest->digest, DPK_HASH_BYTES) == 0 ?
		       0 :
		       -EBADMSG;
}

int dpk_journal_load(struct dpk_journal *journal, uint64_t *ret_generation,
	struct dpk_journal_entry **ret_entries, size_t *ret_count, struct dpk_err *err)
{
	struct dpk_journal_entry *entries = NULL;
	struct newest newest;
	size_t got = 0;
	int r = find_newest(journal, &newest);

	if (r == 0 && newest.count > 0) {
		entries = calloc(newest.count, sizeof(*entries));
		r = entries ? load_entries(journal, &newest, entries, &got) : -ENOMEM;
	}
	if (r < 0) {
		dpk_journal_entries_free(entries, got);
		return dpk_err_set(err, r, "the journal '%s' cannot be read: %s", journal->path,
			r == -EBADMSG ? "it is damaged" : strerror(-r));
	}
	*ret_generation = newest.generation;
	*ret_entries = entries;
	*ret_count = got;
	return 0;
}

static int next_generation(struct dpk_journal *journal, uint64_t after, uint64_t *ret_generation)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal,
		"SELECT max(coalesce(max(seq),0),?1)+1 FROM sqlite_sequence WHERE name='generation'",
		&stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)after);
	r = sqlite3_step(stmt);
	if (r != SQLITE_ROW)
		return dpk_journal_errno(r);
	*ret_generation = (uint64_t)sqlite3_column_int64(stmt, 0);
	return 0;
}

static int digest_ring(
	const struct dpk_ring *ring, uint64_t generation, uint8_t ret_digest[static DPK_HASH_BYTES])
{
	int r = begin_digest(generation, ret_digest);

	for (size_t i = 0; i < ring->count && r == 0; i++)
		r = add_digest(ret_digest, dpk_key_name(ring->members[i].key),
			dpk_key_sha256(ring->members[i].key));
	return r;
}

static int insert_generation(
	struct dpk_journal *journal, const struct dpk_ring *ring, int64_t now, uint64_t generation)
{
	size_t keys = dpk_ring_keys(ring);
	uint8_t digest[DPK_HASH_BYTES];
	_cleanup_stmt_ *stmt = NULL;
	int r = digest_ring(ring, generation, digest);

	if (r == 0)
		r = prepare(journal,
			"INSERT INTO generation(number,committed,keys,revocations,digest)"
			" VALUES(?1,?2,?3,?4,?5)",
			&stmt);
	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)generation);
	sqlite3_bind_int64(stmt, 2, now);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)keys);
	sqlite3_bind_int64(stmt, 4, (sqlite3_int64)(ring->count - keys));
	bind_blob(stmt, 5, digest, sizeof(digest));
	return run(stmt);
}

static int insert_member(sqlite3_stmt *blob, sqlite3_stmt *entry, uint64_t generation,
	const struct dpk_member *member)
{
	const struct dpk_facts *facts = dpk_key_facts(member->key);
	const uint8_t *sha256 = dpk_key_sha256(member->key);
	size_t size;
	const uint8_t *data = dpk_key_data(member->key, &size);
	int r;

	bind_blob(blob, 1, sha256, DPK_HASH_BYTES);
	sqlite3_bind_int64(blob, 2, member->first_seen);
	bind_blob(blob, 3, data, size);
	r = run(blob);
	if (r < 0)
		return r;
	sqlite3_bind_int64(entry, 1, (sqlite3_int64)generation);
	bind_text(entry, 2, dpk_key_name(member->key));
	bind_blob(entry, 3, sha256, DPK_HASH_BYTES);
	if (facts->kind == DPK_KIND_KEY)
		bind_blob(entry, 4, facts->id.b, sizeof(facts->id.b));
	else
		sqlite3_bind_null(entry, 4);
	return run(entry);
}

static int insert_members(
	struct dpk_journal *journal, const struct dpk_ring *ring, uint64_t generation)
{
	_cleanup_stmt_ *blob = NULL;
	_cleanup_stmt_ *entry = NULL;
	int r;

	/* the content's first_seen stays what it was */
	r = prepare(journal,
		"INSERT INTO blob(sha256,first_seen,body) VALUES(?1,?2,?3) ON CONFLICT(sha256) DO NOTHING",
		&blob);
	if (r == 0)
		r = prepare(journal,
			"INSERT INTO entry(generation,name,sha256,key_id) VALUES(?1,?2,?3,?4)",
			&entry);
	for (size_t i = 0; i < ring->count && r == 0; i++)
		r = insert_member(blob, entry, generation, &ring->members[i]);
	return r;
}

static int insert_removals(
	struct dpk_journal *journal, const struct dpk_guid *removed, size_t count, int64_t now)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal, "INSERT INTO removal(at,key_id) VALUES(?1,?2)", &stmt);

	for (size_t i = 0; i < count && r == 0; i++) {
		sqlite3_bind_int64(stmt, 1, now);
		bind_blob(stmt, 2, removed[i].b, sizeof(removed[i].b));
		r = run(stmt);
	}
	return r;
}

static int prune(struct dpk_journal *journal, uint64_t generation, int64_t now)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		"DELETE FROM entry WHERE generation<=%" PRIu64 "-%d;"
		"DELETE FROM generation WHERE number<=%" PRIu64 "-%d;"
		"DELETE FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM entry);"
		"DELETE FROM removal WHERE at<%" PRId64 ";",
		generation, DPK_JOURNAL_GENERATIONS, generation, DPK_JOURNAL_HISTORY,
		now - 2 * DPK_TICKS_PER_DAY);
	return dpk_journal_exec(journal, sql);
}

static int write_commit(
	struct dpk_journal *journal, const struct dpk_commit *commit, uint64_t *ret_generation)
{
	int r = next_generation(journal, commit->after, ret_generation);

	if (r == 0) /* first: its pages are what the new rows need */
		r = prune(journal, *ret_generation, commit->now);
	if (r == 0)
		r = insert_generation(journal, commit->ring, commit->now, *ret_generation);
	if (r == 0)
		r = insert_members(journal, commit->ring, *ret_generation);
	if (r == 0)
		r = insert_removals(journal, commit->removed, commit->removed_count, commit->now);
	if (r == 0 && commit->accepted)
		r = dpk_journal_write_accepted(journal, commit->accepted);
	return r;
}

int dpk_journal_commit(struct dpk_journal *journal, const struct dpk_commit *commit,
	uint64_t *ret_generation, struct dpk_err *err)
{
	uint64_t generation = 0;
	int r = dpk_journal_exec(journal, "BEGIN IMMEDIATE");

	if (r == 0)
		r = write_commit(journal, commit, &generation);
	if (r == 0)
		r = dpk_journal_exec(journal, "COMMIT");
	if (r < 0)
		return dpk_journal_fail(journal, r, err);
	*ret_generation = generation;
	return 0;
}

int dpk_journal_removed_since(struct dpk_journal *journal, int64_t since, uint64_t *ret_count)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal, "SELECT count(*) FROM removal WHERE at>=?1", &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, since);
	r = sqlite3_step(stmt);
	if (r != SQLITE_ROW)
		return dpk_journal_errno(r);
	*ret_count = (uint64_t)sqlite3_column_int64(stmt, 0);
	return 0;
}

int dpk_journal_get(struct dpk_journal *journal, const char *name, char **ret_value)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal, "SELECT value FROM meta WHERE name=?1", &stmt);

	if (r < 0)
		return r;
	bind_text(stmt, 1, name);
	r = sqlite3_step(stmt);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? -ENOENT : dpk_journal_errno(r);
	*ret_value = copy_text(stmt, 0);
	return *ret_value ? 0 : -ENOMEM;
}

int dpk_journal_set(struct dpk_journal *journal, const char *name, const char *value)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal,
		value ? "INSERT INTO meta(name,value) VALUES(?1,?2)"
			" ON CONFLICT(name) DO UPDATE SET value=excluded.value WHERE value<>excluded.value" :
			"DELETE FROM meta WHERE name=?1",
		&stmt);

	if (r < 0)
		return r;
	bind_text(stmt, 1, name);
	if (value)
		bind_text(stmt, 2, value);
	return run(stmt);
}
