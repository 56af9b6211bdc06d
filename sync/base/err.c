/* SPDX-License-Identifier: MIT */
/* Errors as values: no allocation, no global state. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int dpk_err_set(struct dpk_err *err, int code, const char *format, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	return code;
}

int dpk_err_wrap(struct dpk_err *err, int code, const char *format, ...)
{
	char old[DPK_ERR_TEXT_MAX];
	va_list ap;
	size_t len;

	if (!err)
		return code;
	if (!err->text[0])
		snprintf(err->text, sizeof(err->text), "%s", strerror(-code));
	memcpy(old, err->text, sizeof(old));
	err->code = code;
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
	return code;
}

const char *dpk_err_text(const struct dpk_err *err)
{
	return err->text[0] ? err->text : strerror(-err->code);
}
