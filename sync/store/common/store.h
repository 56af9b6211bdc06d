/* SPDX-License-Identifier: MIT */
#ifndef DPK_STORE_COMMON_STORE_H
#define DPK_STORE_COMMON_STORE_H

/*
 * What every store program is made of: one operation on one URL, asked for by
 * the daemon, then the end. A store says what it can do in a table and hands
 * it to dpk_store_main; see dpkeyfs-store(7) for the protocol.
 */

#include <dpkeyfs/store-protocol.h>

#include <stdint.h>

struct dpk_err;
struct dpk_frames;

/* What descriptor 3 said. Strings are owned, NULL where nothing was said. */
struct dpk_store_config {
	char *token;          /* of the last `end` frame; never "-" */
	char *credential;     /* path */
	char *ca;             /* path of a file or directory */
	char *client_cert;    /* path */
	char *client_key;     /* path */
	uint64_t deadline_ms; /* from now; 0: none was given */
};

struct dpk_store_request {
	const char *url;
	const struct dpk_store_config *config;
};

/*
 * One operation. Returns an exit code of the protocol; for every code but OK
 * and UNCHANGED it has set ERR's text, which goes to standard error. Frames
 * are printed only if fetch returns OK, and only as a whole.
 */
struct dpk_store_ops {
	const char *program;
	enum dpk_store_exit (*fetch)(const struct dpk_store_request *request,
		struct dpk_frames *frames, struct dpk_err *err);
	enum dpk_store_exit (*wait)(const struct dpk_store_request *request, struct dpk_err *err);
	/* Looks without taking; its text describes the store, also when it is OK. */
	enum dpk_store_exit (*probe)(const struct dpk_store_request *request, struct dpk_err *err);
};

/* The whole program: main() returns what this returns. A NULL operation is `unsupported`. */
int dpk_store_main(const struct dpk_store_ops *ops, int argc, char **argv);

/* Sets the text and returns CODE. */
enum dpk_store_exit dpk_store_answer(struct dpk_err *err, enum dpk_store_exit code,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The exit code of a -errno. Permissions are FORBIDDEN, what nobody foresaw is TRANSIENT. */
enum dpk_store_exit dpk_store_exit_of(int r);

#endif
