/*
 * http.h - one request and its answer, on the loop. Thin over libcurl's multi interface; libcurl is
 * loaded by the first call.
 *
 * Owns: one multi handle a loop, made at first use and released with the loop; every request until
 * done() or http_cancel(). Invariants: done() is called exactly once, never from within http_start,
 * and not after http_cancel. A request has its own connection (so that a server that takes no new
 * ones is seen) and asks the resolver anew, unless it is told to keep alive. No proxy, no cookie,
 * no netrc, no signal; http and https only; certificates are checked unless told otherwise. Bodies
 * and headers are bounded. Not to be assumed: that a body is text, or whole (see cut).
 */
#ifndef SQUALL_IO_HTTP_H
#define SQUALL_IO_HTTP_H

#include <jansson.h>

#include "base/base.h"
#include "base/err.h"

struct loop;
struct http;

enum http_version { HTTP_ANY, HTTP_1_0, HTTP_1_1, HTTP_2 };

/* Texts are borrowed for the call of http_start. */
struct http_request {
	const char *method; /* NULL: GET, or POST with a body */
	const char *url;
	const char *const *headers; /* "Name: value"; "Name:" takes away a default one */
	size_t headers_n;
	const char *body; /* NULL: none */
	size_t body_n;
	uint64_t since_ns;           /* CLOCK_BOOTTIME from which time is counted; 0: now */
	uint64_t timeout_ns;         /* from since_ns; 0: none */
	uint64_t connect_timeout_ns; /* from the start; 0: as timeout_ns */
	size_t redirects;            /* followed at most; 0: shown as they are */
	bool insecure;               /* whatever the certificate says */
	const char *ca, *cert, *key; /* PEM files; NULL: the system's, none */
	enum http_version version;
	const char *const *resolve; /* "HOST:PORT:ADDRESS" */
	size_t resolve_n;
	const char *unix_socket; /* path; NULL: by address */
	const char *proxy;       /* URL; "environment": from http_proxy and its like; NULL: none */
	bool keep_alive;
	size_t body_max; /* bytes kept; more ends the transfer */
	bool body_drop;  /* count them, and keep none; as many as body_max end it */
};

struct http_answer {
	unsigned status;
	char version[4];  /* "1.0", "1.1", "2" */
	uint64_t took_ns; /* from since_ns */
	/* From the start of the request; 0: did not happen. */
	uint64_t connect_ns, tls_ns, first_byte_ns;
	uint64_t bytes;   /* of body received */
	char address[64]; /* that answered: "127.0.0.1:80", "[::1]:80", the path of a socket */
	unsigned redirects;
	json_t *headers;  /* lower-case name to text; repeated ones joined by ", " */
	const char *body; /* NUL added */
	size_t body_n;
	bool cut; /* there was more */
};

/* a: borrowed for the call. NULL with err: no answer (-ECONNREFUSED, -ETIMEDOUT, …). */
typedef void http_done(void *ctx, const struct http_answer *a, const struct err *err);

/* The version of libcurl, or NULL: it is not installed, and nothing here works. */
const char *http_library(void);
/* 0, or -EINVAL when it is not a web address with its scheme. */
int http_url_check(const char *url, struct err *err) must_use;
/* -EINVAL: an address without scheme (all of it is checked by http_url_check alone), a header that
 * is none, or what libcurl cannot set. */
int http_start(struct loop *, const struct http_request *, http_done *, void *ctx, struct http **,
               struct err *) must_use;
void http_cancel(struct http *); /* NULL is allowed */
/* How far one that has not ended has come; status 0: no answer yet. Borrowed from it. */
void http_progress(const struct http *, struct http_answer *);

#endif
