/* A request as libcurl's options. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "io/http-state.h"

#define NS_PER_MS 1000000ull

static bool is_https(const char *url)
{
	return !strncasecmp(url, "https://", 8);
}

bool http_has_scheme(const char *url)
{
	return !strncasecmp(url, "http://", 7) || is_https(url);
}

/* libcurl's own are not close-on-exec. */
static curl_socket_t socket_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	return socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
}

static void set_method(const struct http *h, const struct http_request *r)
{
	CURL *e = h->handle.easy;
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
	}
	(void)curl_easy_setopt(h->handle.easy, CURLOPT_TIMEOUT_MS, (long)left);
	uint64_t connect = (r->connect_timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
	if (!connect)
		connect = left ? left : 300000;
	(void)curl_easy_setopt(h->handle.easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
}

static void set_way(const struct http *h, const struct http_request *r)
{
	CURL *e = h->handle.easy;
	if (!r->keep_alive) {
		(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
		(void)curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
		(void)curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	}
	if (!r->proxy)
		(void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	else if (strcmp(r->proxy, "environment") != 0)
		(void)curl_easy_setopt(e, CURLOPT_PROXY, r->proxy);
	if (r->unix_socket)
		(void)curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
	if (h->handle.resolve)
		(void)curl_easy_setopt(e, CURLOPT_RESOLVE, h->handle.resolve);
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

/* Saves the parsing at each look. Not with a zone in an address, which curl_url_dup(3) lost before
 * libcurl 8.0, nor with a proxy, which may be asked in terms of the text. */
static void set_url_parsed(struct http *h, const struct http_request *r)
{
	if (!h->handle.key_n || r->proxy || strchr(r->url, '['))
		return;
	h->handle.url = curl_url();
	if (h->handle.url && curl_url_set(h->handle.url, CURLUPART_URL, r->url, 0) == CURLUE_OK)
		(void)curl_easy_setopt(h->handle.easy, CURLOPT_CURLU, h->handle.url);
}

/* What stays as it is for requests of one kind. */
static int set_kind(struct http *h, const struct http_request *r, struct err *err)
{
	int rc = list_fill(&h->handle.headers, r->headers, r->headers_n, err);
	if (rc == 0)
		rc = list_fill(&h->handle.resolve, r->resolve, r->resolve_n, err);
	if (rc < 0)
		return rc;
	CURL *e = h->handle.easy;
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, socket_open);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "squall/" SQUALL_VERSION);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, http_header_came);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, http_body_came);
	(void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->handle.headers);
	set_method(h, r);
	set_way(h, r);
	CURLcode code = curl_easy_setopt(e, CURLOPT_URL, r->url);
	if (code != CURLE_OK)
		return err_set(err, -EINVAL, "cannot ask \"%.300s\": %s", r->url,
		               curl_easy_strerror(code));
	set_url_parsed(h, r);
	return 0;
}

int http_set(struct http *h, const struct http_request *r, struct err *err)
{
	int rc = h->handle.is_set ? 0 : set_kind(h, r, err);
	if (rc < 0)
		return rc;
	CURL *e = h->handle.easy;
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, h);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->detail);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	set_time(h, r);
	return 0;
}
