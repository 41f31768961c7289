/* Listening sockets, from /proc. */
#include "machine/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"

/* net/tcp_states.h; a UDP socket that is connected to nobody is in TCP_CLOSE. */
enum { STATE_ESTABLISHED = 0x01, STATE_UNCONNECTED = 0x07, STATE_LISTEN = 0x0a };

static void file_close(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* One row of a table. */
struct row {
	char remote[33]; /* hexadecimal */
	unsigned local_port, remote_port, state;
	unsigned long long ino;
	bool udp;
};

static bool row_parse(const char *line, struct row *r)
{
	return sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%x %x %*s %*s %*s %*u %*u %llu",
	              &r->local_port, r->remote, &r->remote_port, &r->state, &r->ino) == 5;
}

static int table_each(const struct world *w, const char *path, bool udp,
                      int (*each)(void *, const struct row *), void *ctx)
{
	FILE *f cleanup(file_close) = NULL;
	char line[512];
	int fd = world_openat(w, path, O_RDONLY), ret = 0;

	if (fd < 0)
		return 0;
	f = fdopen(fd, "re");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	while (ret == 0 && fgets(line, sizeof(line), f)) {
		struct row r = {.udp = udp};

		if (row_parse(line, &r))
			ret = each(ctx, &r);
	}
	return ret;
}

static int tables_each(const struct world *w, pid_t pid, bool with_udp,
                       int (*each)(void *, const struct row *), void *ctx, struct err *err)
{
	static const struct {
		const char *name;
		bool udp;
	} tables[] = {{"tcp", false}, {"tcp6", false}, {"udp", true}, {"udp6", true}};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(tables); i++) {
		char path[64];

		if (tables[i].udp && !with_udp)
			continue;
		if (pid)
			snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, tables[i].name);
		else
			snprintf(path, sizeof(path), "/proc/self/net/%s", tables[i].name);
		ret = table_each(w, path, tables[i].udp, each, ctx);
	}
	if (ret == -ENOMEM)
		return err_sys(err, ENOMEM, "could not list the sockets");
	return ret;
}

struct listening_walk {
	int (*each)(void *, const struct listening *);
	void *ctx;
};

static int listening_each(void *ctx, const struct row *r)
{
	struct listening_walk *walk = ctx;
	struct listening l = {.port = (uint16_t)r->local_port, .udp = r->udp, .ino = r->ino};

	if (r->udp ? r->state != STATE_UNCONNECTED || r->remote_port : r->state != STATE_LISTEN)
		return 0;
	return walk->each(walk->ctx, &l);
}

struct connection_walk {
	uint16_t port;
	int (*each)(void *, const struct connection *);
	void *ctx;
};

/* The kernel prints addresses as 32-bit words in its own byte order. */
static int connection_each(void *ctx, const struct row *r)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct connection_walk *walk = ctx;
	struct connection c = {.local_port = (uint16_t)r->local_port,
	                       .remote_port = (uint16_t)r->remote_port};
	size_t words = strlen(r->remote) / 8;

	if (r->state != STATE_ESTABLISHED || r->local_port != walk->port)
		return 0;
	for (size_t i = 0; i < words; i++) {
		char digits[9] = {0};
		uint32_t word;

		memcpy(digits, r->remote + i * 8, 8);
		word = (uint32_t)strtoul(digits, NULL, 16);
		memcpy(c.remote + i * 4, &word, sizeof(word));
	}
	c.family = words == 1 ? AF_INET : AF_INET6;
	if (words == 4 && memcmp(c.remote, mapped, sizeof(mapped)) == 0) {
		c.family = AF_INET;
		memmove(c.remote, c.remote + sizeof(mapped), 4);
	}
	return walk->each(walk->ctx, &c);
}

struct set_walk {
	struct socket_set *set;
	const struct port *port;
};

