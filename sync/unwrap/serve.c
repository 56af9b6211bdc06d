/* SPDX-License-Identifier: MIT */
/* One request, one answer. Knows no files, no network, no reasons. */
#include "unwrap/serve.h"

#include <dpkeyfs/unwrap-protocol.h>

#include "base/io.h"
#include "base/locked.h"
#include "base/num.h"
#include "keys/unwrap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct dpk_server {
	struct dpk_unwrap *set;
	bool expose;
	size_t have; /* bytes of the request that have been read */
	char request[DPK_UNWRAP_LINE_MAX + DPK_ELEMENT_MAX_BYTES];
	char answer[DPK_ELEMENT_MAX_BYTES];
};

/* A request's first line. */
struct line {
	bool expose;
	size_t size;   /* of its own, newline included */
	size_t length; /* of the element */
};

int dpk_server_new(struct dpk_unwrap *set, bool expose, struct dpk_server **ret_server)
{
	struct dpk_server *server = dpk_locked_alloc(sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->set = set;
	server->expose = expose;
	*ret_server = server;
	return 0;
}

/* 0; -ENODATA at the end of the input. */
static int read_more(struct dpk_server *server)
{
	ssize_t n;

	if (server->have == sizeof(server->request))
		return -EMSGSIZE;
	do
		n = read(STDIN_FILENO, server->request + server->have,
			sizeof(server->request) - server->have);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	server->have += (size_t)n;
	return n == 0 ? -ENODATA : 0;
}

static int parse_line(const char *text, size_t size, struct line *ret_line)
{
	const char *space = memchr(text, ' ', size);
	size_t word = space ? (size_t)(space - text) : 0;
	uint64_t length;

	ret_line->size = size + 1;
	ret_line->expose = word == 6 && memcmp(text, "expose", 6) == 0;
	if (!ret_line->expose && (word != 4 || memcmp(text, "open", 4) != 0))
		return -EBADMSG;
	if (dpk_parse_u64(space + 1, size - word - 1, DPK_ELEMENT_MAX_BYTES, &length) < 0 ||
		length == 0)
		return -EBADMSG;
	ret_line->length = (size_t)length;
	return 0;
}

/* 0 with a whole request in the buffer; -ENODATA where the input ends before one begins. */
static int read_request(struct dpk_server *server, struct line *ret_line)
{
	const char *newline;
	int r = 0;

	while (!(newline = memchr(server->request, '\n', server->have))) {
		if (server->have >= DPK_UNWRAP_LINE_MAX)
			return -EBADMSG;
		r = read_more(server);
		if (r < 0)
			return server->have ? -EBADMSG : r;
	}
	r = parse_line(server->request, (size_t)(newline - server->request), ret_line);
	while (r == 0 && server->have < ret_line->size + ret_line->length)
		r = read_more(server) < 0 ? -EBADMSG : 0;
	/* nobody sends the next request before he has the answer */
	if (r == 0 && server->have != ret_line->size + ret_line->length)
		r = -EBADMSG;
	return r;
}

static int answer(struct dpk_server *server, const struct line *line)
{
	struct dpk_blob element = { .origin = (char[]){ "-" },
		.name = (char[]){ "-" },
		.data = (uint8_t *)server->request + line->size,
		.size = line->length };
	char text[DPK_UNWRAP_LINE_MAX];
	size_t size = 0;
	int r;

	if (line->expose)
		r = dpk_unwrap_expose(
			server->set, &element, server->answer, sizeof(server->answer), &size);
	else
		r = dpk_unwrap_open(server->set, &element);
	if (r < 0)
		return r;
	if (r == DPK_UNWRAP_OPENED)
		snprintf(text, sizeof(text), "opened %zu\n", size);
	else
		snprintf(text, sizeof(text), "refused\n");
	r = dpk_write_all(STDOUT_FILENO, text, strlen(text));
	if (r == 0 && size > 0)
		r = dpk_write_all(STDOUT_FILENO, server->answer, size);
	explicit_bzero(server->answer, size);
	explicit_bzero(server->request, server->have);
	server->have = 0;
	return r;
}

static int hello(const struct dpk_server *server)
{
	uint8_t policy[DPK_HASH_BYTES];
	char hex[2 * DPK_HASH_BYTES + 1], text[DPK_UNWRAP_LINE_MAX];

	if (dpk_unwrap_policy(server->set, policy) < 0)
		return -ENOMEM;
	dpk_hex(policy, sizeof(policy), hex);
	snprintf(text, sizeof(text), "unwrap %d %s %zu\n", DPK_UNWRAP_VERSION, hex,
		dpk_unwrap_count(server->set));
	return dpk_write_all(STDOUT_FILENO, text, strlen(text));
}

int dpk_server_run(struct dpk_server *server)
{
	struct line line;
	int r = hello(server);

	if (r < 0)
		return DPK_UNWRAP_EXIT_SYSTEM;
	while ((r = read_request(server, &line)) == 0) {
		if (line.expose && !server->expose)
			return DPK_UNWRAP_EXIT_REQUEST;
		if (answer(server, &line) < 0)
			return DPK_UNWRAP_EXIT_SYSTEM;
	}
	return r == -ENODATA ? DPK_UNWRAP_EXIT_OK : DPK_UNWRAP_EXIT_REQUEST;
}
