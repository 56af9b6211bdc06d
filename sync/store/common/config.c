/* SPDX-License-Identifier: MIT */
/* The few options that the daemon passes to a store, on a pipe of their own. */
#include "store/common/config.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/num.h"

#include <dpkeyfs/limits.h>

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#define CONFIG_MAX_BYTES (8 * DPK_CONFIG_LINE_MAX)

static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "token", offsetof(struct dpk_store_config, token) },
	{ "credential", offsetof(struct dpk_store_config, credential) },
	{ "ca", offsetof(struct dpk_store_config, ca) },
	{ "client_cert", offsetof(struct dpk_store_config, client_cert) },
	{ "client_key", offsetof(struct dpk_store_config, client_key) },
};

static char **text_of(struct dpk_store_config *config, size_t i)
{
	return (char **)(void *)((char *)config + texts[i].offset);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The text without blanks at its ends; cuts it in place. */
static char *trim(char *text)
{
	size_t len;

	while (is_blank(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_blank(text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int set_value(
	struct dpk_store_config *config, const char *key, const char *value, struct dpk_err *err)
{
	if (strcmp(key, "deadline_ms") == 0) {
		if (dpk_parse_u64(value, strlen(value), UINT32_MAX, &config->deadline_ms) < 0)
			return dpk_err_set(err, -EINVAL, "descriptor 3: bad 'deadline_ms'");
		return 0;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char **where = text_of(config, i);

		if (strcmp(key, texts[i].key) != 0)
			continue;
		if (*where)
			return dpk_err_set(err, -EINVAL, "descriptor 3: '%s' twice", texts[i].key);
		*where = strdup(value);
		return *where ? 0 : -ENOMEM;
	}
	return 0;
}

static int parse_line(struct dpk_store_config *config, char *line, struct dpk_err *err)
{
	char *equals, *key, *value;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return 0;
	if (strlen(line) > DPK_CONFIG_LINE_MAX)
		return dpk_err_set(err, -EFBIG, "descriptor 3: line of more than %d bytes",
			DPK_CONFIG_LINE_MAX);
	equals = strchr(line, '=');
	if (!equals)
		return dpk_err_set(err, -EINVAL, "descriptor 3: a line is not 'key = value'");
	*equals = '\0';
	key = trim(line);
	value = trim(equals + 1);
	return *value ? set_value(config, key, value, err) : 0;
}

static int check_token(struct dpk_store_config *config, struct dpk_err *err)
{
	const char *token = config->token;
	size_t len = token ? strlen(token) : 0;

	if (len > DPK_TOKEN_MAX)
		return dpk_err_set(
			err, -EFBIG, "descriptor 3: token of more than %d bytes", DPK_TOKEN_MAX);
	for (size_t i = 0; i < len; i++)
		if (token[i] <= 0x20 || token[i] >= 0x7f)
			return dpk_err_set(err, -EINVAL, "descriptor 3: bad character in 'token'");
	if (len == 1 && token[0] == '-') {
		free(config->token);
		config->token = NULL;
	}
	return 0;
}

static int parse(struct dpk_store_config *config, struct dpk_buf *buf, struct dpk_err *err)
{
	char *rest = buf->data;

	if (!rest)
		return 0;
	if (strlen(rest) != buf->len)
		return dpk_err_set(err, -EINVAL, "descriptor 3: NUL byte");
	while (rest) {
		char *line = strsep(&rest, "\n");
		int r = parse_line(config, line, err);

		if (r < 0)
			return r;
	}
	return check_token(config, err);
}

static bool is_readable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && !(flags & O_PATH);
}

int dpk_store_config_read(int fd, struct dpk_store_config *config, struct dpk_err *err)
{
	_cleanup_(dpk_buf_fini) struct dpk_buf buf = DPK_BUF_INIT(CONFIG_MAX_BYTES);
	int r;

	*config = (struct dpk_store_config){ 0 };
	if (!is_readable(fd))
		return 0;
	r = dpk_read_all(fd, &buf);
	if (r < 0)
		return dpk_err_wrap(err, r, "cannot read descriptor %d", fd);
	r = parse(config, &buf, err);
	if (r < 0)
		dpk_store_config_fini(config);
	return r;
}

void dpk_store_config_fini(struct dpk_store_config *config)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char **text = text_of(config, i);

		if (*text)
			explicit_bzero(*text, strlen(*text));
		free(*text);
	}
	*config = (struct dpk_store_config){ 0 };
}
