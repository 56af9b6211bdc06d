/* SPDX-License-Identifier: MIT */
/* Readiness and watchdog messages to systemd. */
#include "base/sdnotify.h"

#include "base/cleanup.h"
#include "base/num.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

bool dpk_sd_is_watched(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && (path[0] == '/' || path[0] == '@');
}

void dpk_sd_notify(const char *message)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	_cleanup_(closep) int fd = -1;
	size_t len;

	if (!path || !dpk_sd_is_watched())
		return;
	len = strlen(path);
	if (len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

uint64_t dpk_sd_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t value, wanted;

	if (!usec || dpk_parse_u64(usec, strlen(usec), UINT64_MAX, &value) < 0)
		return 0;
	if (pid && (dpk_parse_u64(pid, strlen(pid), INT32_MAX, &wanted) < 0 ||
			   wanted != (uint64_t)getpid()))
		return 0;
	return value / 2000;
}
