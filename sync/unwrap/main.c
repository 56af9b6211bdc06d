/* SPDX-License-Identifier: MIT */
/*
 * The program that holds the private keys: reads them once, gives up all else,
 * and says of one element after another whether it opens. It ends by _exit, for
 * nothing that is registered to run at the end may run behind the filter.
 */
#include <dpkeyfs/limits.h>
#include <dpkeyfs/unwrap-protocol.h>

#include "base/err.h"
#include "base/io.h"
#include "base/locked.h"
#include "base/num.h"
#include "keys/unwrap.h"
#include "unwrap/sandbox.h"
#include "unwrap/serve.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAP_KEPT (4 * 1024 * 1024)

struct arguments {
	bool expose;
	bool uri;
	uint64_t files;
};

static int parse_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
	struct arguments a = { 0 };
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--expose") == 0)
			a.expose = true;
		else if (strcmp(argv[i], "--uri-fd") == 0)
			a.uri = true;
		else
			return -EINVAL;
	}
	if (i != argc - 1 ||
		dpk_parse_u64(argv[i], strlen(argv[i]), DPK_UNWRAP_KEYS_MAX, &a.files) < 0)
		return -EINVAL;
	*ret_arguments = a;
	return 0;
}

/* Reads FD to its end into BUFFER, and closes it. -EFBIG where it holds MAX bytes or more. */
static int read_once(int fd, char *buffer, size_t max, size_t *ret_size)
{
	size_t size = 0;
	ssize_t n = 1;
	int r = 0;

	while (n > 0 && size < max) {
		n = read(fd, buffer + size, max - size);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			r = -errno;
		else
			size += (size_t)n;
	}
	close(fd);
	*ret_size = size;
	return r < 0 || size < max ? r : -EFBIG;
}

static int load_file(struct dpk_unwrap *set, int fd, char *buffer, struct dpk_err *err)
{
	size_t size;
	int r = read_once(fd, buffer, DPK_PEM_FILE_MAX, &size);

	if (r < 0)
		return dpk_err_set(err, r, "cannot read a file of private keys: %s", strerror(-r));
	return dpk_unwrap_add_pem(set, buffer, size, err);
}

static int load_uri(struct dpk_unwrap *set, int fd, char *buffer, struct dpk_err *err)
{
	size_t size;
	int r = read_once(fd, buffer, DPK_KEY_URI_MAX, &size);

	if (r < 0)
		return dpk_err_set(err, r, "cannot read the URI of the keys: %s", strerror(-r));
	buffer[size] = '\0';
	return dpk_unwrap_add_uri(set, buffer, err);
}

static int load(struct dpk_unwrap *set, const struct arguments *a, struct dpk_err *err)
{
	char *buffer = dpk_locked_alloc(DPK_PEM_FILE_MAX);
	int fd = DPK_UNWRAP_FIRST_FD, end = fd + (int)a->files, r = 0;

	if (!buffer)
		return dpk_err_set(err, -ENOMEM,
			"no memory for private keys that may be locked; raise the limit on locked memory "
			"(LimitMEMLOCK=)");
	for (; r == 0 && fd < end; fd++) {
		r = load_file(set, fd, buffer, err);
		explicit_bzero(buffer, DPK_PEM_FILE_MAX);
	}
	if (r == 0 && a->uri)
		r = load_uri(set, fd, buffer, err);
	dpk_locked_free(buffer, DPK_PEM_FILE_MAX);
	if (r == 0 && dpk_unwrap_count(set) == 0)
		return dpk_err_set(err, -ENOENT,
			"there is no RSA private key; put the PEM of the wrapping certificates' keys "
			"there (mode 0600)");
	return r;
}

static int complain(const struct dpk_err *err, int code)
{
	dprintf(STDERR_FILENO, "%s\n", dpk_err_text(err));
	return code;
}

static int run(const struct arguments *a)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_server *server = NULL;
	struct dpk_unwrap *set = NULL;

	/* pages that are given back between requests would have to be locked anew for each */
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	mallopt(M_TOP_PAD, HEAP_KEPT / 4);
	if (dpk_sandbox_begin(&err) < 0)
		return complain(&err, DPK_UNWRAP_EXIT_SANDBOX);
	if (dpk_unwrap_new(&set) < 0 || dpk_server_new(set, a->expose, &server) < 0) {
		dpk_err_set(&err, -ENOMEM,
			"no memory that may be locked; raise the limit on locked memory "
			"(LimitMEMLOCK=)");
		return complain(&err, DPK_UNWRAP_EXIT_SYSTEM);
	}
	if (load(set, a, &err) < 0)
		return complain(&err, DPK_UNWRAP_EXIT_KEYS);
	if (dpk_sandbox_enter(a->uri, &err) < 0)
		return complain(&err, DPK_UNWRAP_EXIT_SANDBOX);
	return dpk_server_run(server);
}

int main(int argc, char **argv)
{
	struct arguments a;

	if (parse_arguments(argc, argv, &a) < 0) {
		dprintf(STDERR_FILENO, "usage: unwrap [--expose] [--uri-fd] COUNT\n");
		_exit(DPK_UNWRAP_EXIT_USAGE);
	}
	_exit(run(&a));
}
