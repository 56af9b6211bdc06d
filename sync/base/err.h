/* SPDX-License-Identifier: MIT */
#ifndef DPK_BASE_ERR_H
#define DPK_BASE_ERR_H

/*
 * The error convention of the whole project:
 *
 *  - a function that can fail returns int: 0, or -errno, forwarded unchanged;
 *    a positive value only where its header names it;
 *  - words for people go into an optional last parameter `struct dpk_err *`,
 *    a value on the caller's stack; whoever handles the error logs it, once;
 *  - answers about untrusted data are not errors: enum dpk_verdict
 *    (dpkeyfs/verdict.h).
 *
 * Texts are lower case, without a full stop, name the thing in quotes, and
 * never hold key material.
 */

#define DPK_ERR_TEXT_MAX 768

struct dpk_err {
	int code; /* the -errno that was returned, 0 while unset */
	char text[DPK_ERR_TEXT_MAX];
};

#define DPK_ERR_INIT                                                                               \
	{                                                                                          \
		.code = 0, .text = ""                                                              \
	}

/* Sets the text (truncated to fit) and returns CODE. ERR may be NULL. */
int dpk_err_set(struct dpk_err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Puts "PREFIX: " before the text that is there and returns CODE. An ERR
 * without a text gets strerror(-code) as its text. ERR may be NULL.
 */
int dpk_err_wrap(struct dpk_err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The text, or strerror(-code) where there is none. Borrowed; never NULL. */
const char *dpk_err_text(const struct dpk_err *err);

#endif
