/* cpu.c - burns a share of CPUs: a thread on each. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/cpus.h"
#include "base/quantity.h"
#include "helper/cpu-control.h"
#include "helper/held.h"

/*
 * STATE: "load=PPM cpus=LIST mode=own|total". Own: a thread on each CPU of the list burns that
 * share of it. Total: so much that all use of the CPU comes to that share.
 *
 * Priority: real-time where that is allowed, so that a busy machine cannot take the share away, but
 * for at most REALTIME_MOST_NS of each window; what is asked above that is burnt as everybody else
 * burns. So a fifth of each CPU is left to the machine, the keeper among it, whatever is asked. In
 * a cgroup a real-time thread would escape the group's limits: there, and where real-time is
 * refused, a better nice value must do.
 */
#define REALTIME_MOST_NS (CPU_WINDOW_NS / 5 * 4)
#define READING_NS 100000000ull
enum { NICE = -10, STACK_BYTES = 65536 };

struct burn;

struct burner {
	struct burn *all;
	size_t cpu;
	pthread_t thread;
	bool running;   /* of the main thread's alone */
	bool stop;      /* atomic */
	bool realtime;  /* of the burner's alone, as what follows */
	bool is_raised; /* in real-time just now */
	int stat, schedstat;
	uint64_t waited_ns;
	struct cpu_control control;
	struct cpu_total total;
	struct cpu_reading reading;
};

struct burn {
	uint32_t asked_ppm; /* atomic, as is total */
	bool total, in_cgroup;
	uint64_t *asked, *burnt, *held, *waited, *busy, *watched, *cpus, *realtime, *better;
	struct burner v[CPUS_MAX];
};

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Until so much CPU time is used, or that instant has come. */
static void burn(uint64_t cpu_ns, uint64_t until_ns)
{
	volatile uint64_t x = 1;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < cpu_ns && clock_ns(CLOCK_MONOTONIC) < until_ns)
		for (int i = 0; i < 2000; i++)
			x = x * 6364136223846793005ull + 1442695040888963407ull;
}

static bool raise_to(int policy, int priority)
{
	struct sched_param p = {.sched_priority = priority};

	return sched_setscheduler(0, policy, &p) == 0;
}

static void priority_begin(struct burner *b)
{
	b->realtime = b->is_raised = !b->all->in_cgroup && raise_to(SCHED_FIFO, 1);
	if (b->realtime)
		add(b->all->realtime, 1);
	else if (setpriority(PRIO_PROCESS, 0, NICE) == 0)
		add(b->all->better, 1);
}

static void burn_window(struct burner *b, uint64_t on_ns, uint64_t until_ns)
{
	uint64_t from = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	if (b->realtime && !b->is_raised)
		b->is_raised = raise_to(SCHED_FIFO, 1);
	if (b->is_raised && on_ns > REALTIME_MOST_NS) {
		burn(from + REALTIME_MOST_NS, until_ns);
		b->is_raised = !raise_to(SCHED_OTHER, 0);
		if (b->is_raised)
			return;
	}
	burn(from + on_ns, until_ns);
}

/* How long this thread was ready and another ran (proc_pid_schedstat, field 2). */
static void waited_note(struct burner *b)
{
	char text[96];
	ssize_t n = pread(b->schedstat, text, sizeof(text) - 1, 0);
	unsigned long long waited = 0;

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%*u %llu", &waited) == 1 && waited > b->waited_ns) {
		add(b->all->waited, waited - b->waited_ns);
		b->waited_ns = waited;
	}
}

/* All use of this CPU: the time that it was not idle, from /proc/stat. */
static bool busy_read(const struct burner *b, uint64_t now_ns, uint64_t *busy_ns)
{
	static _Thread_local char text[65536];
	unsigned long long idle, iowait;
	const char *line;
	ssize_t n = pread(b->stat, text, sizeof(text) - 1, 0);
	char word[16];

	text[n > 0 ? n : 0] = '\0';
	snprintf(word, sizeof(word), "\ncpu%zu ", b->cpu);
	line = strstr(text, word);
	if (!line || sscanf(line + strlen(word), "%*u %*u %*u %llu %llu", &idle, &iowait) != 2)
		return false;
	*busy_ns = now_ns - (idle + iowait) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}

/* The share to burn until the next reading. */
static uint32_t total_follow(struct burner *b, uint64_t now_ns, uint32_t asked_ppm)
{
	struct cpu_reading r = {.ns = now_ns, .own_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID)};

	if (!busy_read(b, now_ns, &r.busy_ns))
		return asked_ppm;
	if (b->total.n && r.busy_ns > b->reading.busy_ns)
		add(b->all->busy, r.busy_ns - b->reading.busy_ns);
	if (b->total.n)
		add(b->all->watched, r.ns - b->reading.ns);
	b->reading = r;
	return cpu_total_next(&b->total, &r, asked_ppm);
}

