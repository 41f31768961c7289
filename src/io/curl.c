/*
 * curl.c - libcurl, loaded when it is first needed.
 *
 * It brings some thirty libraries with it: to load them takes most of the time of a short command,
 * and makes each fork of the process slower. So squall is not linked with it. What is defined here
 * has the names and types of <curl/curl.h> and passes on to the library, after curl_load().
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

#include "io/http-state.h"

#define CALLS(X)                    \
	X(curl_easy_cleanup)        \
	X(curl_easy_getinfo)        \
	X(curl_easy_init)           \
	X(curl_easy_reset)          \
	X(curl_easy_setopt)         \
	X(curl_easy_strerror)       \
	X(curl_global_cleanup)      \
	X(curl_global_init)         \
	X(curl_multi_add_handle)    \
	X(curl_multi_assign)        \
	X(curl_multi_cleanup)       \
	X(curl_multi_info_read)     \
	X(curl_multi_init)          \
	X(curl_multi_remove_handle) \
	X(curl_multi_setopt)        \
	X(curl_multi_socket_action) \
	X(curl_slist_append)        \
	X(curl_slist_free_all)      \
	X(curl_url)                 \
	X(curl_url_cleanup)         \
	X(curl_url_set)             \
	X(curl_version_info)

#define MEMBER(name) __typeof__(name) *name;
/* Written once, by curl_load(), and never unloaded: libraries that it loads may not survive that.
 */
static struct {
	CALLS(MEMBER)
	void *library;
} real;

static int symbol_find(const char *name, void *out, struct err *err)
{
	void *p = dlsym(real.library, name);

	if (!p)
		return err_set(err, -ELIBBAD, "libcurl has no %s", name);
	*(void **)out = p;
	return 0;
}

static int symbols_find(struct err *err)
{
	int code = 0;

#define FIND(name) code = code < 0 ? code : symbol_find(#name, (void *)&real.name, err);
	CALLS(FIND)
#undef FIND
	return code;
}

int curl_load(struct err *err)
{
	/* The second is what Debian calls it when it is built with GnuTLS. */
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

	if (real.library)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names) && !real.library; i++)
		real.library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!real.library)
		return err_hint(err,
		                err_set(err, -ELIBACC, "could not load libcurl: %s", dlerror()),
		                "Install it (on Debian: apt install libcurl4).");
	int code = symbols_find(err);
	if (code < 0) {
		(void)dlclose(real.library);
		real.library = NULL;
	}
	return code;
}

const char *http_library(void)
{
	return curl_load(NULL) < 0 ? NULL : curl_version_info(CURLVERSION_NOW)->version;
}

/* An option's number tells the type of its value (curl/curl.h, CURLOPTTYPE_). */
#define PASS_ON(call, handle, option, args)                                                          \
	((option) < CURLOPTTYPE_OBJECTPOINT     ? call(handle, option, va_arg(args, long))           \
	 : (option) < CURLOPTTYPE_FUNCTIONPOINT ? call(handle, option, va_arg(args, void *))         \
	 : (option) < CURLOPTTYPE_OFF_T         ? call(handle, option, va_arg(args, void (*)(void))) \
	 : (option) < CURLOPTTYPE_BLOB          ? call(handle, option, va_arg(args, curl_off_t))     \
	                                        : call(handle, option, va_arg(args, void *)))

CURLcode(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
	va_list args;

	va_start(args, option);
	CURLcode code = PASS_ON((real.curl_easy_setopt), easy, option, args);
	va_end(args);
	return code;
}

CURLMcode(curl_multi_setopt)(CURLM *multi, CURLMoption option, ...)
{
	va_list args;

	va_start(args, option);
	CURLMcode code = PASS_ON((real.curl_multi_setopt), multi, option, args);
	va_end(args);
	return code;
}

CURLcode(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...)
{
	va_list args;

	va_start(args, info);
	CURLcode code = (real.curl_easy_getinfo)(easy, info, va_arg(args, void *));
	va_end(args);
	return code;
}

CURL *curl_easy_init(void)
{
	return real.curl_easy_init();
}

void curl_easy_cleanup(CURL *easy)
{
	real.curl_easy_cleanup(easy);
}

void curl_easy_reset(CURL *easy)
{
	real.curl_easy_reset(easy);
}

const char *curl_easy_strerror(CURLcode code)
{
	return real.curl_easy_strerror(code);
}

CURLcode curl_global_init(long flags)
{
	return real.curl_global_init(flags);
}

void curl_global_cleanup(void)
{
	real.curl_global_cleanup();
}

CURLM *curl_multi_init(void)
{
	return real.curl_multi_init();
}

CURLMcode curl_multi_cleanup(CURLM *multi)
{
	return real.curl_multi_cleanup(multi);
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	return real.curl_multi_add_handle(multi, easy);
}

CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
	return real.curl_multi_remove_handle(multi, easy);
}

CURLMcode curl_multi_assign(CURLM *multi, curl_socket_t fd, void *mine)
{
	return real.curl_multi_assign(multi, fd, mine);
}

CURLMsg *curl_multi_info_read(CURLM *multi, int *left)
{
	return real.curl_multi_info_read(multi, left);
}

CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int bits, int *running)
{
	return real.curl_multi_socket_action(multi, fd, bits, running);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
	return real.curl_slist_append(list, text);
}

void curl_slist_free_all(struct curl_slist *list)
{
	if (list)
		real.curl_slist_free_all(list);
}

CURLU *curl_url(void)
{
	return real.curl_url();
}

void curl_url_cleanup(CURLU *url)
{
	if (url)
		real.curl_url_cleanup(url);
}

CURLUcode curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned flags)
{
	return real.curl_url_set(url, part, text, flags);
}

curl_version_info_data *curl_version_info(CURLversion version)
{
	return real.curl_version_info(version);
}
