/* call.c - one use of a fault, probe or action; and the names that are known but not built yet. */
#include <stdio.h>
#include <string.h>

#include "model/reading.h"

/*
 * The format's own words that no table has yet: a file that uses one is a good file, which this
 * build cannot run. A name leaves this list by itself when its table arrives.
 */
static const char *const later_faults[] = {
        "cert.expire",   "config.break",  "conntrack.fill", "cpu.frequency",
        "cpu.load",      "cpu.offline",   "cpu.quota",      "dev.remove",
        "disk.delay",    "disk.error",    "disk.fill",      "disk.load",
        "disk.throttle", "dns.answer",    "dns.fail",       "dns.slow",
        "env.dns",       "fds.fill",      "file.replace",   "fs.freeze",
        "fs.remount-ro", "fs.shutdown",   "host.hang",      "host.panic",
        "host.reboot",   "host.shutdown", "inodes.fill",    "link.down",
        "link.flap",     "log.storm",     "mem.fill",       "mem.leak",
        "mem.limit",     "mem.oom",       "mem.swap",       "net.conntrack-drop",
        "net.corrupt",   "net.cut",       "net.delay",      "net.duplicate",
        "net.flap",      "net.loss",      "net.mtu",        "net.rate",
        "net.reorder",   "net.reset",     "net.slow-close", "perm.drop",
        "pids.fill",     "pids.max",      "ports.fill",     "proc.affinity",
        "proc.crash",    "proc.fd-close", "proc.kill",      "proc.leak",
        "proc.nice",     "proc.pause",    "proc.slow",      "route.blackhole",
        "time.leap",     "time.skew",     "user.lock",      NULL,
};
static const char *const later_probes[] = {
        "alertmanager", "cgroup",  "container", "disk", "dns",      "exec",
        "file",         "http",    "log",       "ping", "pressure", "process",
        "prometheus",   "sockets", "tcp",       "tls",  "unit",     NULL,
};
static const char *const later_actions[] = {
        "exec", "http", "marker", "remedy", "restore", NULL,
};

static const struct kind *const *kinds_of(const struct reading *r, enum call_of of)
{
	const struct catalogue *c = r->catalogue;
	return of == CALL_FAULT ? c->faults : of == CALL_PROBE ? c->probes : c->actions;
}

const char *const *call_later(enum call_of of)
{
	return of == CALL_FAULT ? later_faults : of == CALL_PROBE ? later_probes : later_actions;
}

static const char *const list_hints[] = {
        [CALL_FAULT] = "\"squall faults\" lists what there is.",
        [CALL_PROBE] = "\"squall probes\" lists what there is.",
        [CALL_ACTION] = "It is one of exec and http.",
};

static const char *word_of(enum call_of of)
{
	return of == CALL_FAULT ? "fault" : of == CALL_PROBE ? "probe" : "action";
}

static const struct kind *kind_find(const struct reading *r, enum call_of of, const char *name)
{
	const struct kind *const *v = kinds_of(r, of);
	for (size_t i = 0; v != NULL && v[i] != NULL; i++)
		if (strcmp(v[i]->name, name) == 0)
			return v[i];
	return NULL;
}

bool call_known(const struct reading *r, enum call_of of, const char *name)
{
	const char *const *later = call_later(of);
	for (size_t i = 0; later[i] != NULL; i++)
		if (strcmp(later[i], name) == 0)
			return true;
	return kind_find(r, of, name) != NULL;
}

const char *const *call_names(struct reading *r, enum call_of of)
{
	const struct kind *const *kinds = kinds_of(r, of);
	const char *const *later = call_later(of);
	static const char *const none[] = {NULL};
	size_t n = 1, at = 0;
	for (size_t i = 0; kinds != NULL && kinds[i] != NULL; i++)
		n++;
	for (size_t i = 0; later[i] != NULL; i++)
		n++;
	const char **names = reading_alloc(r, n * sizeof(*names));
	if (names == NULL)
		return none;
	for (size_t i = 0; kinds != NULL && kinds[i] != NULL; i++)
		names[at++] = kinds[i]->name;
	for (size_t i = 0; later[i] != NULL; i++)
		if (kind_find(r, of, later[i]) == NULL)
			names[at++] = later[i];
	return names;
}

static void secrets_find(struct reading *r, const struct kind *kind, const struct node *map)
{
	for (const struct param *p = kind->params; p != NULL && p->name != NULL; p++) {
		const struct node *n = p->flags & PARAM_SECRET ? node_get(map, p->name) : NULL;
		if (n != NULL && n->type == NODE_SCALAR)
			secret_add(r, n->text);
	}
}

void call_read(struct reading *r, enum call_of of, const char *name, struct where at,
               const struct node *value, const char *whose, struct call *call)
{
	*call = (struct call){.name = name, .at = at, .levels = 1};
	call->kind = kind_find(r, of, name);
	if (call->kind == NULL && !call_known(r, of, name)) {
		const char *near = word_nearest(r->problems, name, call_names(r, of));
		const char *hint = near != NULL ? arena_printf(r->problems->arena,
		                                               "Did you mean \"%s\"?", near)
		                                : list_hints[of];
		PROBLEM(r, at, "unknown-kind", hint, "there is no %s \"%s\"", word_of(of), name);
		return;
	}
	if (call->kind == NULL) {
		unbuilt_add(r, at, "the %s \"%s\" of %s", word_of(of), name, whose);
		call->with = value;
		return;
	}
	if (value != NULL) {
		call->with = call_map(r->arena, call->kind, value);
		if (call->with == NULL) {
			PROBLEM(r, value->at, "wrong-type", "Write {NAME: VALUE}.",
			        "%s needs its parameters as a map, not %s", name, node_says(value));
			return;
		}
		secrets_find(r, call->kind, call->with);
	}
	call->levels = ramp_read(r, call->kind, call->with, &call->ramp, &call->hold_ns);
	for (size_t i = call->levels; i-- > 0;) {
		size_t errors = r->problems->errors;
		call->args = params_bind(call->kind, call->with, i, at, r->arena,
		                         vars_documents(r->x->vars), r->problems);
		if (r->problems->errors > errors)
			break; /* the other levels have the same to say */
	}
	if (call->levels > 1)
		unbuilt_add(r, at, "levels of \"%s\" in %s", call->ramp, whose);
}
