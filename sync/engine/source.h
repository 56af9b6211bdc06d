/* SPDX-License-Identifier: MIT */
#ifndef DPK_ENGINE_SOURCE_H
#define DPK_ENGINE_SOURCE_H

#include <stdbool.h>

struct dpk_err;

/* Where a ring comes from: a store URL and the program that speaks to it. */
struct dpk_source {
	char *url;        /* as the store program gets it; a bare path became dir:PATH */
	char *program;    /* absolute path of the store program */
	char *shown;      /* for status and log: no query, no user */
	bool is_dir;      /* polled without back-off: asking costs nobody anything */
	bool is_snapshot; /* its path ends in .p7m: a signed snapshot, and nothing else counts */
	bool is_open;     /* plain http:// to another machine: no secret may go there */
};

/* Does TEXT look like a store URL or path, rather than the NAME of a configuration? */
bool dpk_source_is_url(const char *text);

/*
 * Reads a store URL. -EINVAL with the reason and the remedy: an unknown
 * scheme, a relative path, a secret in the URL, plain http:// to another
 * machine for what is not signed. Nothing is asked of the network and no file
 * is looked at but this program's own place. The caller's to dpk_source_fini.
 */
int dpk_source_parse(const char *text, struct dpk_source *ret_source, struct dpk_err *err);

/* -EINVAL with a text if HAS_SECRET, and SOURCE would show a secret to anyone on the way. */
int dpk_source_check_secret(const struct dpk_source *source, bool has_secret, struct dpk_err *err);

void dpk_source_fini(struct dpk_source *source);

#endif
