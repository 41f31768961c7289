/* test-root-shaper.c - the shaper for real: what is asked, seen from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shapebed.h"

/* The figures are the bench's; here a machine may be busy. */
static void a_delay_is_added(void **state)
{
	static const char *const ips[] = {"10.98.0.1", "fd98::1"};
	struct bed *b = bed_of(state);
	struct shaping s;

	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		struct delays without = measure(b, ips[i], B, 300, 1000000), with;

		shaping_begin(b, &s, 1, "shape in proto=udp : seed=1 delay=50000000");
		with = measure(b, ips[i], B, 300, 1000000);
		assert_true(with.least_us >= 49900);
		assert_true(with.p50_us < 55000 + without.p50_us);
		assert_int_equal(counted(&s, "packets_in"), 300);
		assert_int_equal(counted(&s, "seen_packets"), 300);
		assert_int_equal(counted(&s, "delayed"), 300);
		assert_int_equal(counted(&s, "vanished"), 0);
		assert_true(counted(&s, "added_p50_ns") > 49500000);
		shaping_end(&s);
	}
}

/* A stream and how many of it were lost, came twice and so on. */
static struct stream run(struct bed *b, const char *ip, uint32_t n, uint64_t every_ns)
{
	struct stream s = {.ip = ip, .from = B, .n = n, .every_ns = every_ns, .bytes = 200};

	stream_run(b, &s);
	stream_free(&s);
	print_message("%u of %u came, %u twice, %u late, %u damaged\n", s.came, n, s.twice,
	              s.late_order, s.damaged);
	return s;
}

/* The same seed loses the same packets. */
static void losses_are_those_of_the_seed(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t came[2];
	struct shaping s;

	for (int turn = 0; turn < 2; turn++) {
		shaping_begin(b, &s, 1, "shape in proto=udp : seed=7 loss=50000");
		came[turn] = run(b, "10.98.0.1", 10000, 50000).came;
		/* 500, give or take 4.4 deviations */
		assert_in_range(10000 - came[turn], 405, 595);
		assert_int_equal(counted(&s, "lost_packets"), 10000 - came[turn]);
		shaping_end(&s);
	}
	assert_int_equal(came[0], came[1]);
}

static void copies_come_twice_and_once_only(void **state)
{
	static const char *const ips[] = {"10.98.0.1", "fd98::1"};
	struct bed *b = bed_of(state);
	struct stream r;
	struct shaping s;

	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		shaping_begin(b, &s, 1,
		              "shape in proto=udp : seed=7 delay=5000000 duplicate=300000");
		r = run(b, ips[i], 2000, 200000);
		assert_in_range(r.twice, 500, 700);
		assert_int_equal(r.came - r.twice, 2000);
		assert_int_equal(counted(&s, "duplicated"), r.twice);
		assert_int_equal(counted(&s, "packets_in"), 2000);
		shaping_end(&s);
	}
}

static void bits_are_flipped(void **state)
{
	struct bed *b = bed_of(state);
	struct stream r;
	struct shaping s;

	/* the checksum is wrong: the kernel throws them away */
	shaping_begin(b, &s, 1, "shape in proto=udp : seed=7 corrupt=100000");
	r = run(b, "10.98.0.1", 2000, 100000);
	assert_int_equal(r.damaged, 0);
	assert_in_range(2000 - r.came, 141, 259);
	assert_int_equal(counted(&s, "corrupted"), 2000 - r.came);
	/* mended: they come, and are not what was sent */
	put(&s, "shape in proto=udp : seed=7 corrupt=100000 mend=yes");
	r = run(b, "fd98::1", 2000, 100000);
	assert_in_range(r.damaged, 141, 259);
	shaping_end(&s);
}

static void some_overtake(void **state)
{
	struct bed *b = bed_of(state);
	struct stream r;
	struct shaping s;

	shaping_begin(b, &s, 1, "shape in proto=udp : seed=7 delay=10000000 reorder=100000");
	r = run(b, "10.98.0.1", 2000, 1000000);
	assert_int_equal(r.came, 2000);
	assert_true(r.late_order > 1000);
	assert_in_range(counted(&s, "reordered"), 141, 259);
	shaping_end(&s);
}

static void a_rate_is_kept(void **state)
{
	struct bed *b = bed_of(state);
	struct shaping s;
	double mbit;

	shaping_begin(b, &s, 1, "shape in proto=tcp : seed=7 rate=10000000 queue=100000");
	mbit = bulk_mbit(b, "10.98.0.1", B, 3);
	print_message("%.2f Mbit/s\n", mbit);
	/* of 1500 bytes 1448 are what is carried */
	assert_true(mbit > 10 * 1448. / 1500 * 0.97 && mbit < 10 * 1448. / 1500 * 1.03);
	put(&s, "shape in proto=tcp : seed=7 rate=100000000 queue=400000");
	mbit = bulk_mbit(b, "fd98::1", B, 3);
	print_message("%.2f Mbit/s\n", mbit);
	/* a busy machine may not send so much */
	assert_true(mbit > 100 * 1428. / 1500 * 0.85 && mbit < 100 * 1428. / 1500 * 1.03);
	shaping_end(&s);
}

