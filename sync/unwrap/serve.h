/* SPDX-License-Identifier: MIT */
#ifndef DPK_UNWRAP_SERVE_H
#define DPK_UNWRAP_SERVE_H

/* The requests of dpkeyfs/unwrap-protocol.h. */

#include <stdbool.h>

struct dpk_unwrap;
struct dpk_server;

/* Takes all the memory that answering will need, locked. SET is borrowed. 0 or -ENOMEM. */
int dpk_server_new(struct dpk_unwrap *set, bool expose, struct dpk_server **ret_server);

/* Says hello and answers until the input ends. Returns the program's exit code. */
int dpk_server_run(struct dpk_server *server);

#endif
