/* SPDX-License-Identifier: MIT */
/* The one table of options, and how a value becomes a setting. */
#include "engine/options.h"

#include "base/err.h"
#include "base/guid.h"
#include "base/num.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type {
	TYPE_STRING,
	TYPE_PATH,
	TYPE_DURATION,
	TYPE_NUMBER,
	TYPE_MODE,
	TYPE_USER,
	TYPE_GROUP,
	TYPE_CHOICE,
	TYPE_FLAG,
	TYPE_CREDENTIAL,
	TYPE_GUID,
	TYPE_KEYS
};

struct option {
	const char *word;
	enum type type;
	size_t offset;
	const char *choices; /* TYPE_CHOICE: "first|second", in the order of the enum */
	const char *fallback;
	const char *text;
};

/* as high as a version in a manifest */
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)

#define AT(field) offsetof(struct dpk_config, field)

static const struct option options[] = {
	{ "config", TYPE_PATH, AT(config), NULL, NULL, "read options from this file" },
	{ "source", TYPE_STRING, AT(source), NULL, NULL, "in NAME.conf: the store URL" },
	{ "name", TYPE_STRING, AT(name), NULL, NULL, "the ring's name, for state, socket and log" },
	{ "state", TYPE_PATH, AT(state), NULL, DPK_STATE_DIR "/NAME", "the journal's directory" },
	{ "socket", TYPE_PATH, AT(socket), NULL, DPK_RUN_DIR "/NAME.sock", "the control socket" },
	{ "interval", TYPE_DURATION, AT(interval_ms), NULL, "60s", "poll period" },
	{ "deadline", TYPE_DURATION, AT(deadline_ms), NULL, "60s", "limit of one sync cycle" },
	{ "credential", TYPE_CREDENTIAL, AT(credential), NULL, NULL,
		"file, or systemd credential, that holds the store's secret" },
	{ "ca", TYPE_PATH, AT(ca), NULL, NULL, "certificates to trust towards the store" },
	{ "client_cert", TYPE_PATH, AT(client_cert), NULL, NULL, "TLS client certificate" },
	{ "client_key", TYPE_PATH, AT(client_key), NULL, NULL, "its private key" },
	{ "wrap_certs", TYPE_PATH, AT(wrap_certs), NULL, NULL,
		"file or directory of certificates that keys may be wrapped to" },
	{ "unwrapped", TYPE_CHOICE, AT(unwrapped), "reject|accept", "reject",
		"accept admits plaintext keys: a development ring" },
	{ "unwrap_key", TYPE_KEYS, AT(unwrap_key), NULL, NULL,
		"private keys to prove that each key opens: PEM file or directory, or pkcs11: URI" },
	{ "signers", TYPE_PATH, AT(signers), NULL, NULL,
		"file or directory of certificates that sign the ring: turns signed mode on" },
	{ "threshold", TYPE_NUMBER, AT(threshold), NULL, "1", "how many signers must have signed" },
	{ "ring_id", TYPE_GUID, AT(ring_id), NULL, NULL, "the ring's id in signed snapshots" },
	{ "min_epoch", TYPE_NUMBER, AT(min_epoch), NULL, "1",
		"lowest epoch to accept when there is no journal" },
	{ "min_version", TYPE_NUMBER, AT(min_version), NULL, "0", "lowest version in that epoch" },
	{ "stale_after", TYPE_DURATION, AT(stale_after_ms), NULL, "24h",
		"when an unrefreshed ring is stale" },
	{ "hard_expiry", TYPE_DURATION, AT(hard_expiry_ms), NULL, NULL,
		"when an unrefreshed ring is withdrawn" },
	{ "max_remove", TYPE_NUMBER, AT(max_remove), NULL, "0",
		"keys that may leave in 24 hours without accept-removal" },
	{ "no_default", TYPE_CHOICE, AT(no_default), "hold|serve", "hold",
		"what to do with a change that leaves no default key" },
	{ "on_bad_revocation", TYPE_CHOICE, AT(on_bad_revocation), "hold|serve", "hold",
		"what to do when a revocation cannot be read" },
	{ "wait", TYPE_DURATION, AT(wait_ms), NULL, "30s",
		"how long the mount command waits for a ring" },
	{ "grace", TYPE_DURATION, AT(grace_ms), NULL, "10m",
		"how long a name that left the listing still opens" },
	{ "uid", TYPE_USER, AT(uid), NULL, "0", "owner of what the mount shows" },
	{ "gid", TYPE_GROUP, AT(gid), NULL, "dpkeys if it exists, else 0", "its group" },
	{ "mode", TYPE_MODE, AT(mode), NULL, "0440", "permissions of the keys" },
	{ "dmode", TYPE_MODE, AT(dmode), NULL, "0550", "permissions of the directory" },
	{ "audit", TYPE_CHOICE, AT(audit), "off|open", "off", "open logs each open of a key" },
	{ "on_change", TYPE_PATH, AT(on_change), NULL, NULL,
		"program run after each new generation" },
	{ "nofail", TYPE_FLAG, AT(nofail), NULL, NULL, "mount even when there is no ring yet" },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* Passed by mount(8), mount.fuse3 and systemd; forced or meaningless here. */
static const char *const generic_words[] = { "ro", "rw", "defaults", "auto", "noauto", "user",
	"nouser", "users", "owner", "group", "_netdev", "dev", "nodev", "suid", "nosuid", "exec",
	"noexec", "atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime",
	"strictatime", "nostrictatime", "lazytime", "nolazytime", "sync", "async", "dirsync",
	"mand", "nomand", "iversion", "noiversion", "silent", "loud", "nosymfollow", "symfollow",
	"allow_other", "default_permissions", "remount" };

static const char *const types[] = { "STRING", "PATH", "DURATION", "NUMBER", "OCTAL", "USER",
	"GROUP", NULL, NULL, "FILE", "UUID", "PATH" };

bool dpk_option_is_generic(const char *word, size_t len)
{
	if (len >= 2 && (memcmp(word, "x-", 2) == 0 || memcmp(word, "X-", 2) == 0))
		return true;
	if (len >= 7 && memcmp(word, "comment", 7) == 0)
		return true;
	for (size_t i = 0; i < sizeof(generic_words) / sizeof(generic_words[0]); i++)
		if (strlen(generic_words[i]) == len && memcmp(generic_words[i], word, len) == 0)
			return true;
	return false;
}

bool dpk_config_help(size_t index, struct dpk_option_help *ret_help)
{
	const struct option *option;

	if (index >= N_OPTIONS)
		return false;
	option = &options[index];
	*ret_help = (struct dpk_option_help){ option->word,
		option->type == TYPE_CHOICE ? option->choices : types[option->type],
		option->fallback, option->text };
	return true;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance; words longer than a row are never near anything. */
static size_t distance(const char *a, size_t a_len, const char *b)
{
	size_t row[64], b_len = strlen(b);

	if (b_len >= 64 || a_len >= 64)
		return 64;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t up = row[j];

			row[j] = min3(row[j] + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
			corner = up;
		}
	}
	return row[b_len];
}

static int unknown(const char *word, size_t len, struct dpk_err *err)
{
	const char *near = options[0].word;

	for (size_t i = 1; i < N_OPTIONS; i++)
		if (distance(word, len, options[i].word) < distance(word, len, near))
			near = options[i].word;
	return dpk_err_set(err, -EINVAL, "unknown option '%.*s'; the nearest is '%s'",
		(int)(len > 60 ? 60 : len), word, near);
}

static int set_string(char **field, const char *value, struct dpk_err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return dpk_err_set(err, -ENOMEM, "no memory");
	free(*field);
	*field = copy;
	return 0;
}

static int set_user(uid_t *field, const char *value, struct dpk_err *err)
{
	const struct passwd *pw;
	uint64_t number;

	if (dpk_parse_u64(value, strlen(value), UINT32_MAX - 1, &number) == 0) {
		*field = (uid_t)number;
		return 0;
	}
	pw = getpwnam(value);
	if (!pw)
		return dpk_err_set(err, -EINVAL,
			"uid: there is no user '%s' on this machine; name one that exists, or a number",
			value);
	*field = pw->pw_uid;
	return 0;
}

static int set_group(gid_t *field, const char *value, struct dpk_err *err)
{
	const struct group *gr;
	uint64_t number;

	if (dpk_parse_u64(value, strlen(value), UINT32_MAX - 1, &number) == 0) {
		*field = (gid_t)number;
		return 0;
	}
	gr = getgrnam(value);
	if (!gr)
		return dpk_err_set(err, -EINVAL,
			"gid: there is no group '%s' on this machine; run: groupadd --system '%s'",
			value, value);
	*field = gr->gr_gid;
	return 0;
}

static int set_choice(
	unsigned int *field, const struct option *option, const char *value, struct dpk_err *err)
{
	const char *at = option->choices;
	size_t len = strlen(value);

	for (unsigned int i = 0;; i++) {
		size_t n = strcspn(at, "|");

		if (n == len && memcmp(at, value, n) == 0) {
			*field = i;
			return 0;
		}
		if (at[n] == '\0')
			break;
		at += n + 1;
	}
	return dpk_err_set(
		err, -EINVAL, "%s: '%.40s' is not one of %s", option->word, value, option->choices);
}

/* A bare name is a credential of the systemd unit (systemd.exec(5), LoadCredential=). */
static int set_credential(char **field, const char *value, struct dpk_err *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[4096];

	if (value[0] == '/')
		return set_string(field, value, err);
	if (strchr(value, '/') || value[0] == '.')
		return dpk_err_set(
			err, -EINVAL, "credential: '%.200s' is not an absolute path", value);
	if (!dir)
		return dpk_err_set(err, -EINVAL,
			"credential: '%.200s' is the name of a systemd credential, but this process was "
			"given none; use LoadCredential= in the unit, or an absolute path",
			value);
	if (snprintf(path, sizeof(path), "%s/%s", dir, value) >= (int)sizeof(path))
		return dpk_err_set(err, -EINVAL, "credential: the path is too long");
	return set_string(field, path, err);
}

static int set_value(struct dpk_config *config, const struct option *option, const char *value,
	struct dpk_err *err)
{
	void *field = (char *)config + option->offset;

	switch (option->type) {
	case TYPE_PATH:
		if (value[0] != '/')
			return dpk_err_set(err, -EINVAL, "%s: '%.200s' is not an absolute path",
				option->word, value);
		return set_string(field, value, err);
	case TYPE_KEYS:
		if (value[0] != '/' && strncmp(value, "pkcs11:", 7) != 0)
			return dpk_err_set(err, -EINVAL,
				"%s: '%.200s' is neither an absolute path nor a pkcs11: URI",
				option->word, value);
		return set_string(field, value, err);
	case TYPE_STRING: return set_string(field, value, err);
	case TYPE_DURATION:
		if (dpk_parse_duration_ms(value, field) < 0)
			return dpk_err_set(err, -EINVAL,
				"%s: '%.40s' is not a duration such as 500ms, 60s, 10m, 24h or 7d",
				option->word, value);
		return 0;
	case TYPE_NUMBER:
		if (dpk_parse_u64(value, strlen(value), NUMBER_MAX, field) < 0)
			return dpk_err_set(
				err, -EINVAL, "%s: '%.40s' is not a number", option->word, value);
		return 0;
	case TYPE_MODE:
		if (dpk_parse_mode(value, field) < 0)
			return dpk_err_set(err, -EINVAL,
				"%s: '%.40s' is not an octal mode such as 0440", option->word,
				value);
		return 0;
	case TYPE_USER: return set_user(field, value, err);
	case TYPE_GROUP: config->gid_set = true; return set_group(field, value, err);
	case TYPE_CHOICE: return set_choice(field, option, value, err);
	case TYPE_GUID:
		if (dpk_guid_parse(value, strlen(value), field) < 0)
			return dpk_err_set(err, -EINVAL,
				"%s: '%.60s' is not a UUID; make one with: cat /proc/sys/kernel/random/uuid",
				option->word, value);
		return 0;
	case TYPE_CREDENTIAL: return set_credential(field, value, err);
	case TYPE_FLAG: break;
	}
	return dpk_err_set(err, -EINVAL, "%s takes no value", option->word);
}

static const struct option *find_option(const char *word, size_t len)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(options[i].word) == len && memcmp(options[i].word, word, len) == 0)
			return &options[i];
	return NULL;
}

bool dpk_option_is_known(const char *word, size_t len)
{
	return find_option(word, len) != NULL;
}

int dpk_option_set(struct dpk_config *config, const char *word, size_t len, const char *value,
	struct dpk_err *err)
{
	const struct option *option = find_option(word, len);

	if (!option)
		return unknown(word, len, err);
	if (option->type == TYPE_FLAG && !value) {
		*(bool *)((char *)config + option->offset) = true;
		return 0;
	}
	if (!value || (!value[0] && option->type != TYPE_FLAG))
		return dpk_err_set(err, -EINVAL, "%s needs a value", option->word);
	return set_value(config, option, value, err);
}
