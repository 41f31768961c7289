/* policy-keys.c - the keys of a policy as data, and what a read one says of a key or a moment. */
#include <string.h>

#include "base/zone.h"
#include "model/policy-state.h"

enum { MINUTES_DAY = 24 * 60, MINUTES_AHEAD = 8 * MINUTES_DAY };
#define NS_PER_MINUTE (60 * NS_PER_S)

struct where policy_said(const struct policy *p, const char *key)
{
	for (size_t i = 0; policy_keys[i].name != NULL; i++)
		if (strcmp(policy_keys[i].name, key) == 0)
			return p->said_at[i];
	return (struct where){0, 0};
}

size_t policy_rules(const struct policy *p)
{
	size_t n = 0;
	for (size_t i = 0; policy_keys[i].name != NULL; i++)
		n += p->said_at[i].line > 0 && policy_keys[i].kind != POLICY_VERSION &&
		     strstr(policy_keys[i].name, "[]") == NULL;
	return n;
}

static bool is_day(const struct policy_window *w, unsigned wday)
{
	return w->days == 0 || (w->days >> wday & 1) != 0;
}

static bool is_in(const struct policy_window *w, unsigned wday, unsigned minute)
{
	unsigned from = w->from.said ? w->from.minute : 0;
	unsigned to = w->to.said ? w->to.minute : MINUTES_DAY;
	if (from < to)
		return is_day(w, wday) && minute >= from && minute < to;
	/* Over midnight: the days are those on which it begins. */
	return (is_day(w, wday) && minute >= from) || (is_day(w, (wday + 6) % 7) && minute < to);
}

bool policy_is_open(const struct policy *p, unsigned wday, unsigned minute)
{
	for (size_t i = 0; i < p->windows.n; i++)
		if (is_in(&p->windows.v[i], wday, minute))
			return true;
	return !p->windows.said;
}

struct open_walk {
	const struct policy *p;
	bool first, open;
};

/* Stops at the first minute that differs from the first one. */
static bool differs(void *ctx, unsigned wday, unsigned minute)
{
	struct open_walk *walk = ctx;
	bool open = policy_is_open(walk->p, wday, minute);
	if (walk->first)
		walk->open = open;
	walk->first = false;
	return open != walk->open;
}

/* Minute by minute, so that an hour that a clock change leaves out or repeats is what it is. */
bool policy_open_at(const struct policy *p, uint64_t wall_ns, uint64_t *change_ns)
{
	struct open_walk walk = {.p = p, .first = true, .open = true};
	uint64_t minute = wall_ns / NS_PER_MINUTE;
	size_t n;
	*change_ns = UINT64_MAX;
	if (!p->windows.said)
		return true;
	n = zone_minutes(p->zone, (int64_t)(minute * 60), MINUTES_AHEAD, differs, &walk);
	if (n < MINUTES_AHEAD)
		*change_ns = (minute + n) * NS_PER_MINUTE;
	return walk.open;
}

#define AT(member) offsetof(struct policy, member)
#define PROCESS(member) offsetof(struct policy_process, member)

