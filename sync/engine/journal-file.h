/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_JOURNAL_FILE_H
#define DPK_ENGINE_JOURNAL_FILE_H

/*
 * Between the parts of the journal: the file (journal-file.c), its rows
 * (journal.c) and its memory of the past (journal-past.c).
 */

#include "engine/journal.h"

#include <sqlite3.h>

struct dpk_journal {
	char *path; /* STATE/journal.db */
	int lock_fd;
	sqlite3 *db;
	bool lost; /* what an earlier process wrote is not there any more */
};

/* Runs SQL without results. 0, or the -errno that stands for SQLite's answer. */
int dpk_journal_exec(struct dpk_journal *journal, const char *sql);

/* Rolls back, sets ERR to what SQLite says, and returns R. */
int dpk_journal_fail(struct dpk_journal *journal, int r, struct dpk_err *err);

/* Within a transaction: the row of what was accepted. */
int dpk_journal_write_accepted(struct dpk_journal *journal, const struct dpk_acceptance *accepted);

/* Ends a transaction that failed, if one is open. */
void dpk_journal_rollback(struct dpk_journal *journal);

/* -ENOSPC, -EIO, -EBADMSG (damaged), -EROFS, -EBUSY, -ENOMEM for a result code of SQLite. */
int dpk_journal_errno(int sqlite_code);

#endif