static void two_add_up_and_end_in_any_order(void **state)
{
	struct bed *b = bed_of(state);

	for (int first = 0; first < 2; first++) {
		struct shaping s[2];
		struct delays d;

		shaping_begin(b, &s[0], 1, "shape in proto=udp : seed=1 delay=20000000");
		shaping_begin(b, &s[1], 2, "shape in proto=udp : seed=1 delay=40000000");
		d = measure(b, "10.98.0.1", B, 200, 1000000);
		assert_in_range(d.p50_us, 60000, 66000);
		shaping_end(&s[first]);
		d = measure(b, "10.98.0.1", B, 200, 1000000);
		assert_in_range(d.p50_us, first ? 20000 : 40000, first ? 25000 : 45000);
		/* one that comes later stands behind */
		shaping_begin(b, &s[first], 3, "shape in proto=udp : seed=1 delay=10000000");
		d = measure(b, "10.98.0.1", B, 200, 1000000);
		assert_in_range(d.p50_us, first ? 30000 : 50000, first ? 35000 : 55000);
		shaping_end(&s[0]);
		shaping_end(&s[1]);
	}
}

static void *levels_climb(void *ctx)
{
	struct shaping *s = ctx;

	for (int level = 1; level <= 10; level++) {
		struct timespec t = {.tv_nsec = 50000000};
		BUF(to, STATE_MAX);

		nanosleep(&t, NULL);
		buf_addf(&to, "shape in proto=udp%s : seed=1 delay=%d000000",
		         level > 5 ? " ip=10.98.0.2/32" : "", level * 10);
		put(s, to.data);
	}
	return NULL;
}

/* Other words, and other filters. */
static void levels_change_without_loss(void **state)
{
	struct bed *b = bed_of(state);
	struct stream r = {.ip = "10.98.0.1", .from = B, .n = 2000, .every_ns = 500000};
	struct shaping s;
	pthread_t other;

	shaping_begin(b, &s, 1, "shape in proto=udp : seed=1 delay=5000000");
	assert_int_equal(pthread_create(&other, NULL, levels_climb, &s), 0);
	stream_run(b, &r);
	pthread_join(other, NULL);
	assert_int_equal(r.came, 2000);
	assert_int_equal(r.twice + r.late_order, 0);
	assert_true(stream_delays(&r).p99_us > 99000);
	stream_free(&r);
	assert_int_equal(counted(&s, "seen_packets"), 2000);
	assert_int_equal(counted(&s, "vanished"), 0);
	/* what a filter counts while it is changed is not counted on */
	assert_in_range(counted(&s, "packets_in"), 1500, 2000);
	shaping_end(&s);
}

static void *others_come_and_go(void *ctx)
{
	struct bed *b = ctx;

	for (unsigned i = 0; i < 4; i++) {
		struct timespec t = {.tv_nsec = 100000000};
		struct shaping other;

		nanosleep(&t, NULL);
		shaping_begin(b, &other, 7, "shape in proto=tcp : seed=1 delay=5000000");
		nanosleep(&t, NULL);
		shaping_end(&other);
	}
	return NULL;
}

/* The kernel drops what waits in every queue of the namespace when a chain goes. */
static void what_others_make_vanish_is_restored(void **state)
{
	static const char *const ips[] = {"10.98.0.1", "fd98::1"};
	struct bed *b = bed_of(state);
	struct shaping s;

	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		struct stream r = {.ip = ips[i], .from = B, .n = 2000, .every_ns = 500000};
		pthread_t other;

		shaping_begin(b, &s, 1, "shape in proto=udp : seed=1 delay=50000000");
		assert_int_equal(pthread_create(&other, NULL, others_come_and_go, b), 0);
		stream_run(b, &r);
		pthread_join(other, NULL);
		print_message("%u of %u came, %u were restored\n", r.came, r.n,
		              (unsigned)counted(&s, "restored"));
		assert_int_equal(r.came, r.n);
		assert_int_equal(r.twice + r.damaged, 0);
		/* those of one moment, of which some were gone */
		assert_in_range(r.late_order, 0, 100);
		assert_true(stream_delays(&r).least_us > 49900);
		assert_true(counted(&s, "restored") >= 100);
		assert_int_equal(counted(&s, "vanished"), 0);
		shaping_end(&s);
		stream_free(&r);
	}
}

static void *end_soon(void *ctx)
{
	struct timespec t = {.tv_nsec = 300000000};

	nanosleep(&t, NULL);
	shaping_end(ctx);
	return NULL;
}

