/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_CONFIG_H
#define DPK_ENGINE_CONFIG_H

/*
 * Configuration. Every option is one row of the table in options.c: its word,
 * its type, its place here, its help. -o beats the drop-ins
 * /etc/dpkeyfs/NAME.conf.d/ *.conf (in the order of their names), these beat
 * /etc/dpkeyfs/NAME.conf, that beats the default.
 */

#include "base/guid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dpk_err;

#define DPK_CONFIG_DIR "/etc/dpkeyfs"
#define DPK_STATE_DIR  "/var/lib/dpkeyfs"
#define DPK_RUN_DIR    "/run/dpkeyfs"

struct dpk_config {
	char *config, *source, *name, *state, *socket;
	char *credential, *ca, *client_cert, *client_key, *wrap_certs, *on_change, *signers,
		*unwrap_key;
	uint64_t interval_ms, deadline_ms, stale_after_ms, hard_expiry_ms, wait_ms, grace_ms;
	uint64_t max_remove, threshold, min_epoch, min_version;
	struct dpk_guid ring_id;        /* zero: not set */
	unsigned int unwrapped;         /* enum dpk_unwrapped */
	unsigned int no_default;        /* enum dpk_on_doubt */
	unsigned int on_bad_revocation; /* enum dpk_on_doubt */
	unsigned int audit;             /* enum dpk_audit */
	unsigned int mode, dmode;
	uid_t uid;
	gid_t gid;
	bool gid_set, nofail;
};

enum dpk_unwrapped { DPK_UNWRAPPED_REJECT, DPK_UNWRAPPED_ACCEPT };
enum dpk_on_doubt { DPK_ON_DOUBT_HOLD, DPK_ON_DOUBT_SERVE };
enum dpk_audit { DPK_AUDIT_OFF, DPK_AUDIT_OPEN };

/* All defaults; group `dpkeys` if there is one. -ENOMEM. */
int dpk_config_init(struct dpk_config *config);
void dpk_config_fini(struct dpk_config *config);

/*
 * Applies a comma-separated option list as mount(8) passes it (`\,` is a
 * comma). Words that are mount(8)'s own are passed over. With SLOPPY unknown
 * words are too. -EINVAL: ERR names the option and the nearest one.
 */
int dpk_config_apply_list(
	struct dpk_config *config, const char *list, bool sloppy, struct dpk_err *err);

/* Applies one file; a missing one is -ENOENT. ERR names file, line, option and the nearest one. */
int dpk_config_apply_file(struct dpk_config *config, const char *path, struct dpk_err *err);

/*
 * The whole of it: SOURCE (a store URL, the NAME of a configuration, or NULL)
 * and the option LIST (may be NULL) become a complete configuration with
 * name, state and socket filled in; MOUNTPOINT (may be NULL) gives the name
 * where nothing else does. -EINVAL, -ENOENT, -EPERM, -ENOMEM.
 */
int dpk_config_load(const char *source, const char *list, const char *mountpoint, bool sloppy,
	struct dpk_config *ret_config, struct dpk_err *err);

/* What a mount needs beyond that: a source, certificates that exist. -EINVAL and the like. */
int dpk_config_check(const struct dpk_config *config, struct dpk_err *err);

/* Is the ring to be signed? */
bool dpk_config_is_signed(const struct dpk_config *config);

/* systemd-escape --path's form of an absolute path. The caller's to free(); NULL without memory. */
char *dpk_config_name_of_path(const char *path);

/* True for 1 to 128 characters that can be part of a file name. */
bool dpk_config_name_is_valid(const char *name);

/* The option table, for --help, completion and their tests. INDEX from 0; false past the end. */
struct dpk_option_help {
	const char *word;
	const char *value;    /* "DURATION", "FILE", …; NULL for a flag */
	const char *fallback; /* the default as words, or NULL */
	const char *text;
};
bool dpk_config_help(size_t index, struct dpk_option_help *ret_help);

#endif
