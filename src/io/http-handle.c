/* libcurl's easy handles, kept with what they are set to for the next look of the same kind. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/http-state.h"

enum { KEY_MAX = 1024 };

static void key_text(struct buf *b, const char *text)
{
	if (text)
		buf_add_n(b, text, strlen(text) + 1);
	buf_addc(b, text ? 1 : 0);
}

/* All that http_set() reads but the times, which are set for each request. Nothing: it has what is
 * used up (a body, addresses for libcurl's cache), or is too long. */
static void key_fill(struct buf *b, const struct http_request *r)
{
	if (r->body || r->resolve_n)
		return;
	const char *const texts[] = {r->url, r->method, r->unix_socket, r->proxy,
	                             r->ca,  r->cert,   r->key};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		key_text(b, texts[i]);
	for (size_t i = 0; i < r->headers_n; i++)
		key_text(b, r->headers[i]);
	buf_add_n(b, &r->redirects, sizeof(r->redirects));
	buf_addc(b, (char)(r->insecure | r->keep_alive << 1 | (int)r->version << 2));
	if (b->over)
		buf_reset(b);
}

static void handle_forget(struct handle *h)
{
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->resolve);
	curl_url_cleanup(h->url);
	free(h->key);
	*h = (struct handle){.easy = h->easy};
}

static bool is_of(const struct handle *h, const struct buf *key)
{
	return key->len && h->key_n == key->len && !memcmp(h->key, key->data, key->len);
}

/* The newest that is set so, else one that is set to nothing, else none while there is room. */
static size_t spare_find(const struct pool *p, const struct buf *key)
{
	size_t best = p->spare_n < SPARE_MAX ? p->spare_n : SPARE_MAX - 1;
	for (size_t i = p->spare_n; i-- > 0;) {
		if (is_of(&p->spare[i], key))
			return i;
		if (!p->spare[i].key_n)
			best = i;
	}
	return best;
}

int handle_take(struct pool *p, const struct http_request *r, struct handle *out, struct err *err)
{
	BUF(key, KEY_MAX);
	key_fill(&key, r);
	size_t i = spare_find(p, &key);
	struct handle h = {.easy = NULL};
	if (i < p->spare_n) {
		h = p->spare[i];
		p->spare[i] = p->spare[--p->spare_n];
	} else {
		h.easy = curl_easy_init();
	}
	if (!h.easy)
		return err_sys(err, ENOMEM, "could not make a request");
	h.is_set = is_of(&h, &key);
	if (!h.is_set && h.key_n) {
		curl_easy_reset(h.easy);
		handle_forget(&h);
	}
	if (!h.is_set && key.len)
		h.key = malloc(key.len);
	if (!h.is_set && h.key)
		memcpy(h.key, key.data, h.key_n = key.len);
	*out = h;
	return 0;
}

void handle_put(struct pool *p, struct handle *h, bool went_well)
{
	if (!h->easy)
		return;
	if (p->spare_n == SPARE_MAX) {
		handle_free(h);
		return;
	}
	/* One that failed may have kept something of it. */
	if (!went_well || !h->key_n) {
		curl_easy_reset(h->easy);
		handle_forget(h);
	}
	(void)curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, NULL); /* is about to go */
	p->spare[p->spare_n++] = *h;
	h->easy = NULL;
}

void handle_free(struct handle *h)
{
	curl_easy_cleanup(h->easy);
	handle_forget(h);
	h->easy = NULL;
}
