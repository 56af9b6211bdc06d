/* SPDX-License-Identifier: MIT */
/* Where settings come from: -o, drop-ins, NAME.conf, defaults. */
#include "engine/config.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "engine/options.h"
#include "engine/source.h"

#include <dpkeyfs/limits.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void config_finip(struct dpk_config *config)
{
	dpk_config_fini(config);
}

int dpk_config_init(struct dpk_config *config)
{
	const struct group *group = getgrnam("dpkeys");

	*config = (struct dpk_config){
		.interval_ms = 60 * 1000,
		.deadline_ms = 60 * 1000,
		.stale_after_ms = 24 * 3600 * 1000,
		.wait_ms = 30 * 1000,
		.grace_ms = 10 * 60 * 1000,
		.threshold = 1,
		.min_epoch = 1, /* there is none below, and min_version is about the one named */
		.mode = 0440,
		.dmode = 0550,
		.gid = group ? group->gr_gid : 0,
	};
	return 0;
}

void dpk_config_fini(struct dpk_config *config)
{
	if (!config)
		return;
	free(config->config);
	free(config->source);
	free(config->name);
	free(config->state);
	free(config->socket);
	free(config->credential);
	free(config->ca);
	free(config->client_cert);
	free(config->client_key);
	free(config->wrap_certs);
	free(config->on_change);
	free(config->signers);
	free(config->unwrap_key);
	*config = (struct dpk_config){ 0 };
}

static int apply_word(struct dpk_config *config, char *text, bool sloppy, struct dpk_err *err)
{
	char *value = strchr(text, '=');
	size_t len = value ? (size_t)(value - text) : strlen(text);

	if (len == 0 && !value)
		return 0;
	if (dpk_option_is_generic(text, len))
		return 0;
	/* sloppy is about words; a wrong value of a word of ours is never passed over */
	if (sloppy && !dpk_option_is_known(text, len))
		return 0;
	return dpk_option_set(config, text, len, value ? value + 1 : NULL, err);
}

int dpk_config_apply_list(
	struct dpk_config *config, const char *list, bool sloppy, struct dpk_err *err)
{
	_cleanup_(freep) char *word = malloc(strlen(list) + 1);
	size_t len = 0;

	if (!word)
		return dpk_err_set(err, -ENOMEM, "no memory");
	for (const char *at = list;; at++) {
		int r;

		if (at[0] == '\\' && at[1] == ',') {
			word[len++] = *++at;
			continue;
		}
		if (*at && *at != ',') {
			word[len++] = *at;
			continue;
		}
		word[len] = '\0';
		len = 0;
		r = apply_word(config, word, sloppy, err);
		if (r < 0)
			return r;
		if (!*at)
			return 0;
	}
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int apply_line(struct dpk_config *config, char *line, struct dpk_err *err)
{
	char *value;

	line = trim(line);
	if (!line[0] || line[0] == '#' || line[0] == ';')
		return 0;
	value = strchr(line, '=');
	if (value) {
		*value++ = '\0';
		value = trim(value);
		line = trim(line);
	}
	return dpk_option_set(config, line, strlen(line), value, err);
}

static int apply_text(
	struct dpk_config *config, struct dpk_buf *text, const char *path, struct dpk_err *err)
{
	char *at = text->data, *end = at ? at + text->len : NULL;

	for (unsigned int number = 1; at < end; number++) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);
		int r;

		if (len > DPK_CONFIG_LINE_MAX)
			return dpk_err_set(err, -EINVAL, "%s:%u: the line is longer than %d bytes",
				path, number, DPK_CONFIG_LINE_MAX);
		if (memchr(at, '\0', len))
			return dpk_err_set(err, -EINVAL, "%s:%u: a NUL byte", path, number);
		at[len] = '\0';
		r = apply_line(config, at, err);
		if (r < 0)
			return dpk_err_wrap(err, r, "%s:%u", path, number);
		at += len + 1;
	}
	return 0;
}

static void buf_finip(struct dpk_buf *buf)
{
	dpk_buf_fini(buf);
}

