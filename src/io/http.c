/* Requests on the loop: libcurl's multi interface, driven by descriptors and one timer. */
#include "io/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/loop.h"

enum { HEADERS_MAX_BYTES = 65536, HEADERS_MAX = 256, SPARE_MAX = 128, EVENTS_MAX = 64 };
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

struct pool {
	struct loop_local local;
	CURLM *multi;
	struct timer *timer;
	int epoll; /* of libcurl's sockets: one watch for all, a third of the calls of one for each
	            */
	struct watch *watch;
	struct http *flying;
	CURL *spare[SPARE_MAX]; /* easy handles are dear to make */
	size_t spare_n;
};

struct http {
	struct pool *pool;
	struct http *next, **link;
	CURL *easy;
	http_done *done;
	void *ctx;
	char *url;
	uint64_t since_ns;
	struct curl_slist *headers, *resolve;
	json_t *seen;
	size_t seen_bytes, seen_n;
	char *body;
	size_t body_n, body_cap, body_max;
	bool cut, too_many_headers;
	char detail[CURL_ERROR_SIZE];
};

static const char pool_key;

static void http_free(struct http *h)
{
	struct pool *p = h->pool;
	if (h->link) {
		*h->link = h->next;
		if (h->next)
			h->next->link = h->link;
		if (!p->flying)
			watch_background(p->watch, true);
	}
	/* Also where it is not in any more: then it only says so. */
	if (h->easy)
		(void)curl_multi_remove_handle(p->multi, h->easy);
	if (h->easy && p->spare_n < SPARE_MAX) {
		curl_easy_reset(h->easy);
		p->spare[p->spare_n++] = h->easy;
	} else if (h->easy) {
		curl_easy_cleanup(h->easy);
	}
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->resolve);
	json_decref(h->seen);
	free(h->body);
	free(h->url);
	free(h);
}

static unsigned long whole_ms(uint64_t ns)
{
	return (unsigned long)(ns / NS_PER_MS);
}

static int failure_time(const struct http *h, struct err *err)
{
	curl_off_t connected = 0;
	(void)curl_easy_getinfo(h->easy, CURLINFO_CONNECT_TIME_T, &connected);
	uint64_t took = clock_boot_ns() - h->since_ns;
	if (!connected) {
		(void)err_set(err, -ETIMEDOUT, "could not connect to \"%.300s\" within %lu ms",
		              h->url, whole_ms(took));
		return err_hint(err, -ETIMEDOUT,
		                "Check the address and what filters the way to it, or allow more "
		                "time with `timeout` and `connect-timeout`.");
	}
	(void)err_set(err, -ETIMEDOUT, "no answer from \"%.300s\" within %lu ms", h->url,
	              whole_ms(took));
	return err_hint(err, -ETIMEDOUT,
	                "It took the connection; see what keeps it busy, or allow more time with "
	                "`timeout`.");
}

static int failure_connect(const struct http *h, struct err *err)
{
	long os = 0;
	(void)curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os);
	if (!os)
		os = ECONNREFUSED;
	(void)err_sys(err, (int)os, "could not connect to \"%.300s\"", h->url);
	return err_hint(
	        err, err ? err->code : -(int)os,
	        "Check that a server listens there and that nothing filters the way to it.");
}

static bool is_https(const char *url)
{
	return !strncasecmp(url, "https://", 8);
}

/* libcurl would guess one. */
static bool has_scheme(const char *url)
{
	return !strncasecmp(url, "http://", 7) || is_https(url);
}

static int not_web(const char *url, struct err *err)
{
	(void)err_set(err, -EINVAL, "\"%.300s\" is not a web address", url);
	return err_hint(err, -EINVAL, "Write it as http://HOST:PORT/PATH or https://HOST/PATH.");
}

