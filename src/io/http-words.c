/* What libcurl says of a request that failed, in our words. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "io/http-state.h"

#define NS_PER_MS 1000000ull

static unsigned long whole_ms(uint64_t ns)
{
	return (unsigned long)(ns / NS_PER_MS);
}

static int failure_time(const struct http *h, struct err *err)
{
	curl_off_t connected = 0;
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_CONNECT_TIME_T, &connected);
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
	(void)curl_easy_getinfo(h->handle.easy, CURLINFO_OS_ERRNO, &os);
	if (!os)
		os = ECONNREFUSED;
	(void)err_sys(err, (int)os, "could not connect to \"%.300s\"", h->url);
	return err_hint(
	        err, err ? err->code : -(int)os,
	        "Check that a server listens there and that nothing filters the way to it.");
}

int http_not_web(const char *url, struct err *err)
{
	(void)err_set(err, -EINVAL, "\"%.300s\" is not a web address", url);
	return err_hint(err, -EINVAL, "Write it as http://HOST:PORT/PATH or https://HOST/PATH.");
}

int http_failure(const struct http *h, CURLcode code, struct err *err)
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
		(void)curl_easy_getinfo(h->handle.easy, CURLINFO_OS_ERRNO, &os);
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
		return http_not_web(h->url, err);
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