static void ended_in_order_it_loses_nothing(void **state)
{
	struct bed *b = bed_of(state);
	struct stream r = {.ip = "10.98.0.1", .from = B, .n = 3000, .every_ns = 200000};
	struct shaping s;
	pthread_t other;

	shaping_begin(b, &s, 1, "shape in proto=udp : seed=1 delay=100000000");
	assert_int_equal(pthread_create(&other, NULL, end_soon, &s), 0);
	stream_run(b, &r);
	pthread_join(other, NULL);
	assert_int_equal(r.came, 3000);
	assert_int_equal(r.twice, 0);
	stream_free(&r);
}

/* How long nothing comes around a signal to the shaper, in ms, and how much is lost. */
static uint32_t gap_after(struct bed *b, int sig, uint32_t *lost)
{
	struct stream r = {.ip = "10.98.0.1", .from = B, .n = 3000, .every_ns = 1000000};
	struct timespec t = {.tv_nsec = 500000000};
	uint32_t gap = 0, most = 0;
	struct shaping s;
	pid_t pid;

	shaping_begin(b, &s, 1, "shape in proto=udp : seed=1 delay=50000000");
	/* another takes the place of who watches it */
	if (sig == SIGSTOP)
		assert_int_equal(shell("kill -KILL $(ps -o pid= --ppid %d)", s.h.holder.id.pid), 0);
	pid = fork();
	if (pid == 0) {
		nanosleep(&t, NULL);
		_exit(kill(s.h.holder.id.pid, sig));
	}
	stream_run(b, &r);
	waitpid(pid, NULL, 0);
	for (uint32_t i = 0; i < r.n; i++) {
		gap = r.delay_us[i] ? 0 : gap + 1;
		most = gap > most ? gap : most;
	}
	*lost = r.n - r.came;
	/* as it was: nothing is held back any more */
	assert_true(r.delay_us[r.n - 1] && r.delay_us[r.n - 1] < 40000);
	stream_free(&r);
	shaping_end(&s);
	print_message("signal %d: %u lost, %u in a row\n", sig, *lost, most);
	return most;
}

static void killed_it_loses_what_it_held(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t lost;

	assert_in_range(gap_after(b, SIGKILL, &lost), 1, 100);
	assert_in_range(lost, 1, 100);
}

static void stopped_it_is_ended(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t lost;

	assert_in_range(gap_after(b, SIGSTOP, &lost), 300, 999);
}

/* Whichever side sees it. */
static void on_loopback_a_packet_counts_once(void **state)
{
	static const struct {
		const char *shape;
		uint64_t in, out;
	} cases[] = {
	        {"shape in proto=udp : seed=1 delay=20000000", 100, 0},
	        {"shape in proto=udp port=7777 : seed=1 delay=20000000", 100, 0},
	        {"shape in proto=udp port=7777 dev=lo : seed=1 delay=20000000", 100, 0},
	        {"shape in proto=udp port=7777 dev=cable : seed=1 delay=20000000", 0, 0},
	        {"shape both proto=udp port=7777 dev=lo : seed=1 delay=20000000", 100, 0},
	        {"shape both proto=udp port=7777 : seed=1 every=4000000000", 100, 0},
	        {"shape out proto=udp dev=lo : seed=1 delay=20000000", 0, 100},
	        /* it goes to that port, it does not come from it */
	        {"shape out proto=udp port=7777 dev=lo : seed=1 delay=20000000", 0, 0},
	        {"shape out proto=udp port=7777 : seed=1 every=4000000000", 0, 0},
	        {"shape out proto=udp : seed=1 every=4000000000", 0, 100},
	        {"shape out proto=udp uid=0 dev=lo : seed=1 delay=20000000", 0, 100},
	        {"shape out proto=udp uid=4242 dev=lo : seed=1 delay=20000000", 0, 0},
	        {"shape out proto=udp uid=0 : seed=1 every=4000000000", 0, 100},
	};
	static const char *const ips[] = {"127.0.0.1", "::1", "10.98.0.1"};
	struct bed *b = bed_of(state);
	struct shaping s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *ip = ips[i % ARRAY_SIZE(ips)];
		bool delayed = cases[i].in + cases[i].out && strstr(cases[i].shape, "delay");
		struct delays d;

		print_message("%s\n", cases[i].shape);
		shaping_begin(b, &s, 1, cases[i].shape);
		d = measure(b, ip, A, 100, 200000);
		assert_in_range(d.p50_us, delayed ? 19950 : 0, delayed ? 38000 : 15000);
		assert_int_equal(counted(&s, "packets_in"), cases[i].in);
		assert_int_equal(counted(&s, "packets_out"), cases[i].out);
		assert_int_equal(counted(&s, "seen_packets"), cases[i].in + cases[i].out);
		shaping_end(&s);
	}
}

