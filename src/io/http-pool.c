/* libcurl's multi interface on the loop: one epoll for its sockets, one timer. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "io/http-state.h"

enum { EVENTS_MAX = 64 };
#define NS_PER_MS 1000000ull

static const char pool_key;

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

static int socket_watch(struct pool *p, int fd, int what, bool watched)
{
	struct epoll_event e = {.data.fd = fd};
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(p->epoll, watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
		return -1;
	if (!watched)
		(void)curl_multi_assign(p->multi, fd, p);
	return 0;
}

static int socket_leave(struct pool *p, int fd, bool watched)
{
	struct epoll_event e = {.data.fd = fd};
	if (p->told == fd)
		p->told = -1;
	if (!watched || epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, &e) == 0)
		return 0;
	return errno == EBADF || errno == ENOENT ? 0 : -1;
}

/* libcurl: watch this socket for that (CURLMOPT_SOCKETFUNCTION(3)). mine: set once it is watched.
 */
static int socket_told(CURL *easy, curl_socket_t fd, int what, void *ctx, void *mine)
{
	struct pool *p = ctx;
	if (what == CURL_POLL_REMOVE)
		return socket_leave(p, fd, mine);
	if (p->starting && !mine && (p->told < 0 || p->told == fd)) {
		/* It says so again once the request is sent: one call for both. */
		p->told = fd;
		p->told_what = what;
		return 0;
	}
	return socket_watch(p, fd, what, mine);
}

static void pool_soon(void *ctx)
{
	pool_collect(ctx);
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
		handle_free(&p->spare[--p->spare_n]);
	/* Closes kept connections, so it still tells of sockets. */
	(void)curl_multi_cleanup(p->multi);
	watch_free(p->watch);
	fd_close(&p->epoll);
	timer_free(p->timer);
	timer_free(p->soon);
	curl_global_cleanup();
	free(p);
}

static int pool_fill(struct pool *p, struct loop *loop, struct err *err)
{
	p->timer = timer_new(loop, pool_fired, p);
	p->soon = timer_new(loop, pool_soon, p);
	p->multi = curl_multi_init();
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!p->timer || !p->soon || !p->multi || p->epoll < 0)
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

struct pool *pool_find(struct loop *loop, struct err *err)
{
	struct pool *p = (struct pool *)loop_local_find(loop, &pool_key);
	if (p)
		return p;
	if (curl_load(err) < 0)
		return NULL;
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

int pool_add(struct http *h, struct err *err)
{
	struct pool *p = h->pool;
	if (curl_multi_add_handle(p->multi, h->handle.easy) != CURLM_OK)
		return err_set(err, -EIO, "could not start a request to \"%.300s\"", h->url);
	watch_background(p->watch, false);
	h->next = p->flying;
	h->link = &p->flying;
	if (h->next)
		h->next->link = &h->next;
	p->flying = h;
	p->flying_n++;
	/* Connects now: a look should not wait for another turn. What fails at once is told later.
	 */
	int running = 0;
	p->told = -1;
	p->starting = true;
	(void)curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	/* On one machine a connection is there once connect() returns: ask at once instead of after
	 * another turn of the loop. */
	if (p->told >= 0 && p->told_what == CURL_POLL_OUT)
		(void)curl_multi_socket_action(p->multi, p->told, CURL_CSELECT_OUT, &running);
	p->starting = false;
	if (p->told >= 0 && socket_watch(p, p->told, p->told_what, false) < 0)
		return err_set(err, -EIO, "could not watch the connection to \"%.300s\"", h->url);
	if (running < p->flying_n)
		timer_set(p->soon, 1);
	return 0;
}

void pool_remove(struct http *h)
{
	struct pool *p = h->pool;
	if (h->link) {
		*h->link = h->next;
		if (h->next)
			h->next->link = h->link;
		if (!--p->flying_n)
			watch_background(p->watch, true);
		(void)curl_multi_remove_handle(p->multi, h->handle.easy); /* may be out already */
	}
	handle_put(p, &h->handle, h->went_well);
}
