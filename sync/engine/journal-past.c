/* SPDX-License-Identifier: MIT */
/* The journal's memory of what happened: rejections, events, generations by number. */
#include "engine/journal-statement.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int remember(struct dpk_journal *journal, sqlite3_stmt *find, sqlite3_stmt *add,
	struct dpk_rejection *item, int64_t now, bool *ret_added)
{
	const char *reason = dpk_verdict_code(item->reason);
	int code;

	bind_blob(find, 1, item->sha256, DPK_HASH_BYTES);
	bind_text(find, 2, item->name);
	bind_text(find, 3, reason);
	code = sqlite3_step(find);
	if (code == SQLITE_ROW) {
		item->first_seen = sqlite3_column_int64(find, 0);
		sqlite3_reset(find);
		return 0;
	}
	sqlite3_reset(find);
	if (code != SQLITE_DONE)
		return dpk_journal_errno(code);
	item->first_seen = now;
	*ret_added = true;
	if (sqlite3_get_autocommit(journal->db)) {
		int r = dpk_journal_exec(journal, "BEGIN IMMEDIATE");

		if (r < 0)
			return r;
	}
	bind_blob(add, 1, item->sha256, DPK_HASH_BYTES);
	bind_text(add, 2, item->name);
	bind_text(add, 3, reason);
	sqlite3_bind_int64(add, 4, now);
	return run(add);
}

int dpk_journal_quarantine(
	struct dpk_journal *journal, struct dpk_rejections *rejections, int64_t now)
{
	_cleanup_stmt_ *find = NULL;
	_cleanup_stmt_ *add = NULL;
	bool added = false;
	char sql[256];
	int r;

	r = prepare(journal,
		"SELECT first_seen FROM quarantine WHERE sha256=?1 AND name=?2 AND reason=?3",
		&find);
	if (r == 0)
		r = prepare(journal, "INSERT INTO quarantine VALUES(?1,?2,?3,?4)", &add);
	for (size_t i = 0; i < rejections->count && r == 0; i++)
		r = remember(journal, find, add, &rejections->items[i], now, &added);
	if (r == 0 && added) {
		snprintf(sql, sizeof(sql),
			"DELETE FROM quarantine WHERE (sha256,name,reason) IN (SELECT sha256,name,reason"
			" FROM quarantine ORDER BY first_seen DESC LIMIT -1 OFFSET %d); COMMIT;",
			DPK_QUARANTINE_MAX);
		r = dpk_journal_exec(journal, sql);
	}
	if (r < 0)
		dpk_journal_rollback(journal);
	return r;
}

int dpk_journal_add_event(struct dpk_journal *journal, const struct dpk_event *event)
{
	_cleanup_stmt_ *stmt = NULL;
	_cleanup_stmt_ *cap = NULL;
	int r = prepare(journal, "INSERT INTO event(at,code,detail) VALUES(?1,?2,?3)", &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, event->at);
	bind_text(stmt, 2, event->code);
	bind_text(stmt, 3, event->detail);
	r = run(stmt);
	if (r < 0 || sqlite3_last_insert_rowid(journal->db) % 256 != 0)
		return r;
	r = prepare(journal, "DELETE FROM event WHERE id<=?1", &cap);
	if (r < 0)
		return r;
	sqlite3_bind_int64(cap, 1, sqlite3_last_insert_rowid(journal->db) - DPK_JOURNAL_EVENTS);
	return run(cap);
}

void dpk_events_free(struct dpk_event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(events[i].detail);
	free(events);
}

int dpk_journal_events(
	struct dpk_journal *journal, size_t limit, struct dpk_event **ret_events, size_t *ret_count)
{
	struct dpk_event *events = calloc(limit + 1, sizeof(*events));
	_cleanup_stmt_ *stmt = NULL;
	size_t count = 0;
	int r;

	if (!events)
		return -ENOMEM;
	r = prepare(journal,
		"SELECT at,code,detail FROM (SELECT * FROM event ORDER BY id DESC LIMIT ?1) ORDER BY id",
		&stmt);
	if (r < 0) {
		free(events);
		return r;
	}
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)limit);
	while (sqlite3_step(stmt) == SQLITE_ROW && count < limit) {
		_cleanup_(freep) char *code = copy_text(stmt, 1);
		struct dpk_event *event = &events[count];

		event->at = sqlite3_column_int64(stmt, 0);
		event->detail = copy_text(stmt, 2);
		if (!code || !event->detail) {
			free(event->detail);
			break;
		}
		snprintf(event->code, sizeof(event->code), "%s", code);
		count++;
	}
	*ret_events = events;
	*ret_count = count;
	return 0;
}

int dpk_journal_history(struct dpk_journal *journal, size_t limit,
	struct dpk_generation **ret_generations, size_t *ret_count)
{
	struct dpk_generation *list = calloc(limit + 1, sizeof(*list));
	_cleanup_stmt_ *stmt = NULL;
	size_t count = 0;
	int r;

	if (!list)
		return -ENOMEM;
	r = prepare(journal,
		"SELECT number,committed,keys,revocations FROM (SELECT * FROM generation ORDER BY number"
		" DESC LIMIT ?1) ORDER BY number",
		&stmt);
	if (r < 0) {
		free(list);
		return r;
	}
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)limit);
	while (sqlite3_step(stmt) == SQLITE_ROW && count < limit)
		list[count++] = (struct dpk_generation){ (uint64_t)sqlite3_column_int64(stmt, 0),
			sqlite3_column_int64(stmt, 1), (uint64_t)sqlite3_column_int64(stmt, 2),
			(uint64_t)sqlite3_column_int64(stmt, 3) };
	*ret_generations = list;
	*ret_count = count;
	return 0;
}