/* What libcurl says, in our words: what failed, on which URL, and what may be done. */
static int failure(const struct http *h, CURLcode code, struct err *err)
{
	const char *detail = h->detail[0] ? h->detail : curl_easy_strerror(code);
	long os = 0;
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return failure_time(h, err);
	case CURLE_COULDNT_CONNECT:
		return failure_connect(h, err);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		(void)err_set(err, -EHOSTUNREACH, "could not resolve the host of \"%.300s\"",
		              h->url);
		return err_hint(
		        err, -EHOSTUNREACH,
		        "Check the name and the resolver, or name an address with `resolve`.");
	case CURLE_GOT_NOTHING:
		(void)err_set(err, -ECONNRESET,
		              "\"%.300s\" closed the connection without an answer", h->url);
		return err_hint(err, -ECONNRESET, "See the log of the server.");
	case CURLE_PARTIAL_FILE:
		return err_set(err, -EPIPE, "the answer of \"%.300s\" ended early: %s", h->url,
		               detail);
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		(void)curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os);
		return err_set(err, -ECONNRESET, "the connection to \"%.300s\" broke: %s", h->url,
		               os ? err_text((int)os) : detail);
	case CURLE_PEER_FAILED_VERIFICATION:
		(void)err_set(err, -EACCES, "cannot trust \"%.240s\": %.140s", h->url, detail);
		return err_hint(err, -EACCES,
		                "Name the authority that signed it with `ca`, or use `insecure` if "
		                "any certificate will do.");
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(err, -EPROTO, "could not agree on TLS with \"%.240s\": %.140s",
		               h->url, detail);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		(void)err_set(err, -ENOENT, "cannot use the certificate for \"%.240s\": %.140s",
		              h->url, detail);
		return err_hint(err, -ENOENT, "Check the files named with `ca`, `cert` and `key`.");
	case CURLE_TOO_MANY_REDIRECTS:
		return err_set(err, -ELOOP, "\"%.300s\" redirects too often", h->url);
	case CURLE_URL_MALFORMAT:
		return not_web(h->url, err);
	case CURLE_UNSUPPORTED_PROTOCOL: /* of a redirect: the URL's own was checked before */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		(void)err_set(err, -EPROTO, "\"%.240s\" did not answer as it should: %.140s",
		              h->url, detail);
		return err_hint(err, -EPROTO, "Check that it is an HTTP server, of that version.");
	default:
		return err_set(err, -EIO, "could not ask \"%.240s\": %.140s", h->url, detail);
	}
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
	(void)curl_easy_getinfo(h->easy, what, &us);
	return us > 0 ? (uint64_t)us * NS_PER_US : 0;
}

