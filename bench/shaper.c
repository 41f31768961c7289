/* shaper.c - how exactly the shaper delays, and what it costs. Prints its figures as "name value"
 * lines. Neither nice nor real time: with those it is better.
 *
 *   bench-shaper [accuracy|ceiling|stream|idle]... */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "../tests/unit/step/shapebed.h"
#include "base/netlink.h"
#include "helper/shaper-link.h"
#include "step/nft-encode.h"

static struct bed *bed;

static struct delays paced(uint32_t n)
{
	struct stream s = {.ip = "10.98.0.1", .from = B, .n = n, .every_ns = 1000000};
	struct delays d;

	stream_run(bed, &s);
	d = stream_delays(&s);
	stream_free(&s);
	return d;
}

static void accuracy(void)
{
	struct delays without = paced(3000), with;
	struct shaping s;

	shaping_begin(bed, &s, 1, "shape in proto=udp : seed=1 delay=50000000");
	with = paced(5000);
	printf("plain_p50_us %u\nplain_p99_us %u\n", without.p50_us, without.p99_us);
	printf("added_mean_us %.0f\n", with.mean_us - without.mean_us);
	printf("delay_p50_us %u\ndelay_p99_us %u\ndelay_most_us %u\n", with.p50_us, with.p99_us,
	       with.most_us);
	printf("shaper_says_p50_us %u\nshaper_says_p99_us %u\nshaper_late_p99_us %u\n",
	       (unsigned)(counted(&s, "added_p50_ns") / 1000),
	       (unsigned)(counted(&s, "added_p99_ns") / 1000),
	       (unsigned)(counted(&s, "late_p99_ns") / 1000));
	shaping_end(&s);
}