/* How long a TCP handshake from B with A takes, in us. */
static uint64_t handshake_us(struct bed *b, const char *ip)
{
	struct sockaddr_storage to;
	socklen_t n = address(&to, ip, PORT);
	int server = server_in(b, A, ip, SOCK_STREAM), fd = socket_in(b, B, ip, SOCK_STREAM);
	uint64_t start = mono_ns();

	assert_int_equal(connect(fd, (struct sockaddr *)&to, n), 0);
	start = mono_ns() - start;
	close(fd);
	close(server);
	return start / 1000;
}

static bool echo_takes_ms(struct bed *b, const char *ip, int from, int to)
{
	return shell("nsenter --net=%s ping -n -c 3 -i 0.2 %s | awk -F/ '/^(rtt|round)/ { exit "
	             "!($5 "
	             ">= %d && $5 < %d) }'",
	             b->net.path[B], ip, from, to) == 0;
}

static void every_protocol_is_delayed(void **state)
{
	static const char *const ips[] = {"10.98.0.1", "fd98::1"};
	static const char *const protos[] = {"udp", "tcp", "icmp"};
	struct bed *b = bed_of(state);
	struct shaping s;

	for (size_t i = 0; i < ARRAY_SIZE(ips); i++)
		for (size_t k = 0; k < ARRAY_SIZE(protos); k++) {
			BUF(shape, STATE_MAX);

			buf_addf(&shape, "shape in proto=%s : seed=1 delay=30000000", protos[k]);
			shaping_begin(b, &s, 1, shape.data);
			print_message("%s %s\n", ips[i], protos[k]);
			assert_in_range(measure(b, ips[i], B, 50, 200000).p50_us,
			                k == 0 ? 29900 : 0, k == 0 ? 45000 : 15000);
			assert_in_range(handshake_us(b, ips[i]), k == 1 ? 29900 : 0,
			                k == 1 ? 60000 : 25000);
			assert_true(echo_takes_ms(b, ips[i], k == 2 ? 29 : 0, k == 2 ? 60 : 25));
			shaping_end(&s);
		}
}

/* On its way out, and the sender does not learn of it. */
static void what_goes_out_is_lost_in_silence(void **state)
{
	static const char *const shapes[] = {
	        "shape out : seed=1 loss=1000000",
	        "shape both : seed=1 loss=1000000",
	        "shape out uid=0 : seed=1 loss=1000000",
	};
	static const char *const ips[] = {"10.98.0.2", "fd98::2"};
	struct bed *b = bed_of(state);
	struct shaping s;

	for (size_t i = 0; i < ARRAY_SIZE(shapes) * ARRAY_SIZE(ips); i++) {
		const char *ip = ips[i % ARRAY_SIZE(ips)];
		int server = server_in(b, B, ip, SOCK_DGRAM), fd = socket_in(b, A, ip, SOCK_DGRAM);
		struct pollfd p = {.fd = server, .events = POLLIN};
		struct sockaddr_storage to;
		socklen_t n = address(&to, ip, PORT);

		shaping_begin(b, &s, 1, shapes[i / ARRAY_SIZE(ips)]);
		for (int k = 0; k < 20; k++)
			assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, n), 1);
		assert_int_equal(poll(&p, 1, 100), 0);
		assert_true(counted(&s, "packets_out") >= 20);
		shaping_end(&s);
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, n), 1);
		assert_int_equal(poll(&p, 1, 1000), 1);
		close(fd);
		close(server);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(a_delay_is_added, left_end),
	        cmocka_unit_test_teardown(on_loopback_a_packet_counts_once, left_end),
	        cmocka_unit_test_teardown(every_protocol_is_delayed, left_end),
	        cmocka_unit_test_teardown(what_goes_out_is_lost_in_silence, left_end),
	        cmocka_unit_test_teardown(losses_are_those_of_the_seed, left_end),
	        cmocka_unit_test_teardown(copies_come_twice_and_once_only, left_end),
	        cmocka_unit_test_teardown(bits_are_flipped, left_end),
	        cmocka_unit_test_teardown(some_overtake, left_end),
	        cmocka_unit_test_teardown(a_rate_is_kept, left_end),
	        cmocka_unit_test_teardown(two_add_up_and_end_in_any_order, left_end),
	        cmocka_unit_test_teardown(levels_change_without_loss, left_end),
	        cmocka_unit_test_teardown(what_others_make_vanish_is_restored, left_end),
	        cmocka_unit_test_teardown(ended_in_order_it_loses_nothing, left_end),
	        cmocka_unit_test_teardown(killed_it_loses_what_it_held, left_end),
	        cmocka_unit_test_teardown(stopped_it_is_ended, left_end),
	};
	return cmocka_run_group_tests_name("shaper", tests, bed_setup, bed_teardown);
}