static void answer_fill(const struct http *h, struct http_answer *a)
{
	long status = 0, version = 0, port = 0, redirects = 0;
	char *ip = NULL;
	(void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(h->easy, CURLINFO_HTTP_VERSION, &version);
	(void)curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_IP, &ip);
	(void)curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_PORT, &port);
	(void)curl_easy_getinfo(h->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	curl_off_t bytes = 0;
	(void)curl_easy_getinfo(h->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
	*a = (struct http_answer){
	        .status = (unsigned)status,
	        .took_ns = clock_boot_ns() - h->since_ns,
	        .connect_ns = info_ns(h, CURLINFO_CONNECT_TIME_T),
	        .tls_ns = info_ns(h, CURLINFO_APPCONNECT_TIME_T),
	        .first_byte_ns = info_ns(h, CURLINFO_STARTTRANSFER_TIME_T),
	        .bytes = (uint64_t)bytes,
	        .redirects = (unsigned)redirects,
	        .headers = h->seen,
	        .body = h->body ? h->body : "",
	        .body_n = h->body_n,
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

static void http_end(struct http *h, CURLcode code)
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
		(void)failure(h, code, &err);
	h->done(h->ctx, err.code ? NULL : &a, err.code ? &err : NULL);
	http_free(h);
}

static void pool_collect(struct pool *p)
{
	int left = 0;
	CURLMsg *m;
	while ((m = curl_multi_info_read(p->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		struct http *h = NULL;
		CURLcode code = m->data.result;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&h);
		/* Its connection is free for what done() may start. */
		(void)curl_multi_remove_handle(p->multi, m->easy_handle);
		http_end(h, code);
	}
}

static void pool_ready(void *ctx, unsigned events)
{
	struct pool *p = ctx;
	struct epoll_event seen[EVENTS_MAX];
	int running = 0, n = epoll_wait(p->epoll, seen, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		uint32_t e = seen[i].events;
		int bits = (e & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0) |
		           (e & (EPOLLOUT | EPOLLERR) ? CURL_CSELECT_OUT : 0);
		/* A socket that was closed by the one before is unknown to it by now: harmless. */
		(void)curl_multi_socket_action(p->multi, seen[i].data.fd, bits, &running);
	}
	pool_collect(p);
}

/* libcurl: watch this socket for that (CURLMOPT_SOCKETFUNCTION(3)). mine: set once it is watched.
 */
static int socket_told(CURL *easy, curl_socket_t fd, int what, void *ctx, void *mine)
{
	struct pool *p = ctx;
	struct epoll_event e = {.data.fd = fd};
	if (what == CURL_POLL_REMOVE)
		return epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, &e) < 0 && errno != EBADF &&
		                       errno != ENOENT
		               ? -1
		               : 0;
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(p->epoll, mine ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
		return -1;
	if (!mine)
		(void)curl_multi_assign(p->multi, fd, p);
	return 0;
}

static void pool_fired(void *ctx)
{
	struct pool *p = ctx;
	int running = 0;
	(void)curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	pool_collect(p);
}

/* libcurl: call me back then (CURLMOPT_TIMERFUNCTION(3)). */
static int timer_told(CURLM *multi, long timeout_ms, void *ctx)
{
	struct pool *p = ctx;
	if (timeout_ms < 0)
		timer_stop(p->timer);
	else
		timer_set(p->timer, clock_boot_ns() + (uint64_t)timeout_ms * NS_PER_MS);
	return 0;
}

static void pool_release(struct loop_local *local)
{
	struct pool *p = (struct pool *)local; /* its first member */
	while (p->flying)
		http_free(p->flying);
	while (p->spare_n)
		curl_easy_cleanup(p->spare[--p->spare_n]);
	/* Closes kept connections, so it still tells of sockets. */
	(void)curl_multi_cleanup(p->multi);
	watch_free(p->watch);
	fd_close(&p->epoll);
	timer_free(p->timer);
	curl_global_cleanup();
	free(p);
}

static int pool_fill(struct pool *p, struct loop *loop, struct err *err)
{
	p->timer = timer_new(loop, pool_fired, p);
	p->multi = curl_multi_init();
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!p->timer || !p->multi || p->epoll < 0)
		return err_sys(err, p->epoll < 0 ? errno : ENOMEM, "could not start libcurl");
	p->watch = watch_new(loop, p->epoll, WATCH_READ, pool_ready, p, err);
	if (!p->watch)
		return -ENOMEM;
	watch_background(p->watch, true);
	(void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, socket_told);
	(void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	(void)curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, timer_told);
	(void)curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	return 0;
}

static struct pool *pool_find(struct loop *loop, struct err *err)
{
	struct pool *p = (struct pool *)loop_local_find(loop, &pool_key);
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) { /* counts its users */
		(void)err_sys(err, ENOMEM, "could not start libcurl");
		free(p);
		return NULL;
	}
	p->local = (struct loop_local){.key = &pool_key, .release = pool_release};
	if (pool_fill(p, loop, err) < 0) {
		pool_release(&p->local);
		return NULL;
	}
	loop_local_add(loop, &p->local);
	return p;
}

static size_t body_came(char *data, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
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
	for (size_t i = 0; i < name_n; i++)
		key[i] = (char)tolower((unsigned char)name[i]);
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
		(void)json_object_set_new(h->seen, key,
		                          value); /* refuses keys that are not UTF-8 */
}

static size_t header_came(char *line, size_t size, size_t n, void *ctx)
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

static void set_method(const struct http *h, const struct http_request *r)
{
	CURL *e = h->easy;
	if (!r->body)
		(void)curl_easy_setopt(e, CURLOPT_TCP_NODELAY,
		                       0L); /* one packet: nothing to delay */
	if (r->body) {
		(void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_n);
		(void)curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, r->body);
	}
	if (!r->method)
		return;
	if (!strcmp(r->method, "HEAD"))
		(void)curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (strcmp(r->method, r->body ? "POST" : "GET") != 0)
		(void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_time(const struct http *h, const struct http_request *r)
{
	uint64_t now = clock_boot_ns(), left = 0;
	if (r->timeout_ns) {
		uint64_t until = h->since_ns + r->timeout_ns;
		left = until > now ? (until - now + NS_PER_MS - 1) / NS_PER_MS : 1;
		(void)curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)left);
	}
	uint64_t connect = (r->connect_timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
	if (!connect)
		connect = left ? left : 300000;
	(void)curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
}

static void set_way(const struct http *h, const struct http_request *r)
{
	CURL *e = h->easy;
	if (!r->keep_alive) {
		(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
		(void)curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
		(void)curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	}
	if (!r->proxy)
		(void)curl_easy_setopt(e, CURLOPT_PROXY, "");
	else if (strcmp(r->proxy, "environment") != 0)
		(void)curl_easy_setopt(e, CURLOPT_PROXY, r->proxy);
	if (r->unix_socket)
		(void)curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
	if (h->resolve)
		(void)curl_easy_setopt(e, CURLOPT_RESOLVE, h->resolve);
	if (r->redirects) {
		(void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
		(void)curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)r->redirects);
	}
	long version = r->version == HTTP_1_0   ? CURL_HTTP_VERSION_1_0
	               : r->version == HTTP_1_1 ? CURL_HTTP_VERSION_1_1
	               : r->version == HTTP_ANY ? CURL_HTTP_VERSION_2TLS
	               : is_https(r->url)       ? CURL_HTTP_VERSION_2_0
	                                        : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	(void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version);
	if (!is_https(r->url) && !r->redirects)
		return;
	if (r->insecure) {
		(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (r->ca)
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, r->ca);
	if (r->cert)
		(void)curl_easy_setopt(e, CURLOPT_SSLCERT, r->cert);
	if (r->key)
		(void)curl_easy_setopt(e, CURLOPT_SSLKEY, r->key);
}

static int list_fill(struct curl_slist **list, const char *const *v, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (strpbrk(v[i], "\r\n"))
			return err_set(err, -EINVAL, "\"%.100s\" has a line break in it", v[i]);
		struct curl_slist *more = curl_slist_append(*list, v[i]);
		if (!more)
			return err_sys(err, ENOMEM, "could not make a request");
		*list = more;
	}
	return 0;
}

static int http_set(struct http *h, const struct http_request *r, struct err *err)
{
	int rc = list_fill(&h->headers, r->headers, r->headers_n, err);
	if (rc == 0)
		rc = list_fill(&h->resolve, r->resolve, r->resolve_n, err);
	if (rc < 0)
		return rc;
	CURL *e = h->easy;
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, h);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->detail);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "squall/" SQUALL_VERSION);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, header_came);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, body_came);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	(void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
	set_method(h, r);
	set_time(h, r);
	set_way(h, r);
	CURLcode code = curl_easy_setopt(e, CURLOPT_URL, r->url);
	if (code != CURLE_OK)
		return err_set(err, -EINVAL, "cannot ask \"%.300s\": %s", r->url,
		               curl_easy_strerror(code));
	return 0;
}

