/* SPDX-License-Identifier: MIT */
/* Logging to stderr in journald's form. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* The one mutable global of the base room. */
static struct {
	atomic_int level;
	bool prefix;
	atomic_bool syslog;
	char tag[96];
} sink = { .level = DPK_LOG_INFO, .prefix = false, .tag = "dpkeyfs" };

void dpk_log_init(const char *program, const char *ring, enum dpk_log_level level)
{
	atomic_store(&sink.level, level);
	sink.prefix = !isatty(STDERR_FILENO);
	snprintf(sink.tag, sizeof(sink.tag), ring ? "%.40s[%.48s]" : "%.40s", program, ring);
}

void dpk_log_to_syslog(enum dpk_log_level level)
{
	openlog(NULL, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	atomic_store(&sink.level, level);
	atomic_store(&sink.syslog, true);
}

static void write_line(enum dpk_log_level level, char *line, size_t n)
{
	if (sink.syslog) {
		line[n] = '\0';
		syslog((int)level, "%s", line);
		return;
	}
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* there is nowhere left to say it */
}

void dpk_log(enum dpk_log_level level, const char *format, ...)
{
	char line[1400];
	size_t n = 0;
	va_list ap;
	int len;

	if ((int)level > atomic_load(&sink.level))
		return;
	if (sink.prefix && !sink.syslog)
		n += (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s: ", sink.tag);
	va_start(ap, format);
	len = vsnprintf(line + n, sizeof(line) - n - 1, format, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len > sizeof(line) - n - 2)
		len = (int)(sizeof(line) - n - 2);
	for (size_t i = n; i < n + (size_t)len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	write_line(level, line, n + (size_t)len);
}
