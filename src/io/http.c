/* One request: what comes of it, its end, its start. */
#include "io/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/http-state.h"

enum { HEADERS_MAX_BYTES = 65536, HEADERS_MAX = 256 };
#define NS_PER_US 1000ull

size_t http_body_came(char *data, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	if (h->drop) {
		h->body_n += n;
		h->cut = h->body_n >= h->body_max;
		return h->cut ? 0 : n;
	}
	size_t keep = n < h->body_max - h->body_n ? n : h->body_max - h->body_n;
	if (h->body_n + keep + 1 > h->body_cap) {
		size_t cap = h->body_cap ? h->body_cap : 2048;
		while (cap < h->body_n + keep + 1)
			cap *= 2;
		char *body = realloc(h->body, cap);
		if (!body)
			return 0;
		h->body = body;
		h->body_cap = cap;
	}
	memcpy(h->body + h->body_n, data, keep);
	h->body_n += keep;
	h->body[h->body_n] = '\0';
	h->cut = keep < n;
	return h->cut ? 0 : n; /* other than n: ends the transfer */
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A header as a text whatever bytes it has. */
static json_t *header_text(const char *text, size_t n)
{
	json_t *value = json_stringn(text, n);
	if (value)
		return value;
	char *plain = strndup(text, n);
	for (char *c = plain; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	value = plain ? json_string(plain) : NULL;
	free(plain);
	return value;
}

static void header_keep(struct http *h, const char *name, size_t name_n, const char *text, size_t n)
{
	char key[128];
	if (!name_n || name_n >= sizeof(key))
		return;
	for (size_t i = 0; i < name_n; i++) {
		char c = name[i];
		if ((unsigned char)c >= 0x80) /* no name at all (RFC 9110, 5.1) */
			return;
		key[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	key[name_n] = '\0';
	json_t *value = header_text(text, n);
	const json_t *before = json_object_get(h->seen, key);
	if (value && before) {
		json_t *both =
		        json_sprintf("%s, %s", json_string_value(before), json_string_value(value));
		json_decref(value);
		value = both;
	}
	if (value)
		(void)json_object_set_new_nocheck(h->seen, key, value);
}

size_t http_header_came(char *line, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	h->seen_bytes += n;
	if (h->seen_bytes > HEADERS_MAX_BYTES || ++h->seen_n > HEADERS_MAX) {
		h->too_many_headers = true;
		return 0;
	}
	if (n > 5 && !memcmp(line, "HTTP/", 5)) { /* of the answer after a redirect, or a 1xx */
		(void)json_object_clear(h->seen);
		return n;
	}
	const char *colon = memchr(line, ':', n), *end = line + n;
	if (!colon)
		return n;
	const char *text = colon + 1;
	while (text < end && is_blank(*text))
		text++;
	while (end > text && is_blank(end[-1]))
		end--;
	header_keep(h, line, (size_t)(colon - line), text, (size_t)(end - text));
	return n;
}

static void version_text(long version, char to[4])
{
	const char *text = version == CURL_HTTP_VERSION_1_0   ? "1.0"
	                   : version == CURL_HTTP_VERSION_1_1 ? "1.1"
	                   : version == CURL_HTTP_VERSION_2_0 ? "2"
	                                                      : "";
	(void)text_copy(to, 4, text);
}

static uint64_t info_ns(const struct http *h, CURLINFO what)
{
	curl_off_t us = 0;
	(void)curl_easy_getinfo(h->handle.easy, what, &us);
	return us > 0 ? (uint64_t)us * NS_PER_US : 0;
}

static void answer_fill(const struct http *h, struct http_answer *a)
{
	long status = 0, version = 0, port = 0, redirects = 0;
	char *ip = NULL;
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_HTTP_VERSION, &version);
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_PRIMARY_IP, &ip);
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_PRIMARY_PORT, &port);
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_REDIRECT_COUNT, &redirects);
	curl_off_t bytes = 0;
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
	*a = (struct http_answer){
	        .status = (unsigned)status,
	        .took_ns = clock_boot_ns() - h->since_ns,
	        .connect_ns = info_ns(h, CURLINFO_CONNECT_TIME_T),
	        .tls_ns = info_ns(h, CURLINFO_APPCONNECT_TIME_T),
	        .first_byte_ns = info_ns(h, CURLINFO_STARTTRANSFER_TIME_T),
	        .bytes = h->drop ? h->body_n : (uint64_t)bytes,
	        .redirects = (unsigned)redirects,
	        .headers = h->seen,
	        .body = h->body ? h->body : "",
	        .body_n = h->drop ? 0 : h->body_n,
	        .cut = h->cut,
	};
	version_text(version, a->version);
	struct buf address;
	buf_init(&address, a->address, sizeof(a->address));
	if (ip && ip[0] == '/')
		buf_add(&address, ip);
	else if (ip && ip[0] && port)
		buf_addf(&address, strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld", ip, port);
}

void http_free(struct http *h)
{
	pool_remove(h);
	json_decref(h->seen);
	free(h->body);
	free(h->url);
	free(h);
}

void http_end(struct http *h, CURLcode code)
{
	struct http_answer a;
	struct err err = ERR_INIT;
	bool ok = code == CURLE_OK || (code == CURLE_WRITE_ERROR && h->cut);
	if (h->too_many_headers)
		(void)err_set(&err, -EMSGSIZE, "the answer of \"%.300s\" has too many headers",
		              h->url);
	else if (ok)
		answer_fill(h, &a);
	else
		(void)http_failure(h, code, &err);
	h->went_well = code == CURLE_OK;
	h->done(h->ctx, err.code ? NULL : &a, err.code ? &err : NULL);
	http_free(h);
}

int http_url_check(const char *url, struct err *err)
{
	int rc = curl_load(err);
	if (rc < 0)
		return rc;
	CURLU *parsed = curl_url();
	if (!parsed)
		return err_sys(err, ENOMEM, "could not read an address");
	bool ok = http_has_scheme(url) && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK;
	curl_url_cleanup(parsed);
	return ok ? 0 : http_not_web(url, err);
}

int http_start(struct loop *loop, const struct http_request *r, http_done *done, void *ctx,
               struct http **out, struct err *err)
{
	if (!http_has_scheme(r->url))
		return http_not_web(r->url, err);
	struct pool *p = pool_find(loop, err);
	if (!p)
		return err ? err->code : -EIO;
	int rc = 0;
	struct http *h = calloc(1, sizeof(*h));
	if (!h)
		return err_sys(err, ENOMEM, "could not make a request");
	*h = (struct http){.pool = p, .done = done, .ctx = ctx, .body_max = r->body_max};
	h->drop = r->body_drop;
	h->since_ns = r->since_ns ? r->since_ns : clock_boot_ns();
	h->url = strdup(r->url);
	h->seen = json_object();
	if (!h->url || !h->seen)
		rc = err_sys(err, ENOMEM, "could not make a request");
	if (rc == 0)
		rc = handle_take(p, r, &h->handle, err);
	if (rc == 0)
		rc = http_set(h, r, err);
	if (rc == 0)
		rc = pool_add(h, err);
	if (rc < 0) {
		http_free(h);
		return rc;
	}
	*out = h;
	return 0;
}

void http_cancel(struct http *h)
{
	if (h)
		http_free(h);
}

void http_progress(const struct http *h, struct http_answer *a)
{
	answer_fill(h, a);
}
