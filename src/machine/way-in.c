/* The connections by which people are logged in. */
#include "machine/way-in.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SSH_PORT = 22 };

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

void ways_in_read(const struct world *w, struct ways_in *ways)
{
	const char *ssh =
	        world_is_real(w) ? getenv("SSH_CONNECTION") : world_answer(w, "ssh-connection");
	struct connection c;

	ways->n = 0;
	if (ssh && ssh_parse(ssh, &c))
		way_add(ways, &c);
	/* A table that cannot be read shows nobody. */
	(void)!sockets_connected(w, 0, SSH_PORT, way_add, ways, NULL);
}
