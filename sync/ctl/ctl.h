/* SPDX-License-Identifier: MIT */
#ifndef DPK_CTL_H
#define DPK_CTL_H

/* dpkeyctl: one const table of verbs, a file for each family of them. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct dpk_err;

/* dpkeyctl(8), EXIT STATUS */
enum dpk_ctl_exit {
	DPK_CTL_OK = 0,
	DPK_CTL_FINDINGS = 1,
	DPK_CTL_USAGE = 2,
	DPK_CTL_UNREACHABLE = 3,
	DPK_CTL_UNVERIFIED = 4,
	DPK_CTL_STALE = 5,
};

struct dpk_ctl {
	const char *ring;    /* -r, or NULL */
	const char *socket;  /* -S, or NULL */
	const char *options; /* -o, or NULL */
	bool json;
	bool quiet; /* no daemon is no fault: nothing is said of it */
	int argc;   /* what follows the verb */
	char **argv;
};

struct dpk_ctl_verb {
	const char *word;
	const char *arguments;
	const char *text;
	int (*function)(const struct dpk_ctl *ctl); /* returns an exit status */
};

int dpk_ctl_status(const struct dpk_ctl *ctl);
int dpk_ctl_keys(const struct dpk_ctl *ctl);
int dpk_ctl_timeline(const struct dpk_ctl *ctl);
int dpk_ctl_history(const struct dpk_ctl *ctl);
int dpk_ctl_events(const struct dpk_ctl *ctl);
int dpk_ctl_health(const struct dpk_ctl *ctl);
int dpk_ctl_sync(const struct dpk_ctl *ctl);
int dpk_ctl_wait(const struct dpk_ctl *ctl);
int dpk_ctl_accept_removal(const struct dpk_ctl *ctl);
int dpk_ctl_accept_floor(const struct dpk_ctl *ctl);
int dpk_ctl_accept_unsigned(const struct dpk_ctl *ctl);
int dpk_ctl_verify(const struct dpk_ctl *ctl);
int dpk_ctl_simulate(const struct dpk_ctl *ctl);
int dpk_ctl_sign(const struct dpk_ctl *ctl);
int dpk_ctl_diff(const struct dpk_ctl *ctl);
int dpk_ctl_inspect(const struct dpk_ctl *ctl);

/* Says so on stderr and returns DPK_CTL_USAGE. */
__attribute__((format(printf, 1, 2))) int dpk_ctl_usage(const char *format, ...);

/* No arguments allowed: true, or false after saying so. */
bool dpk_ctl_no_arguments(const struct dpk_ctl *ctl, const char *verb);

/*
 * Sends REQUEST to the daemon and returns its answer (a new reference). NULL
 * after saying why on stderr, with the exit status in *ret_status. Waits up
 * to TIMEOUT_MS, showing PROGRESS (or nothing) on a terminal meanwhile.
 */
json_t *dpk_ctl_ask(const struct dpk_ctl *ctl, const char *request, uint64_t timeout_ms,
	const char *progress, int *ret_status);

/* Prints ANSWER as indented JSON. */
void dpk_ctl_print_json(json_t *answer);

/* A string member, or "-". Borrowed. */
const char *dpk_ctl_text(const json_t *object, const char *name);

#endif
