/* The connections by which people are logged in. */
#include "machine/way-in.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ident.h"

enum { SSH_PORT = 22, ANCESTORS_MAX = 32, ENVIRONMENT_MAX = 256 << 10 };

static int way_add(void *ctx, const struct connection *c)
{
	struct ways_in *ways = ctx;

	if (ways->n == WAYS_IN_MAX)
		return 1;
	ways->v[ways->n++] = *c;
	return 0;
}

/* "CLIENT PORT SERVER PORT" */
static bool ssh_parse(const char *text, struct connection *c)
{
	char client[64];
	unsigned client_port, server_port;

	if (sscanf(text, "%63s %u %*s %u", client, &client_port, &server_port) != 3)
		return false;
	*c = (struct connection){.local_port = (uint16_t)server_port,
	                         .remote_port = (uint16_t)client_port};
	c->family = strchr(client, ':') ? AF_INET6 : AF_INET;
	return inet_pton(c->family, client, c->remote) == 1;
}

/* The environment that a process was started with: "NAME=VALUE", each ended by a NUL. */
static void way_of_process(const struct world *w, pid_t pid, struct ways_in *ways)
{
	static const char name[] = "SSH_CONNECTION=";
	char *text = calloc(1, ENVIRONMENT_MAX), path[32];
	struct connection c;
	struct buf b;

	if (!text)
		return;
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	buf_init(&b, text, ENVIRONMENT_MAX);
	/* what does not fit is left out; all is zero before, so the text ends */
	if (world_read(w, path, &b, NULL) == 0 || b.len > 0)
		for (size_t at = 0; at < b.len; at += strlen(text + at) + 1)
			if (strncmp(text + at, name, strlen(name)) == 0 &&
			    ssh_parse(text + at + strlen(name), &c))
				way_add(ways, &c);
	free(text);
}

void ways_in_read(const struct world *w, struct ways_in *ways)
{
	const char *ssh = world_answer(w, "ssh-connection");
	struct proc_stat st = {.ppid = world_is_real(w) ? getpid() : 0};
	struct connection c;

	ways->n = 0;
	if (ssh && ssh_parse(ssh, &c))
		way_add(ways, &c);
	for (int i = 0; i < ANCESTORS_MAX && st.ppid > 1; i++) {
		way_of_process(w, st.ppid, ways);
		if (proc_stat_read(w, st.ppid, &st, NULL) < 0)
			break;
	}
	/* A table that cannot be read shows nobody. */
	(void)!sockets_connected(w, 0, SSH_PORT, way_add, ways, NULL);
}
