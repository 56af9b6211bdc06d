/* SPDX-License-Identifier: MIT */
/* Asking the daemon: one line there, one JSON object back. */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/ticks.h"
#include "engine/config.h"

#include <dpkeyfs/limits.h>

#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void dpk_ctl_print_json(json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

const char *dpk_ctl_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

/* What went wrong, unless the verb can do without a daemon. */
__attribute__((format(printf, 2, 3))) static void complain(
	const struct dpk_ctl *ctl, const char *format, ...)
{
	va_list ap;

	if (ctl->quiet)
		return;
	fputs("dpkeyctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int is_socket_name(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".sock") == 0;
}

/* The only ring of this machine, if there is just one. */
static int find_only_socket(const struct dpk_ctl *ctl, char *path, size_t size)
{
	struct dirent **entries = NULL;
	int n = scandir(DPK_RUN_DIR, &entries, is_socket_name, alphasort), r = 0;

	if (n == 1)
		snprintf(path, size, "%s/%s", DPK_RUN_DIR, entries[0]->d_name);
	else if (n > 1)
		complain(ctl, "%d rings are mounted here; name one with -r (such as -r %.*s)", n,
			(int)strlen(entries[0]->d_name) - 5, entries[0]->d_name);
	else
		complain(ctl,
			"no ring is mounted here (nothing in %s); mount one, or name its socket "
			"with -S",
			DPK_RUN_DIR);
	r = n > 1 ? DPK_CTL_USAGE : n == 1 ? 0 : DPK_CTL_UNREACHABLE;
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return r;
}

static void config_finip(struct dpk_config *config)
{
	dpk_config_fini(config);
}

/* -S, else what the ring's configuration says, else the default place. */
static int find_socket(const struct dpk_ctl *ctl, char *path, size_t size)
{
	_cleanup_(config_finip) struct dpk_config config = { 0 };

	if (ctl->socket) {
		snprintf(path, size, "%s", ctl->socket);
		return 0;
	}
	if (!ctl->ring)
		return find_only_socket(ctl, path, size);
	if (!dpk_config_name_is_valid(ctl->ring))
		return dpk_ctl_usage("'%s' cannot be a ring's name", ctl->ring);
	if (dpk_config_load(ctl->ring, NULL, NULL, true, &config, NULL) == 0 && config.socket)
		snprintf(path, size, "%s", config.socket);
	else
		snprintf(path, size, "%s/%s.sock", DPK_RUN_DIR, ctl->ring);
	return 0;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		closep(&fd), fd = -1;
	return fd;
}

static void show_progress(const char *progress, uint64_t since, bool *shown)
{
	char buf[32];

	if (!progress || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s %s ", progress,
		dpk_duration_to_string(dpk_monotonic_ms() - since, buf));
	*shown = true;
}

static int receive(int fd, struct dpk_buf *answer, uint64_t timeout_ms, const char *progress)
{
	uint64_t since = dpk_monotonic_ms();
	bool shown = false;
	ssize_t n = 1;

	while (n > 0) {
		struct pollfd pfd = { fd, POLLIN, 0 };
		char chunk[16384];

		if (poll(&pfd, 1, 1000) == 0) {
			if (dpk_monotonic_ms() - since > timeout_ms) {
				errno = ETIMEDOUT;
				return -1;
			}
			show_progress(progress, since, &shown);
			continue;
		}
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n > 0 && dpk_buf_add(answer, chunk, (size_t)n) < 0)
			return -1;
	}
	if (shown)
		fputs("\r\033[K", stderr);
	return n < 0 ? -1 : 0;
}

static json_t *judge_answer(const struct dpk_ctl *ctl, json_t *answer, int *ret_status)
{
	json_t *error = json_object_get(answer, "error");
	const char *code = dpk_ctl_text(error, "code");

	if (!error)
		return answer;
	complain(ctl, "%s: %s", code, dpk_ctl_text(error, "text"));
	*ret_status = strcmp(code, "usage") == 0   ? DPK_CTL_USAGE :
		      strcmp(code, "timeout") == 0 ? DPK_CTL_FINDINGS :
						     DPK_CTL_UNREACHABLE;
	json_decref(answer);
	return NULL;
}

static void buf_finip(struct dpk_buf *buf)
{
	dpk_buf_fini(buf);
}

json_t *dpk_ctl_ask(const struct dpk_ctl *ctl, const char *request, uint64_t timeout_ms,
	const char *progress, int *ret_status)
{
	_cleanup_(buf_finip) struct dpk_buf text = DPK_BUF_INIT(DPK_CONTROL_ANSWER_MAX);
	_cleanup_(closep) int fd = -1;
	char path[4096], line[256];
	json_t *answer;
	int r = find_socket(ctl, path, sizeof(path));

	*ret_status = r ? r : DPK_CTL_UNREACHABLE;
	if (r)
		return NULL;
	fd = open_socket(path);
	if (fd < 0) {
		complain(ctl, "no daemon answers at '%s': %s; is the ring mounted?", path,
			strerror(errno));
		return NULL;
	}
	snprintf(line, sizeof(line), "dpkeyfs/1 %s\n", request);
	/* a refusal may be there before the request: its text is worth more than EPIPE */
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 && errno != EPIPE) {
		complain(ctl, "cannot ask '%s': %s", path, strerror(errno));
		return NULL;
	}
	if (receive(fd, &text, timeout_ms, progress) < 0) {
		complain(ctl, "no answer from '%s': %s", path, strerror(errno));
		return NULL;
	}
	answer = json_loadb(text.data ? text.data : "", text.len, 0, NULL);
	if (!answer) {
		complain(ctl, "the answer from '%s' is not whole", path);
		return NULL;
	}
	return judge_answer(ctl, answer, ret_status);
}
