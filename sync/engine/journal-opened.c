/* SPDX-License-Identifier: MIT */
/* The journal's memory of which elements open. */
#include "engine/journal-statement.h"

#include <errno.h>
#include <stdio.h>

/* twice a ring; what is older is tried again if it comes back */
#define OPENED_MAX 8192

int dpk_journal_opens(struct dpk_journal *journal, const uint8_t *sha256, const uint8_t *policy)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal, "SELECT opens FROM opened WHERE sha256=?1 AND policy=?2", &stmt);

	if (r < 0)
		return r;
	bind_blob(stmt, 1, sha256, DPK_HASH_BYTES);
	bind_blob(stmt, 2, policy, DPK_HASH_BYTES);
	r = sqlite3_step(stmt);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? -ENOENT : dpk_journal_errno(r);
	return sqlite3_column_int(stmt, 0) == 1;
}

static int forget_oldest(struct dpk_journal *journal)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"DELETE FROM opened WHERE (sha256,policy) IN (SELECT sha256,policy FROM opened"
		" ORDER BY at DESC LIMIT -1 OFFSET %d)",
		OPENED_MAX);
	return dpk_journal_exec(journal, sql);
}

int dpk_journal_remember_opens(struct dpk_journal *journal, const uint8_t *sha256,
	const uint8_t *policy, bool opens, bool counts, int64_t now)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal, "INSERT OR REPLACE INTO opened VALUES(?1,?2,?3,?4,?5)", &stmt);

	if (r < 0)
		return r;
	bind_blob(stmt, 1, sha256, DPK_HASH_BYTES);
	bind_blob(stmt, 2, policy, DPK_HASH_BYTES);
	sqlite3_bind_int(stmt, 3, opens);
	sqlite3_bind_int64(stmt, 4, now);
	sqlite3_bind_int(stmt, 5, counts);
	r = run(stmt);
	return r < 0 ? r : forget_oldest(journal);
}

int dpk_journal_tried(struct dpk_journal *journal, const uint8_t *policy, int64_t since,
	bool *ret_any, uint64_t *ret_counting)
{
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal,
		"SELECT count(*), coalesce(sum(counts AND at>=?2),0) FROM opened WHERE policy=?1",
		&stmt);

	if (r < 0)
		return r;
	bind_blob(stmt, 1, policy, DPK_HASH_BYTES);
	sqlite3_bind_int64(stmt, 2, since);
	r = sqlite3_step(stmt);
	if (r != SQLITE_ROW)
		return dpk_journal_errno(r);
	*ret_any = sqlite3_column_int64(stmt, 0) > 0;
	*ret_counting = (uint64_t)sqlite3_column_int64(stmt, 1);
	return 0;
}
