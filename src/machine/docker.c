/* One GET at a time to a container engine, over its Unix socket. */
#include "machine/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/http.h"
#include "io/loop.h"

enum { ANSWER_MAX = 16 << 20 };

static const char recorded_socket[] = "recorded";

static void socket_note(const struct world *w, struct arena *a, struct docker_sockets *to,
                        const char *path)
{
	size_t used = strlen(to->looked);
	char *copy;

	snprintf(to->looked + used, sizeof(to->looked) - used, "%s%s", used ? ", " : "", path);
	if (to->n == DOCKER_SOCKETS_MAX || !world_exists(w, path))
		return;
	for (size_t i = 0; i < to->n; i++) {
		if (strcmp(to->v[i], path) == 0)
			return;
	}
	copy = arena_strdup(a, path);
	if (copy)
		to->v[to->n++] = copy;
}

static void user_sockets(const struct world *w, struct arena *a, struct docker_sockets *to)
{
	const char *folder = getenv("XDG_RUNTIME_DIR"), *sudo = getenv("SUDO_UID");
	char run[300], path[350];

	if (!folder || *folder != '/') {
		snprintf(run, sizeof(run), "/run/user/%u", sudo ? (unsigned)atoi(sudo) : getuid());
		folder = run;
	}
	snprintf(path, sizeof(path), "%.200s/docker.sock", folder);
	socket_note(w, a, to, path);
	snprintf(path, sizeof(path), "%.200s/podman/podman.sock", folder);
	socket_note(w, a, to, path);
}

int docker_sockets(const struct world *w, struct arena *a, struct docker_sockets *to,
                   struct err *err)
{
	static const char unix_scheme[] = "unix://";
	const char *host = getenv("DOCKER_HOST");

	*to = (struct docker_sockets){.n = 0};
	if (!world_is_real(w)) {
		if (world_answer(w, "docker /containers/json"))
			to->v[to->n++] = recorded_socket;
		(void)text_copy(to->looked, sizeof(to->looked), "/run/docker.sock");
		return 0;
	}
	if (host && *host) {
		if (strncmp(host, unix_scheme, strlen(unix_scheme)) == 0)
			host += strlen(unix_scheme);
		if (*host != '/') {
			err_set(err, -EINVAL, "DOCKER_HOST is \"%s\", not a Unix socket", host);
			return err_hint(err, -EINVAL,
			                "Containers must run on this very machine: unset it, or "
			                "write unix:///run/docker.sock.");
		}
		socket_note(w, a, to, host);
		return 0;
	}
	socket_note(w, a, to, "/run/docker.sock");
	socket_note(w, a, to, "/run/podman/podman.sock");
	user_sockets(w, a, to);
	return 0;
}

struct asked {
	struct loop *loop;
	const char *socket;
	json_t *doc;
	struct err err;
};

static void answered(void *ctx, const struct http_answer *answer, const struct err *err)
{
	struct asked *q = ctx;
	json_error_t why;

	loop_stop(q->loop);
	if (err) {
		q->err = *err;
		return;
	}
	if (answer->status != 200) {
		err_set(&q->err, answer->status == 404 ? -ENOENT : -EPROTO,
		        "\"%s\" answered with status %u", q->socket, answer->status);
		return;
	}
	q->doc = answer->cut ? NULL : json_loadb(answer->body, answer->body_n, 0, &why);
	if (!q->doc)
		err_set(&q->err, -EPROTO, "\"%s\" answered with what is no JSON: %s", q->socket,
		        answer->cut ? "it is too long" : why.text);
}

static json_t *recorded_get(const struct world *w, const char *path, struct err *err)
{
	const char *text = world_answer(w, path);
	json_t *doc = text ? json_loads(text, 0, NULL) : NULL;

	if (!doc)
		err_set(err, text ? -EPROTO : -ENOENT, "the recorded machine has no \"%s\"", path);
	return doc;
}

json_t *docker_get(const struct world *w, const char *socket, const char *path, uint64_t limit_ns,
                   struct err *err)
{
	struct asked q = {.socket = socket};
	char url[300];
	struct http_request request = {
	        .url = url, .timeout_ns = limit_ns, .unix_socket = socket, .body_max = ANSWER_MAX};
	struct http *http;

	if (!world_is_real(w)) {
		snprintf(url, sizeof(url), "docker %s", path);
		return recorded_get(w, url, err);
	}
	/* libcurl says only that it could not connect. */
	if (access(socket, R_OK | W_OK) < 0 && errno == EACCES) {
		err_set(err, -EACCES, "may not use the container socket \"%s\"", socket);
		err_hint(err, -EACCES, "Run it as root, or join the group that owns the socket.");
		return NULL;
	}
	snprintf(url, sizeof(url), "http://localhost%s", path);
	q.loop = loop_new(err);
	if (!q.loop)
		return NULL;
	if (http_start(q.loop, &request, answered, &q, &http, &q.err) == 0)
		loop_run(q.loop);
	loop_free(q.loop);
	if (!q.doc && err) {
		*err = q.err;
		err_wrap(err, q.err.code, "could not ask \"%s\" for containers", socket);
		err_hint(
		        err, err->code,
		        "See that the engine runs (systemctl status docker podman.socket), or name "
		        "the container by id.");
	}
	return q.doc;
}
