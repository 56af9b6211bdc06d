/* SPDX-License-Identifier: MIT */
/* Reads /proc/self/mountinfo; see proc(5) for the fields. */
#include "mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

/* The kernel writes blank, tab, newline and backslash as three octal digits. In place. */
static void decode(char *text)
{
	char *out = text;
	const char *in = text;

	while (*in) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
			in[3] >= '0' && in[3] <= '7') {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
}

/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG…] - TYPE SOURCE SUPEROPTIONS */
static bool parse_line(char *line, const char *path, struct dpkfs_mountinfo *ret_info)
{
	char *at = line, *field, *type, *source;
	unsigned int major, minor;

	for (int i = 0; i < 2; i++)
		strsep(&at, " ");
	field = strsep(&at, " ");
	if (!field || sscanf(field, "%u:%u", &major, &minor) != 2)
		return false;
	strsep(&at, " ");
	field = strsep(&at, " ");
	if (!field)
		return false;
	decode(field);
	if (strcmp(field, path) != 0)
		return false;
	do
		field = strsep(&at, " ");
	while (field && strcmp(field, "-") != 0);
	type = strsep(&at, " ");
	source = strsep(&at, " ");
	if (!type || !source)
		return false;
	decode(source);
	ret_info->found = true;
	ret_info->major = major;
	ret_info->minor = minor;
	snprintf(ret_info->type, sizeof(ret_info->type), "%s", type);
	snprintf(ret_info->source, sizeof(ret_info->source), "%s", source);
	return true;
}

int dpkfs_mountinfo_find(const char *path, struct dpkfs_mountinfo *ret_info, struct dpk_err *err)
{
	_cleanup_(fclosep) FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;

	memset(ret_info, 0, sizeof(*ret_info));
	if (!file)
		return dpk_err_set(
			err, -errno, "cannot read '/proc/self/mountinfo': %s", strerror(errno));
	/* of mounts stacked on one place the last line is the topmost */
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		parse_line(line, path, ret_info);
	}
	if (ferror(file))
		return dpk_err_set(err, -EIO, "cannot read '/proc/self/mountinfo'");
	return 0;
}
