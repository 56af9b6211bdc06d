/* SPDX-License-Identifier: MIT */
/* The journal's floor: what was accepted of a signed ring, with its proof. */
#include "engine/journal-statement.h"

#include <dpkeyfs/limits.h>

#include <errno.h>
#include <stdlib.h>

int dpk_journal_write_accepted(struct dpk_journal *journal, const struct dpk_acceptance *accepted)
{
	const struct dpk_floor *floor = &accepted->floor;
	_cleanup_stmt_ *stmt = NULL;
	int r = prepare(journal,
		"INSERT INTO trust VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(ring) DO UPDATE SET"
		" epoch=excluded.epoch, version=excluded.version,"
		" manifest_sha256=excluded.manifest_sha256, pins=excluded.pins,"
		" issued=excluded.issued, expires=excluded.expires, seen=excluded.seen,"
		" envelope=excluded.envelope",
		&stmt);

	if (r < 0)
		return r;
	bind_blob(stmt, 1, accepted->ring.b, sizeof(accepted->ring.b));
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)floor->epoch);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)floor->version);
	bind_blob(stmt, 4, floor->manifest_sha256, DPK_HASH_BYTES);
	bind_blob(stmt, 5, floor->pins, DPK_HASH_BYTES);
	sqlite3_bind_int64(stmt, 6, accepted->issued);
	sqlite3_bind_int64(stmt, 7, accepted->expires);
	sqlite3_bind_int64(stmt, 8, floor->seen);
	bind_blob(stmt, 9, accepted->envelope, accepted->envelope_size);
	r = run(stmt);
	/* in the same transaction: a ring that was signed once is remembered as such */
	return r < 0 ? r : dpk_journal_set(journal, "authenticity", "signed");
}

int dpk_journal_accept(
	struct dpk_journal *journal, const struct dpk_acceptance *accepted, struct dpk_err *err)
{
	int r = dpk_journal_exec(journal, "BEGIN IMMEDIATE");

	if (r == 0)
		r = dpk_journal_write_accepted(journal, accepted);
	if (r == 0)
		r = dpk_journal_exec(journal, "COMMIT");
	return r < 0 ? dpk_journal_fail(journal, r, err) : 0;
}

static bool row_is_possible(sqlite3_stmt *stmt)
{
	return sqlite3_column_int64(stmt, 0) > 0 && sqlite3_column_int64(stmt, 1) > 0 &&
	       sqlite3_column_bytes(stmt, 2) == DPK_HASH_BYTES &&
	       sqlite3_column_bytes(stmt, 3) == DPK_HASH_BYTES &&
	       sqlite3_column_bytes(stmt, 7) > 0 &&
	       sqlite3_column_bytes(stmt, 7) <= (int)DPK_ENVELOPE_MAX_BYTES;
}

int dpk_journal_accepted(struct dpk_journal *journal, const struct dpk_guid *ring,
	struct dpk_acceptance *ret_accepted, uint8_t **ret_envelope)
{
	struct dpk_acceptance accepted = { .ring = *ring, .floor.known = true };
	_cleanup_stmt_ *stmt = NULL;
	uint8_t *envelope;
	int r = prepare(journal,
		"SELECT epoch,version,manifest_sha256,pins,issued,expires,seen,envelope FROM trust"
		" WHERE ring=?1",
		&stmt);

	if (r < 0)
		return r;
	bind_blob(stmt, 1, ring->b, sizeof(ring->b));
	r = sqlite3_step(stmt);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? -ENOENT : dpk_journal_errno(r);
	if (!row_is_possible(stmt))
		return -EBADMSG;
	accepted.floor.epoch = (uint64_t)sqlite3_column_int64(stmt, 0);
	accepted.floor.version = (uint64_t)sqlite3_column_int64(stmt, 1);
	memcpy(accepted.floor.manifest_sha256, sqlite3_column_blob(stmt, 2), DPK_HASH_BYTES);
	memcpy(accepted.floor.pins, sqlite3_column_blob(stmt, 3), DPK_HASH_BYTES);
	accepted.issued = sqlite3_column_int64(stmt, 4);
	accepted.expires = sqlite3_column_int64(stmt, 5);
	accepted.floor.seen = sqlite3_column_int64(stmt, 6);
	accepted.envelope_size = (size_t)sqlite3_column_bytes(stmt, 7);
	envelope = malloc(accepted.envelope_size);
	if (!envelope)
		return -ENOMEM;
	memcpy(envelope, sqlite3_column_blob(stmt, 7), accepted.envelope_size);
	accepted.envelope = *ret_envelope = envelope;
	*ret_accepted = accepted;
	return 0;
}