int dpk_config_apply_file(struct dpk_config *config, const char *path, struct dpk_err *err)
{
	_cleanup_(buf_finip) struct dpk_buf text = DPK_BUF_INIT(DPK_CONFIG_FILE_MAX);
	int r = dpk_read_file(path, DPK_FILE_CONFIG, &text, err);

	return r < 0 ? r : apply_text(config, &text, path, err);
}

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int apply_drop_ins(struct dpk_config *config, const char *path, struct dpk_err *err)
{
	_cleanup_(freep) char *dir = NULL;
	struct dirent **entries = NULL;
	int n, r = 0;

	if (asprintf(&dir, "%s.d", path) < 0)
		return dpk_err_set(err, -ENOMEM, "no memory");
	n = scandir(dir, &entries, is_drop_in, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : dpk_err_set(err, -errno, "cannot list '%s'", dir);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *file = NULL;

		if (r == 0 && asprintf(&file, "%s/%s", dir, entries[i]->d_name) < 0)
			r = dpk_err_set(err, -ENOMEM, "no memory");
		if (r == 0)
			r = dpk_config_apply_file(config, file, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

bool dpk_config_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= 128 && name[0] != '.' &&
	       strspn(name,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.-\\@") ==
		       len;
}

/* Behind slashes, and behind components that are "." */
static const char *skip_slashes(const char *path)
{
	for (;;) {
		path += strspn(path, "/");
		if (path[0] != '.' || (path[1] != '/' && path[1] != '\0'))
			return path;
		path++;
	}
}

char *dpk_config_name_of_path(const char *path)
{
	char *name = malloc(strlen(path) * 4 + 2), *out = name;

	if (!name)
		return NULL;
	path = skip_slashes(path);
	if (!*path)
		*out++ = '-';
	while (*path) {
		if (*path == '/') {
			path = skip_slashes(path);
			if (*path)
				*out++ = '-';
			continue;
		}
		if ((*path == '.' && out == name) ||
			!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.",
				*path))
			out += snprintf(out, 5, "\\x%02x", (unsigned char)*path);
		else
			*out++ = *path;
		path++;
	}
	*out = '\0';
	return name;
}

static int fill_place(char **field, const char *format, const char *name, struct dpk_err *err)
{
	if (*field)
		return 0;
	if (asprintf(field, "%s/%s", format, name) >= 0)
		return 0;
	*field = NULL;
	return dpk_err_set(err, -ENOMEM, "no memory");
}

static int fill_names(
	struct dpk_config *config, const char *name, const char *mountpoint, struct dpk_err *err)
{
	char sock[160];

	if (!config->name && name)
		config->name = strdup(name);
	else if (!config->name && mountpoint)
		config->name = dpk_config_name_of_path(mountpoint);
	if (!config->name)
		return name || mountpoint ? dpk_err_set(err, -ENOMEM, "no memory") : 0;
	if (!dpk_config_name_is_valid(config->name))
		return dpk_err_set(err, -EINVAL,
			"'%.128s' cannot be a ring's name: 1 to 128 of A-Z a-z 0-9 : _ . - \\ @, not "
			"starting with a dot; give another with name=",
			config->name);
	snprintf(sock, sizeof(sock), "%s.sock", config->name);
	if (fill_place(&config->state, DPK_STATE_DIR, config->name, err) < 0 ||
		fill_place(&config->socket, DPK_RUN_DIR, sock, err) < 0)
		return -ENOMEM;
	return 0;
}

/* NAME.conf and its drop-ins; the file must exist when it is named. */
static int apply_files(
	struct dpk_config *config, const char *name, const char *explicit_path, struct dpk_err *err)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	if (!name && !explicit_path)
		return 0;
	if (explicit_path)
		path = strdup(explicit_path);
	else if (asprintf(&path, DPK_CONFIG_DIR "/%s.conf", name) < 0)
		path = NULL;
	if (!path)
		return dpk_err_set(err, -ENOMEM, "no memory");
	r = dpk_config_apply_file(config, path, err);
	if (r == -ENOENT && !explicit_path)
		return dpk_err_set(err, r,
			"'%s' is neither a store URL nor a configuration: there is no '%s'", name,
			path);
	return r < 0 ? r : apply_drop_ins(config, path, err);
}

int dpk_config_load(const char *source, const char *list, const char *mountpoint, bool sloppy,
	struct dpk_config *ret_config, struct dpk_err *err)
{
	_cleanup_(config_finip) struct dpk_config first = { 0 }, config = { 0 };
	const char *name = source && !dpk_source_is_url(source) ? source : NULL;
	int r;

	if (name && !dpk_config_name_is_valid(name))
		return dpk_err_set(err, -EINVAL,
			"'%.200s' is neither a store URL (dir:/path, https://host/keys.xml) nor a name",
			name);
	dpk_config_init(&first);
	dpk_config_init(&config);
	/* the list is read twice: first for config=, then to overrule what the file says */
	r = list ? dpk_config_apply_list(&first, list, sloppy, err) : 0;
	if (r == 0)
		r = apply_files(&config, name, first.config, err);
	if (r == 0 && list)
		r = dpk_config_apply_list(&config, list, sloppy, err);
	if (r == 0 && source && !name) {
		free(config.source);
		config.source = strdup(source);
		r = config.source ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = fill_names(&config, name, mountpoint, err);
	if (r < 0)
		return r;
	*ret_config = config;
	config = (struct dpk_config){ 0 };
	return 0;
}

static int check_exists(const char *word, const char *path, struct dpk_err *err)
{
	struct stat st;

	if (path && stat(path, &st) < 0)
		return dpk_err_set(err, -errno, "%s: '%s': %s", word, path, strerror(errno));
	return 0;
}

bool dpk_config_is_signed(const struct dpk_config *config)
{
	return config->signers != NULL;
}

/* An option without its partner would be taken for protection that is not there. */
static int check_signed(
	const struct dpk_config *config, const struct dpk_source *source, struct dpk_err *err)
{
	bool has_id = !dpk_guid_is_zero(&config->ring_id);

	if (config->signers && !has_id)
		return dpk_err_set(err, -EINVAL,
			"signers needs ring_id: name the ring that they sign, or the snapshot of "
			"another ring would do as well");
	if (!config->signers &&
		(has_id || config->threshold != 1 || config->min_epoch > 1 || config->min_version))
		return dpk_err_set(err, -EINVAL,
			"ring_id, threshold, min_epoch and min_version are about signed rings; name "
			"the certificates of those who sign with signers=");
	if (!config->signers && source->is_snapshot)
		return dpk_err_set(err, -EINVAL,
			"'%s' is a signed snapshot; name the certificates of those who sign it with "
			"signers=, and ring_id=",
			source->shown);
	if (config->threshold == 0)
		return dpk_err_set(err, -EINVAL, "threshold must be at least 1");
	return 0;
}

int dpk_config_check(const struct dpk_config *config, struct dpk_err *err)
{
	struct dpk_source source = { 0 };
	int r;

	if (!config->source)
		return dpk_err_set(err, -EINVAL, "no source: put `source = URL` into %s/%s.conf",
			DPK_CONFIG_DIR, config->name ? config->name : "NAME");
	r = dpk_source_parse(config->source, &source, err);
	if (r == 0)
		r = check_signed(config, &source, err);
	if (r == 0)
		r = dpk_source_check_secret(&source,
			config->credential || config->client_cert || config->client_key, err);
	dpk_source_fini(&source);
	if (r < 0)
		return r;
	if (!config->wrap_certs && config->unwrapped == DPK_UNWRAPPED_REJECT)
		return dpk_err_set(err, -EINVAL,
			"wrap_certs is not set, so no key could be verified; name the certificates that "
			"keys are wrapped to: wrap_certs=/etc/dpkeyfs/certs (or, for a development ring "
			"of plaintext keys, unwrapped=accept)");
	if (config->interval_ms < 100 || config->deadline_ms < 100)
		return dpk_err_set(err, -EINVAL, "interval and deadline must be at least 100ms");
	if (config->client_key && !config->client_cert)
		return dpk_err_set(err, -EINVAL,
			"client_key needs client_cert (one file may hold both; then client_cert alone)");
	if ((r = check_exists("wrap_certs", config->wrap_certs, err)) < 0 ||
		(r = check_exists("signers", config->signers, err)) < 0 ||
		(r = check_exists("credential", config->credential, err)) < 0 ||
		(r = check_exists("ca", config->ca, err)) < 0 ||
		(r = check_exists("client_cert", config->client_cert, err)) < 0 ||
		(r = check_exists("client_key", config->client_key, err)) < 0 ||
		(r = check_exists("on_change", config->on_change, err)) < 0)
		return r;
	return 0;
}
