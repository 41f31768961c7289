/* A small HTTP server on 127.0.0.1 for tests: a forked process, and one for each connection. It
 * does what the path says, mostly what no good server does. Dies with its parent. */
#ifndef TESTS_UNIT_IO_SERVER_H
#define TESTS_UNIT_IO_SERVER_H

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	pid_t pid;
	int port;
};

static void server_say(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool server_path_is(const char *request, const char *path)
{
	const char *at = strchr(request, ' ');
	return at && !strncmp(at + 1, path, strlen(path)) && strchr(" ?", at[1 + strlen(path)]);
}

static void server_flood(int fd)
{
	char block[8192];
	memset(block, 'x', sizeof(block));
	server_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
	while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
}

static void server_answer(int fd, const char *request)
{
	const struct {
		const char *path, *answer;
	} plain[] = {
	        {"/ok",
	         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Two: a\r\nx-two: b\r\n\r\nhello"},
	        {"/502", "HTTP/1.0 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"},
	        {"/json", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
	                  "25\r\n\r\n{\"up\": true, \"n\": [1, 2]}"},
	        {"/badjson", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"up\": t"},
	        {"/binary",
	         "HTTP/1.1 200 OK\r\nX-Odd: \xff\xfe\r\nContent-Length: 3\r\n\r\n\xff\xfe!"},
	        {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes."},
	        {"/nothing", ""},
	        {"/garbage", "!!!! what is this\r\n\r\n"},
	        {"/moved",
	         "HTTP/1.1 302 Found\r\nLocation: /ok\r\nX-Old: 1\r\nContent-Length: 0\r\n\r\n"},
	        {"/circle", "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n"},
	        {"/elsewhere", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"},
	};
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (server_path_is(request, plain[i].path)) {
			server_say(fd, plain[i].answer);
			return;
		}
	}
	if (server_path_is(request, "/slow")) {
		usleep(300000);
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
	} else if (server_path_is(request, "/hang")) {
		pause();
	} else if (server_path_is(request, "/stall")) {
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart");
		pause();
	} else if (server_path_is(request, "/reset")) {
		struct linger now = {1, 0};
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	} else if (server_path_is(request, "/flood")) {
		server_flood(fd);
	} else if (server_path_is(request, "/headers")) {
		server_say(fd, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 5000; i++)
			server_say(fd, "X-Many: very\r\n");
	} else if (server_path_is(request, "/echo")) {
		char head[128];
		(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		               strlen(request));
		server_say(fd, head);
		server_say(fd, request);
	}
}

static void server_serve(int fd)
{
	char request[65536];
	size_t n = 0;
	struct timeval limit = {5, 0};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (n < sizeof(request) - 1) {
		ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
		request[n] = '\0';
		const char *end = strstr(request, "\r\n\r\n"),
		           *length = strstr(request, "Content-Length:");
		if (end && (!length || strlen(end + 4) >= (size_t)atoi(length + 15)))
			break;
	}
	request[n] = '\0';
	server_answer(fd, request);
}

/* In a child: gone with its parent, also with one that died before this was asked for. */
static void server_die_with(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

static void server_loop(int listener)
{
	pid_t self = getpid();
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			_exit(0);
		if (fork() == 0) {
			server_die_with(self);
			(void)close(listener);
			server_serve(fd);
			_exit(0);
		}
		(void)close(fd);
	}
}

static struct server server_on(int listener, int port)
{
	struct server s = {.port = port};
	(void)listen(listener, 64);
	pid_t self = getpid();
	s.pid = fork();
	if (s.pid == 0) {
		server_die_with(self);
		server_loop(listener);
	}
	(void)close(listener);
	return s;
}

/* A listener on an ephemeral port. */
static int server_listener(int *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	if (bind(fd, (struct sockaddr *)&a, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static struct server server_start(void)
{
	int port = 0, fd = server_listener(&port);
	return server_on(fd, port);
}

static void server_stop(struct server s)
{
	(void)kill(s.pid, SIGKILL);
	(void)waitpid(s.pid, NULL, 0);
}

/* A port where nobody listens. */
static inline int server_dead_port(void)
{
	int port = 0, fd = server_listener(&port);
	(void)close(fd);
	return port;
}

static inline struct server server_start_unix(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		abort();
	return server_on(fd, 0);
}

#endif