static int set_put(struct socket_set *set, uint64_t ino)
{
	if (set->n == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 8;
		uint64_t *grown = realloc(set->ino, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		set->ino = grown;
		set->cap = cap;
	}
	set->ino[set->n++] = ino;
	return 0;
}

static int set_each(void *ctx, const struct listening *l)
{
	struct set_walk *walk = ctx;

	if (l->port != walk->port->number || (l->udp ? !walk->port->udp : !walk->port->tcp))
		return 0;
	return set_put(walk->set, l->ino);
}

struct fd_walk {
	const struct world *w;
	pid_t pid;
	const struct socket_set *set;
};

struct fd_add_walk {
	const struct world *w;
	pid_t pid;
	struct socket_set *set;
};

/* The socket that a descriptor is; false: it is none, or was closed meanwhile. */
static bool fd_socket(const struct world *w, pid_t pid, const char *name, uint64_t *ino)
{
	char path[64];
	unsigned long long n;
	BUF(link, 128);

	snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", pid, name);
	if (world_readlink(w, path, &link, NULL) < 0 || sscanf(link.data, "socket:[%llu]", &n) != 1)
		return false;
	*ino = n;
	return true;
}

static int fd_each(void *ctx, const char *name)
{
	struct fd_walk *walk = ctx;
	uint64_t ino;

	return fd_socket(walk->w, walk->pid, name, &ino) && socket_set_has(walk->set, ino);
}

static int fd_add(void *ctx, const char *name)
{
	struct fd_add_walk *walk = ctx;
	uint64_t ino;

	return fd_socket(walk->w, walk->pid, name, &ino) ? set_put(walk->set, ino) : 0;
}

/* Visits the descriptors of a process. */
static int fds_each(const struct world *w, pid_t pid, int (*each)(void *, const char *), void *ctx)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	ret = world_list(w, path, each, ctx, NULL);
	if (ret == -ENOENT)
		return -ESRCH;
	return ret == -EPERM ? -EACCES : ret;
}

int port_parse(const char *text, struct port *port, struct err *err)
{
	char *end;
	unsigned long n;
	struct port p = {0};

	errno = 0;
	n = strtoul(text, &end, 10);
	p.tcp = *end == '\0' || strcmp(end, "/tcp") == 0;
	p.udp = *end == '\0' || strcmp(end, "/udp") == 0;
	if (errno || end == text || *text < '0' || *text > '9' || n == 0 || n > 65535 ||
	    (!p.tcp && !p.udp)) {
		err_set(err, -EINVAL, "\"%s\" is not a port", text);
		return err_hint(err, -EINVAL,
		                "Write a number from 1 to 65535, or 6379/tcp or 53/udp.");
	}
	p.number = (uint16_t)n;
	*port = p;
	return 0;
}

int sockets_listening(const struct world *w, pid_t pid,
                      int (*each)(void *ctx, const struct listening *), void *ctx, struct err *err)
{
	struct listening_walk walk = {.each = each, .ctx = ctx};

	return tables_each(w, pid, true, listening_each, &walk, err);
}

int sockets_connected(const struct world *w, pid_t pid, uint16_t port,
                      int (*each)(void *ctx, const struct connection *), void *ctx, struct err *err)
{
	struct connection_walk walk = {.port = port, .each = each, .ctx = ctx};

	return tables_each(w, pid, false, connection_each, &walk, err);
}

int socket_set_add(struct socket_set *set, const struct world *w, pid_t pid,
                   const struct port *port, struct err *err)
{
	struct set_walk walk = {.set = set, .port = port};

	return sockets_listening(w, pid, set_each, &walk, err);
}

bool socket_set_has(const struct socket_set *set, uint64_t ino)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->ino[i] == ino)
			return true;
	}
	return false;
}

void socket_set_release(struct socket_set *set)
{
	free(set->ino);
	*set = (struct socket_set){0};
}

int proc_sockets(const struct world *w, pid_t pid, struct socket_set *set)
{
	struct fd_add_walk walk = {.w = w, .pid = pid, .set = set};

	return fds_each(w, pid, fd_add, &walk);
}

int proc_holds_socket(const struct world *w, pid_t pid, const struct socket_set *set)
{
	struct fd_walk walk = {.w = w, .pid = pid, .set = set};

	return set->n == 0 ? 0 : fds_each(w, pid, fd_each, &walk);
}