/* Datagrams of 64 bytes as fast as they go: how many come in a second. */
static double flood(double seconds)
{
	struct sockaddr_storage to;
	socklen_t n = address(&to, "10.98.0.1", PORT);
	int server = server_in(bed, A, "10.98.0.1", SOCK_DGRAM);
	int fd = socket_in(bed, B, "10.98.0.1", SOCK_DGRAM);
	char data[LINK_AT_ONCE][64];
	struct iovec v[LINK_AT_ONCE];
	struct mmsghdr m[LINK_AT_ONCE] = {0};
	uint64_t start = mono_ns(), first = 0, last = 0, got = 0;
	pid_t pid;

	for (size_t i = 0; i < LINK_AT_ONCE; i++) {
		v[i] = (struct iovec){data[i], 22};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (connect(fd, (struct sockaddr *)&to, n) < 0)
			_exit(1);
		for (;;)
			(void)!sendmmsg(fd, m, LINK_AT_ONCE, 0);
	}
	while (mono_ns() - start < (uint64_t)(seconds * 1.2e9)) {
		struct pollfd p = {.fd = server, .events = POLLIN};
		int k = poll(&p, 1, 100) > 0 ? recvmmsg(server, m, LINK_AT_ONCE, MSG_DONTWAIT, NULL)
		                             : 0;
		uint64_t now = mono_ns();

		if (k <= 0 || now - start < (uint64_t)(seconds * 0.2e9))
			continue;
		if (!first)
			first = now;
		else
			got += (uint64_t)k;
		last = now;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(server);
	close(fd);
	return last > first ? (double)got * 1e9 / (double)(last - first) : 0;
}

/* A queue that is read and passed on, and nothing else. */
static pid_t accept_all(int *owner)
{
	static char batch[NFT_BATCH_MAX];
	static const char state[] = "shape in proto=udp : seed=1 delay=1";
	struct nft_queue queue = {.xt = true, .turn = 1};
	struct nft_rules rules;
	struct shaper_link link;
	struct shaper_packet p[LINK_AT_ONCE];
	struct link_told told[LINK_AT_ONCE];
	size_t n = 0, told_n;
	pid_t pid;

	netbed_enter(&bed->net, A);
	if (shaper_link_open(&link, "bench", NULL) < 0 ||
	    shaper_link_set(&link, 64, true, 1 << 19, NULL) < 0 ||
	    nl_open(NETLINK_NETFILTER, owner, NULL) < 0)
		abort();
	netbed_leave(&bed->net);
	queue.number = link.number;
	if (nft_rules_parse(state, &rules, NULL) < 0 ||
	    nft_encode_put("bench", &rules, state, NULL, NULL, &queue, batch, sizeof(batch), &n,
	                   NULL) < 0 ||
	    nl_ask(*owner, batch, n, 1, NULL, NULL, NULL) < 0)
		abort();
	fflush(NULL);
	pid = fork();
	if (pid) {
		shaper_link_close(&link);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct pollfd wait = {.fd = link.fd, .events = POLLIN};

		n = shaper_link_read(&link, p, told, &told_n);
		for (size_t i = 0; i < n; i++)
			shaper_link_accept(&link, p[i].id, NULL, 0);
		shaper_link_flush(&link);
		if (!n && !told_n)
			poll(&wait, 1, -1);
	}
}

/* Time on a CPU so far: says more than packets a second where others use it, too. */
static double cpu_ns(pid_t pid)
{
	char path[64];
	double ns = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	FILE *f = fopen(path, "re");

	if (!f || fscanf(f, "%lf", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

static void ceiling(void)
{
	double all = 0, shaper = 0, all_ns = 0, shaper_ns = 0;

	for (int round = 0; round < 3; round++) {
		struct shaping s;
		int owner = -1;
		pid_t pid = accept_all(&owner);
		double one = flood(1);

		all_ns += cpu_ns(pid);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(owner);
		shaping_begin(bed, &s, 1, "shape in proto=udp : seed=1 delay=10000000");
		double two = flood(1);

		shaper_ns += cpu_ns(s.h.holder.id.pid);

		printf("accept_all_pps %.0f\nshaper_pps %.0f\n", one, two);
		all += one;
		shaper += two;
		shaping_end(&s);
	}
	printf("ceiling_ratio %.3f\n", shaper / all);
	/* a flood lasts 1.2 s */
	printf("accept_all_cpu_ns_each %.0f\nshaper_cpu_ns_each %.0f\n", all_ns / all / 1.2,
	       shaper_ns / shaper / 1.2);
}

/* A stream through 10 ms waits for its sender's buffer, of 4 MiB by the kernel's default, above
 * some 2.3 Gbit/s (sndbuf_limited of ss(8)): that would measure tcp_wmem (tcp(7)). */
static void stream(void)
{
	struct shaping s;

	if (shell("nsenter --net=%s sysctl -q -w net.ipv4.tcp_wmem='4096 16384 33554432' "
	          "net.ipv4.tcp_rmem='4096 131072 33554432'",
	          bed->net.path[A]) ||
	    shell("nsenter --net=%s sysctl -q -w net.ipv4.tcp_wmem='4096 16384 33554432' "
	          "net.ipv4.tcp_rmem='4096 131072 33554432'",
	          bed->net.path[B]))
		abort();
	printf("plain_mbit %.0f\n", bulk_mbit(bed, "10.98.0.1", B, 2));
	shaping_begin(bed, &s, 1, "shape in proto=tcp : seed=1 delay=10000000");
	printf("delayed_10ms_mbit %.0f\n", bulk_mbit(bed, "10.98.0.1", B, 4));
	shaping_end(&s);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of paired rounds, the order of the two changed each time: what one stream gets through
 * differs by more than the bar from second to second. */
static void idle(void)
{
	enum { ROUNDS = 15 };
	double cost[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		double mbit[2] = {0}; /* of off and on */

		for (int k = 0; k < 2; k++) {
			bool on = (k + round) % 2;
			struct shaping s;

			if (on)
				shaping_begin(bed, &s, 1,
				              "shape in port=9 : seed=1 delay=10000000");
			mbit[on] = bulk_mbit(bed, "10.98.0.1", B, 0.5);
			if (on)
				shaping_end(&s);
		}
		cost[round] = 100 * (1 - mbit[1] / mbit[0]);
	}
	qsort(cost, ROUNDS, sizeof(*cost), compare);
	/* the 4th and 12th of 15 sorted: 96.5 % that the median is between (binomial) */
	printf("idle_cost_percent %.1f\nidle_cost_low_percent %.1f\nidle_cost_high_percent %.1f\n",
	       cost[ROUNDS / 2], cost[3], cost[11]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {
	        {"accuracy", accuracy}, {"ceiling", ceiling}, {"stream", stream}, {"idle", idle}};
	void *state = NULL;

	if (bed_setup(&state) < 0 || !state)
		return 77;
	bed = state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		bool asked = argc < 2;

		for (int k = 1; k < argc; k++)
			asked |= strcmp(argv[k], parts[i].name) == 0;
		if (asked)
			parts[i].run();
	}
	bed_teardown(&state);
	return 0;
}