int http_url_check(const char *url, struct err *err)
{
	CURLU *parsed = curl_url();
	if (!parsed)
		return err_sys(err, ENOMEM, "could not read an address");
	bool ok = has_scheme(url) && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK;
	curl_url_cleanup(parsed);
	return ok ? 0 : not_web(url, err);
}

int http_start(struct loop *loop, const struct http_request *r, http_done *done, void *ctx,
               struct http **out, struct err *err)
{
	if (!has_scheme(r->url))
		return not_web(r->url, err);
	struct pool *p = pool_find(loop, err);
	if (!p)
		return err ? err->code : -EIO;
	int rc = 0;
	struct http *h = calloc(1, sizeof(*h));
	if (!h)
		return err_sys(err, ENOMEM, "could not make a request");
	*h = (struct http){.pool = p, .done = done, .ctx = ctx, .body_max = r->body_max};
	h->since_ns = r->since_ns ? r->since_ns : clock_boot_ns();
	h->easy = p->spare_n ? p->spare[--p->spare_n] : curl_easy_init();
	h->url = strdup(r->url);
	h->seen = json_object();
	if (!h->easy || !h->url || !h->seen)
		rc = err_sys(err, ENOMEM, "could not make a request");
	if (rc == 0)
		rc = http_set(h, r, err);
	if (rc == 0 && curl_multi_add_handle(p->multi, h->easy) != CURLM_OK)
		rc = err_set(err, -EIO, "could not start a request to \"%.300s\"", r->url);
	if (rc < 0) {
		http_free(h);
		return rc;
	}
	watch_background(p->watch, false);
	h->next = p->flying;
	h->link = &p->flying;
	if (h->next)
		h->next->link = &h->next;
	p->flying = h;
	*out = h;
	return 0;
}

void http_cancel(struct http *h)
{
	if (h)
		http_free(h);
}