static void *burner_main(void *ctx)
{
	struct burner *b = ctx;
	uint64_t start, cpu, look, share = __atomic_load_n(&b->all->asked_ppm, __ATOMIC_RELAXED);

	prctl(PR_SET_TIMERSLACK, 1000ul); /* else a sleep may take 50 us more */
	b->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	b->stat = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	priority_begin(b);
	look = start = clock_ns(CLOCK_MONOTONIC);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		uint32_t asked = __atomic_load_n(&b->all->asked_ppm, __ATOMIC_RELAXED);
		bool total = __atomic_load_n(&b->all->total, __ATOMIC_RELAXED);
		uint64_t end = start + CPU_WINDOW_NS, now, used;

		if (!total)
			share = asked;
		if (start >= look) {
			waited_note(b);
			if (total)
				share = total_follow(b, start, asked);
			look = start + READING_NS;
		}
		burn_window(b, cpu_control_next(&b->control, (uint32_t)share), end);
		sleep_until(end);
		now = clock_ns(CLOCK_MONOTONIC);
		used = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		cpu_control_note(&b->control, now - start, used - cpu, (uint32_t)share);
		add(b->all->held, now - start);
		add(b->all->burnt, used - cpu);
		add(b->all->asked, (now - start) * asked / PPM_ALL);
		start = now;
		cpu = used;
	}
	fd_close(&b->schedstat);
	fd_close(&b->stat);
	return NULL;
}

static int burner_start(struct burn *all, size_t cpu, struct err *err)
{
	struct burner *b = &all->v[cpu];
	pthread_attr_t attr;
	cpu_set_t set;
	int code;

	*b = (struct burner){.all = all, .cpu = cpu};
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES * 4);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	code = pthread_create(&b->thread, &attr, burner_main, b);
	pthread_attr_destroy(&attr);
	b->running = code == 0;
	if (code == EINVAL)
		return err_hint(
		        err, err_set(err, -EINVAL, "cannot run on CPU %zu", cpu),
		        "It is offline, or the cpuset that squall runs in does not have it.");
	return code ? err_sys(err, code, "could not start a burner on CPU %zu", cpu) : 0;
}

static int burners_set(struct burn *all, const struct cpus *cpus, struct err *err)
{
	int code = 0;

	for (size_t i = 0; i < CPUS_MAX; i++)
		if (all->v[i].running && !cpus_has(cpus, i))
			__atomic_store_n(&all->v[i].stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < CPUS_MAX; i++)
		if (all->v[i].running && !cpus_has(cpus, i)) {
			pthread_join(all->v[i].thread, NULL);
			all->v[i].running = false;
		}
	for (size_t i = 0; i < CPUS_MAX && code == 0; i++)
		if (cpus_has(cpus, i) && !all->v[i].running)
			code = burner_start(all, i, err);
	held_count(all->cpus, cpus_count(cpus));
	return code;
}

static int cpu_order(void *ctx, struct held *h, const char *state, struct err *err)
{
	struct burn *all = ctx;
	char list[HELD_STATE_MAX], mode[8];
	struct cpus cpus;
	unsigned load;
	int code;

	if (sscanf(state, "load=%u cpus=%479s mode=%7s", &load, list, mode) != 3 ||
	    load > PPM_ALL || cpus_parse(list, &cpus, NULL) < 0 || !cpus_count(&cpus))
		return err_set(err, -EINVAL, "cannot read the load \"%s\"", state);
	if (!all->asked) {
		all->asked = held_counter(h, "asked_ns");
		all->burnt = held_counter(h, "burnt_ns");
		all->held = held_counter(h, "held_ns");
		all->waited = held_counter(h, "waited_ns");
		all->busy = held_counter(h, "busy_ns");
		all->watched = held_counter(h, "watched_ns");
		all->cpus = held_counter(h, "cpus");
		all->realtime = held_counter(h, "realtime");
		all->better = held_counter(h, "better_nice");
		all->in_cgroup = h->object.where[0];
	}
	__atomic_store_n(&all->asked_ppm, load, __ATOMIC_RELAXED);
	__atomic_store_n(&all->total, strcmp(mode, "total") == 0, __ATOMIC_RELAXED);
	code = burners_set(all, &cpus, err);
	return code;
}

static uint64_t cpu_work(void *ctx, struct held *h)
{
	return NS_PER_S;
}

static int cpu_main(int sock, const char *const *args)
{
	static const struct held_kind kind = {
	        .in_cgroup = true, .order = cpu_order, .work = cpu_work};
	struct burn *all = calloc(1, sizeof(*all));

	return all ? held_main(sock, args, &kind, all) : 1;
}

const struct helper_type helper_cpu = {.name = "cpu", .main = cpu_main};
