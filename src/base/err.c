/* err.c - how a failure travels. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_text(int errnum)
{
	const char *s = strerrordesc_np(errnum < 0 ? -errnum : errnum);

	return s ? s : "unknown error";
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
		err->code = code;
		err->hint[0] = '\0';
	}
	return code;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	if (errnum < 0)
		errnum = -errnum;
	if (err) {
		va_list ap;
		size_t len;

		va_start(ap, fmt);
		vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
		len = strlen(err->what);
		snprintf(err->what + len, sizeof(err->what) - len, ": %s", err_text(errnum));
		err->code = -errnum;
		err->hint[0] = '\0';
	}
	return -errnum;
}

int err_wrap(struct err *err, int code, const char *fmt, ...)
{
	if (err) {
		char old[sizeof(err->what)];
		va_list ap;
		size_t len;

		memcpy(old, err->what, sizeof(old));
		va_start(ap, fmt);
		vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
		len = strlen(err->what);
		snprintf(err->what + len, sizeof(err->what) - len, ": %s", old);
		err->code = code;
	}
	return code;
}

int err_hint(struct err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
		va_end(ap);
	}
	return code;
}
