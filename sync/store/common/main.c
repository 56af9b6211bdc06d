/* SPDX-License-Identifier: MIT */
/* The life of a store program: prepare, read the request, act, print, end. */
#include "store/common/store.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/io.h"
#include "store/common/config.h"
#include "store/common/frames.h"
#include "store/common/startup.h"

#include <dpkeyfs/limits.h>

#include <stdarg.h>
#include <string.h>

/* For a fetch that nobody gave a deadline: run by hand, it ends too. */
#define DEFAULT_LIMIT_MS 60000
/* The daemon's deadline comes first; this one is for a daemon that does not act on it. */
#define LIMIT_SLACK_MS 1000

enum dpk_store_exit dpk_store_answer(
	struct dpk_err *err, enum dpk_store_exit code, const char *format, ...)
{
	char text[DPK_ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dpk_err_set(err, -EIO, "%s", text);
	return code;
}

enum dpk_store_exit dpk_store_exit_of(int r)
{
	switch (-r) {
	case 0: return DPK_STORE_OK;
	case ENOENT: return DPK_STORE_NOT_FOUND;
	case EACCES:
	case EPERM: return DPK_STORE_FORBIDDEN;
	case EFBIG: return DPK_STORE_TOO_BIG;
	case ENOSYS:
	case EOPNOTSUPP: return DPK_STORE_UNSUPPORTED;
	default: return DPK_STORE_TRANSIENT;
	}
}

static enum dpk_store_exit do_fetch(const struct dpk_store_ops *ops,
	const struct dpk_store_request *request, struct dpk_err *err)
{
	_cleanup_(dpk_frames_fini) struct dpk_frames frames = DPK_FRAMES_INIT;
	enum dpk_store_exit code = ops->fetch(request, &frames, err);
	int r;

	if (code != DPK_STORE_OK)
		return code;
	r = dpk_write_all(STDOUT_FILENO, frames.bytes.data, frames.bytes.len);
	if (r < 0)
		return dpk_store_answer(
			err, DPK_STORE_TRANSIENT, "cannot write to the daemon: %s", strerror(-r));
	return DPK_STORE_OK;
}

static enum dpk_store_exit do_verb(const struct dpk_store_ops *ops, const char *verb,
	const struct dpk_store_request *request, struct dpk_err *err)
{
	uint64_t deadline_ms = request->config->deadline_ms;
	uint64_t limit_ms = deadline_ms ? deadline_ms + LIMIT_SLACK_MS : DEFAULT_LIMIT_MS;
	char shown[64];

	if (strcmp(verb, "wait") == 0 && ops->wait) {
		dpk_store_limit_ms(deadline_ms ? limit_ms : 0);
		return ops->wait(request, err);
	}
	dpk_store_limit_ms(limit_ms);
	if (strcmp(verb, "fetch") == 0)
		return do_fetch(ops, request, err);
	if (strcmp(verb, "probe") == 0 && ops->probe)
		return ops->probe(request, err);
	return dpk_store_answer(err, DPK_STORE_UNSUPPORTED, "%s cannot '%s'", ops->program,
		dpk_printable(verb, strlen(verb), shown, sizeof(shown)));
}

static enum dpk_store_exit run(
	const struct dpk_store_ops *ops, int argc, char **argv, struct dpk_err *err)
{
	_cleanup_(dpk_store_config_fini) struct dpk_store_config config = { 0 };
	int r = dpk_store_enter();

	if (r < 0)
		return dpk_store_answer(err, DPK_STORE_TRANSIENT, "%s cannot start: %s",
			ops->program, strerror(-r));
	if (argc != 3)
		return dpk_store_answer(err, DPK_STORE_UNSUPPORTED,
			"usage: %s fetch|wait|probe URL; see dpkeyfs-store(7)", ops->program);
	/* whoever holds the other end of descriptor 3 may forget to close it */
	dpk_store_limit_ms(DEFAULT_LIMIT_MS);
	r = dpk_store_config_read(DPK_STORE_CONFIG_FD, &config, err);
	close(DPK_STORE_CONFIG_FD);
	if (r < 0) {
		dpk_err_wrap(err, r, "%s", ops->program);
		return r == -EINVAL || r == -EFBIG ? DPK_STORE_UNSUPPORTED : DPK_STORE_TRANSIENT;
	}
	return do_verb(ops, argv[1],
		&(struct dpk_store_request){ .url = argv[2], .config = &config }, err);
}

/* One line, whatever a server or a file name put into the text. */
static void say(const char *text)
{
	char line[DPK_STORE_TEXT_MAX];
	size_t len;

	dpk_printable(text, strlen(text), line, sizeof(line) - 1);
	len = strlen(line);
	line[len++] = '\n';
	(void)dpk_write_all(STDERR_FILENO, line, len);
}

int dpk_store_main(const struct dpk_store_ops *ops, int argc, char **argv)
{
	struct dpk_err err = DPK_ERR_INIT;
	enum dpk_store_exit code = run(ops, argc, argv, &err);

	if (err.text[0] != '\0')
		say(err.text);
	return (int)code;
}
