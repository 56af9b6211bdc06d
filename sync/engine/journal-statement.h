/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_JOURNAL_STATEMENT_H
#define DPK_ENGINE_JOURNAL_STATEMENT_H

/* Prepared statements, with the errors of the house. */

#include "engine/journal-file.h"

#include <string.h>

#define _cleanup_stmt_ __attribute__((cleanup(finalizep))) sqlite3_stmt

static inline void finalizep(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

static inline int prepare(struct dpk_journal *journal, const char *sql, sqlite3_stmt **ret_stmt)
{
	return dpk_journal_errno(sqlite3_prepare_v2(journal->db, sql, -1, ret_stmt, NULL));
}

/* Runs a statement without rows, and makes it ready for the next bindings. */
static inline int run(sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return code == SQLITE_DONE ? 0 : code == SQLITE_ROW ? 0 : dpk_journal_errno(code);
}

static inline void bind_blob(sqlite3_stmt *stmt, int index, const void *data, size_t len)
{
	sqlite3_bind_blob64(stmt, index, data, len, SQLITE_STATIC);
}

static inline void bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
	sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

/* NULL without memory, and for a column that a damaged file left empty. */
static inline char *copy_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? strdup(text) : NULL;
}

#endif
