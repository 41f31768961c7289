/*
 * http-state.h - what the http files share: a request in flight, and the pool of a loop. For
 * http*.c alone.
 */
#ifndef SQUALL_IO_HTTP_STATE_H
#define SQUALL_IO_HTTP_STATE_H

#include <curl/curl.h>

#include "io/http.h"
#include "io/loop.h"

enum { SPARE_MAX = 128 };

/* An easy handle and what it borrows. With a key its options stay from request to request. */
struct handle {
	CURL *easy;
	struct curl_slist *headers, *resolve;
	CURLU *url; /* parsed; NULL: libcurl parses it for each request */
	char *key;  /* for which requests it is set; key_n 0: for none */
	size_t key_n;
	bool is_set;
};

/* One a loop, made at first use. */
struct pool {
	struct loop_local local;
	CURLM *multi;
	struct timer *timer; /* libcurl's */
	struct timer *soon;  /* something ended while it was started: collect at the next turn */
	int epoll; /* of libcurl's sockets: one watch for all, a third of the calls of one for each
	            */
	struct watch *watch;
	bool starting;       /* while a request is added: */
	int told, told_what; /* the first socket that it wants to be watched, and for what; -1: none
	                      */
	struct http *flying;
	int flying_n;
	struct handle spare[SPARE_MAX]; /* dear to make, and to set */
	size_t spare_n;
};

struct http {
	struct pool *pool;
	struct http *next, **link;
	struct handle handle;
	http_done *done;
	void *ctx;
	char *url;
	uint64_t since_ns;
	json_t *seen;
	size_t seen_bytes, seen_n;
	char *body;
	size_t body_n, body_cap, body_max;
	bool drop, cut, too_many_headers, went_well;
	char detail[CURL_ERROR_SIZE];
};

/* curl.c: before any other call of libcurl. -ELIBACC: it is not installed. */
int curl_load(struct err *) must_use;
/* http-handle.c: a handle, set for this request if is_set. */
int handle_take(struct pool *, const struct http_request *, struct handle *out,
                struct err *) must_use;
void handle_put(struct pool *, struct handle *, bool went_well); /* NULL easy is allowed */
void handle_free(struct handle *);
/* http-pool.c */
struct pool *pool_find(struct loop *, struct err *) must_use;
int pool_add(struct http *, struct err *) must_use; /* starts it */
void pool_remove(struct http *);                    /* also one that was not added */
/* http.c */
void http_end(struct http *, CURLcode);
size_t http_header_came(char *line, size_t size, size_t n, void *http);
size_t http_body_came(char *data, size_t size, size_t n, void *http);
void http_free(struct http *);
/* http-set.c: tells libcurl what is asked. */
int http_set(struct http *, const struct http_request *, struct err *) must_use;
bool http_has_scheme(const char *url);
/* http-words.c: what libcurl says, in our words: what failed, on which URL, what may be done. */
int http_failure(const struct http *, CURLcode, struct err *);
int http_not_web(const char *url, struct err *);

#endif
