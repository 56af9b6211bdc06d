/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_JOURNAL_H
#define DPK_ENGINE_JOURNAL_H

/*
 * The journal: what this node has shown, in one SQLite file, so that a node
 * serves before the network answers and power loss never takes it backwards.
 * It is not trusted: every body is hashed again on load and goes through the
 * gate and the verification of today's configuration like any other blob.
 *
 * One process (a lock file), one connection, one thread. Rollback journal in
 * PERSIST mode with space reserved in advance, so that a full disk cannot
 * keep a revocation out.
 */

#include "engine/plan.h"
#include "keys/floor.h"
#include "engine/ring.h"

struct dpk_journal;
struct dpk_err;

#define DPK_JOURNAL_GENERATIONS 3     /* whose elements are kept */
#define DPK_JOURNAL_HISTORY     1000  /* generations remembered by number and time */
#define DPK_JOURNAL_EVENTS      10000 /* events kept */

/*
 * Opens or creates STATE/journal.db (STATE is created, 0700). -EBUSY: another
 * daemon holds it (after up to 5 s; ERR names its pid); -EPERM: STATE is not
 * ours alone; else -errno of the file system. A damaged file is renamed to
 * journal.db.damaged-STAMP, never deleted, and a new one begun:
 * *ret_set_aside says so.
 */
int dpk_journal_open(const char *state, struct dpk_journal **ret_journal, bool *ret_set_aside,
	struct dpk_err *err);
void dpk_journal_close(struct dpk_journal *journal); /* NULL allowed */

/* As dpk_journal_open's damage: renames the file and begins a new one. */
int dpk_journal_set_aside(struct dpk_journal *journal, struct dpk_err *err);

/* One element of a stored generation. */
struct dpk_journal_entry {
	struct dpk_blob blob; /* origin "journal", name as served */
	int64_t first_seen;
};

/*
 * The newest generation, every body hashed again. *ret_generation is 0 where
 * there is none. The caller frees with dpk_journal_entries_free. -EBADMSG: a
 * body or a row is not what was written (the file is damaged).
 */
int dpk_journal_load(struct dpk_journal *journal, uint64_t *ret_generation,
	struct dpk_journal_entry **ret_entries, size_t *ret_count, struct dpk_err *err);
void dpk_journal_entries_free(struct dpk_journal_entry *entries, size_t count);

/* A signed snapshot that this node took: the floor from now on, and the proof of what it shows. */
struct dpk_acceptance {
	struct dpk_guid ring;
	struct dpk_floor floor;  /* known */
	int64_t issued, expires; /* ticks */
	const uint8_t *envelope; /* borrowed */
	size_t envelope_size;
};

struct dpk_commit {
	const struct dpk_ring *ring;
	const struct dpk_guid *removed; /* ids of keys that leave, for the removal budget */
	size_t removed_count;
	int64_t now;                           /* ticks */
	uint64_t after;                        /* the number must be above this one */
	const struct dpk_acceptance *accepted; /* NULL: the ring is not signed */
};

/*
 * Makes COMMIT's ring the next generation, in one transaction that is on disk
 * when this returns 0; its number is above every one before. On failure the
 * journal is as before.
 */
int dpk_journal_commit(struct dpk_journal *journal, const struct dpk_commit *commit,
	uint64_t *ret_generation, struct dpk_err *err);

/*
 * Writes ACCEPTED alone, for a snapshot that changes no element. Durable when
 * it returns 0. -EBADMSG: it is below the floor that the file has, which a
 * trigger refuses whatever this program believes.
 */
int dpk_journal_accept(
	struct dpk_journal *journal, const struct dpk_acceptance *accepted, struct dpk_err *err);

/*
 * What was accepted last of RING; its envelope is the caller's to free(). 0,
 * -ENOENT, -EBADMSG for a row that cannot be.
 */
int dpk_journal_accepted(struct dpk_journal *journal, const struct dpk_guid *ring,
	struct dpk_acceptance *ret_accepted, uint8_t **ret_envelope);

/*
 * Does the element with SHA256 open under POLICY? 1, 0, or -ENOENT: it was not
 * tried yet.
 */
int dpk_journal_opens(struct dpk_journal *journal, const uint8_t *sha256, const uint8_t *policy);

/* Remembers that it does, or does not. COUNTS: against the budget of a day. 0 or -errno. */
int dpk_journal_remember_opens(struct dpk_journal *journal, const uint8_t *sha256,
	const uint8_t *policy, bool opens, bool counts, int64_t now);

/* Whether anything was tried under POLICY, and how many since SINCE that count. 0 or -errno. */
int dpk_journal_tried(struct dpk_journal *journal, const uint8_t *policy, int64_t since,
	bool *ret_any, uint64_t *ret_counting);

/* Was what an earlier process wrote here lost: set aside, or gone? */
bool dpk_journal_was_lost(const struct dpk_journal *journal);

/* Reopens the file after a failed write: what SQLite holds of it cannot be trusted then. */
int dpk_journal_reopen(struct dpk_journal *journal, struct dpk_err *err);

/* Keys removed since that instant. */
int dpk_journal_removed_since(struct dpk_journal *journal, int64_t since, uint64_t *ret_count);

/* Small facts by name. get: 0 and a string to free(), or -ENOENT. VALUE NULL deletes. */
int dpk_journal_get(struct dpk_journal *journal, const char *name, char **ret_value);
int dpk_journal_set(struct dpk_journal *journal, const char *name, const char *value);

/*
 * Fills in first_seen and hits of each rejection from what the journal
 * remembers, and remembers those that are new (under NOW). 0 or -errno.
 */
int dpk_journal_quarantine(
	struct dpk_journal *journal, struct dpk_rejections *rejections, int64_t now);

/* Something worth telling later. CODE is one word. */
struct dpk_event {
	int64_t at;
	char code[24];
	char *detail;
};
int dpk_journal_add_event(struct dpk_journal *journal, const struct dpk_event *event);

/* The newest LIMIT events, oldest first; free with dpk_events_free. */
int dpk_journal_events(struct dpk_journal *journal, size_t limit, struct dpk_event **ret_events,
	size_t *ret_count);
void dpk_events_free(struct dpk_event *events, size_t count);

struct dpk_generation {
	uint64_t number;
	int64_t committed;
	uint64_t keys, revocations;
};
/* The newest LIMIT generations, oldest first; free() the array. */
int dpk_journal_history(struct dpk_journal *journal, size_t limit,
	struct dpk_generation **ret_generations, size_t *ret_count);

#endif