const struct policy_key policy_keys[] = {
        {"squall-policy", POLICY_VERSION, AT(path), .example = "1",
         .help = "version of the format; the file must begin with it"},
        {"faults.allowed", POLICY_FAULTS, AT(faults_allowed), .dflt = "all",
         .example = "[network, proc.pause, \"cpu.*\"]",
         .help = "faults that may run: names, families (net), classes (resource, network, state) "
                 "or globs"},
        {"faults.denied", POLICY_FAULTS, AT(faults_denied), .dflt = "none",
         .example = "[proc.kill]",
         .help = "faults that may not run, also when they are among those allowed"},
        {"limits", POLICY_LIMITS, AT(limits), .dflt = "none",
         .example = "{cpu.quota: {quota: at least 10%}, file.replace: {path: [/srv/shop/*]}}",
         .help = "greatest (or, with \"at least\", least) value of a fault's parameter; for a "
                 "text, "
                 "globs of which one must match"},
        {"allow", POLICY_WORDS, AT(allow), .choices = "irreversible|host-wide|control-path",
         .dflt = "all three", .example = "[host-wide]",
         .help = "what a file or a flag may allow itself; what is not here is refused"},
        {"commands", POLICY_BOOL, AT(commands), .dflt = "true", .example = "false",
         .help = "false: no experiment may carry a command of its own (exec, custom, command)"},
        {"blast-radius.targets", POLICY_PICK, AT(targets), .dflt = "all", .example = "25%",
         .help = "most targets: a number over all attacks of a run, or a share of what each "
                 "attack's selector matches"},
        {"blast-radius.max-duration", POLICY_DURATION, AT(max_duration_ns), .dflt = "no limit",
         .example = "10m", .help = "greatest duration of a run, from arming to the deadline"},
        {"protect.processes", POLICY_LIST, AT(processes), sizeof(struct policy_process),
         .dflt = "none", .example = "[{name: postgres}]",
         .help = "processes that are never a target, nor a cgroup or namespace that holds one; all "
                 "terms of an entry must match"},
        {"protect.processes[].name", POLICY_TEXT, PROCESS(name), .example = "postgres",
         .help = "name of the program; glob"},
        {"protect.processes[].exe", POLICY_TEXT, PROCESS(exe), .example = "/usr/sbin/sshd",
         .help = "path of the program, or its file name; glob"},
        {"protect.processes[].user", POLICY_TEXT, PROCESS(user), .example = "backup",
         .help = "its user, by name or number"},
        {"protect.processes[].listens", POLICY_TEXT, PROCESS(listens), .example = "5432",
         .help = "a port that it listens on: 5432, 53/udp"},
        {"protect.processes[].unit", POLICY_TEXT, PROCESS(unit), .example = "cron.service",
         .help = "the systemd unit that it belongs to; glob"},
        {"protect.processes[].cgroup", POLICY_TEXT, PROCESS(cgroup), .example = "/backup",
         .help = "the cgroup that it is in, or one above it"},
        {"protect.processes[].pid-file", POLICY_TEXT, PROCESS(pid_file),
         .example = "/run/haproxy.pid", .help = "the file that holds its number"},
        {"protect.units", POLICY_GLOBS, AT(units), .dflt = "none", .example = "[ssh.service]",
         .help = "systemd units that are never a target, with their processes; globs"},
        {"protect.cgroups", POLICY_GLOBS, AT(cgroups), .dflt = "none", .example = "[/backup]",
         .help = "cgroups that are never a target, with all below them; globs"},
        {"control-path", POLICY_LIST, AT(ways), sizeof(struct policy_way), .dflt = "none",
         .example = "[{port: 22}, {interface: mgmt0}]",
         .help = "traffic of the machine that may never be cut; all terms of an entry must match"},
        {"control-path[].address", POLICY_ADDRESS, offsetof(struct policy_way, address),
         .example = "10.0.0.0/8", .help = "remote address or network"},
        {"control-path[].port", POLICY_PORTS, offsetof(struct policy_way, ports), .example = "22",
         .help = "port at either end, or a span of them"},
        {"control-path[].interface", POLICY_TEXT, offsetof(struct policy_way, interface),
         .example = "mgmt0", .help = "network device; glob"},
        {"times.zone", POLICY_TEXT, AT(zone), .dflt = "the machine's own",
         .example = "Europe/Berlin", .help = "time zone of the windows"},
        {"times.windows", POLICY_LIST, AT(windows), sizeof(struct policy_window), .dflt = "always",
         .example = "[{days: [mon-fri], from: \"09:00\", to: \"17:00\"}]",
         .help = "when runs may be made; a run that could reach beyond is refused"},
        {"times.windows[].days", POLICY_DAYS, offsetof(struct policy_window, days),
         .dflt = "every day", .example = "[mon-thu]", .help = "days on which the window begins"},
        {"times.windows[].from", POLICY_TIME, offsetof(struct policy_window, from), .dflt = "00:00",
         .example = "\"09:00\"", .help = "when it begins"},
        {"times.windows[].to", POLICY_TIME, offsetof(struct policy_window, to), .dflt = "24:00",
         .example = "\"17:00\"", .help = "when it ends; before \"from\": on the next day"},
        {"who.users", POLICY_GLOBS, AT(users), .dflt = "everyone", .example = "[root, alice]",
         .help = "users who may run, by name or number; [root] alone: no ordinary user"},
        {"who.groups", POLICY_GLOBS, AT(groups), .dflt = "none", .example = "[sre]",
         .help = "groups whose members may run"},
        {"floors.memory", POLICY_SIZE, AT(floors.mem_bytes), .dflt = "0", .example = "512MiB",
         .help = "memory that is left to the machine"},
        {"floors.disk", POLICY_SIZE, AT(floors.disk_bytes), .dflt = "0", .example = "1GiB",
         .help = "space that is left on each file system"},
        {"floors.process-ids", POLICY_COUNT, AT(floors.pids), .dflt = "0", .example = "1000",
         .help = "process ids that are left, to the machine and in the cgroups that squall is in"},
        {"halt", POLICY_WORD, AT(halt), .choices = "anyone|root", .dflt = "anyone",
         .example = "root", .help = "who may halt the runs of others"},
        {NULL},
};
