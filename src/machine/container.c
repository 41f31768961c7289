/* Containers: what the sockets tell, and what cgroups are called. */
#include "machine/container.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "machine/docker.h"
#include "machine/group.h"

enum { ID_DIGITS = 64 };

static bool is_id(const char *text, size_t n)
{
	return n == ID_DIGITS && strspn(text, "0123456789abcdef") >= n;
}

/* What engines put before an id: Docker, Podman, containerd and CRI-O under Kubernetes, nerdctl. */
static const char *const prefixes[] = {
        "docker-", "libpod-", "cri-containerd-", "crio-", "nerdctl-", "containerd-", ""};

/* "machine-NAME.scope": systemd-nspawn; virtual machines are named so too. */
static bool machine_name(const char *name, size_t n, char id[128])
{
	static const char prefix[] = "machine-", dash[] = "\\x2d";
	struct buf b;

	buf_init(&b, id, 128);
	if (n <= strlen(prefix) || strncmp(name, prefix, strlen(prefix)) != 0 ||
	    strncmp(name, "machine-qemu", 12) == 0)
		return false;
	for (size_t i = strlen(prefix); i < n; i++) {
		bool escaped = strncmp(name + i, dash, strlen(dash)) == 0;

		buf_addc(&b, escaped ? '-' : name[i]);
		i += escaped ? strlen(dash) - 1 : 0;
	}
	return !b.over;
}

bool container_of_cgroup(const char *parent, const char *name, char id[128])
{
	static const char scope[] = ".scope", payload[] = "lxc.payload.";
	size_t n = strlen(name), tail = strlen(scope);
	bool is_scope = n > tail && strcmp(name + n - tail, scope) == 0;

	if (strcmp(parent, "lxc") == 0)
		return text_copy(id, 128, name) == 0;
	if (strncmp(name, payload, strlen(payload)) == 0)
		return text_copy(id, 128, name + strlen(payload)) == 0;
	n -= is_scope ? tail : 0;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (n > len && strncmp(name, prefixes[i], len) == 0 && is_id(name + len, n - len)) {
			snprintf(id, 128, "%.*s", ID_DIGITS, name + len);
			return true;
		}
	}
	return is_scope && strcmp(parent, "machine.slice") == 0 && machine_name(name, n, id);
}

/* Adding */

static struct container *add(struct containers *to, struct arena *a, const char *id)
{
	struct container *v = arena_grow(a, to->v, to->n, &to->cap, sizeof(*v));
	char *copy = arena_strdup(a, id);

	if (!v || !copy)
		return NULL;
	to->v = v;
	v[to->n] = (struct container){.id = copy, .name = "", .image = "", .labels = ""};
	return &v[to->n++];
}

static bool has(const struct containers *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].id, id) == 0)
			return true;
	}
	return false;
}

static const char *text_of(struct arena *a, const json_t *value)
{
	const char *text = json_string_value(value);
	char *copy = arena_strdup(a, text ? text : "");

	return copy ? copy : "";
}

static const char *labels_of(struct arena *a, json_t *labels)
{
	char *all = arena_strdup(a, json_object_size(labels) ? "\n" : "");
	const char *key;
	json_t *value;

	json_object_foreach (labels, key, value) {
		char *one = arena_printf(a, "%s=%s", key, text_of(a, value));

		for (char *c = one; c && *c; c++)
			*c = *c == '\n' ? ' ' : *c;
		if (all && one)
			all = arena_printf(a, "%s%s\n", all, one);
	}
	return all ? all : "";
}

/* "/shop" among "/shop" and "/web/shop-alias", which are links of old. */
static const char *name_of(struct arena *a, json_t *names)
{
	const char *found = "";
	json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		const char *text = json_string_value(name);

		if (!text)
			continue;
		text += *text == '/';
		if (!strchr(text, '/') && !*found)
			found = text;
	}
	found = arena_strdup(a, found);
	return found ? found : "";
}

static int ask(const struct world *w, struct arena *a, const char *socket, uint64_t limit_ns,
               struct containers *to, struct err *err)
{
	json_t *list = docker_get(w, socket, "/containers/json", limit_ns, err), *one;
	size_t i;
	int ret = 0;

	if (!list)
		return err->code;
	json_array_foreach (list, i, one) {
		const char *id = json_string_value(json_object_get(one, "Id"));
		struct container *c;

		/* Podman's socket may be there under Docker's name too. */
		if (!id || has(to, id))
			continue;
		c = add(to, a, id);
		if (!c) {
			ret = err_set(err, -ENOMEM, "more containers than memory for them");
			break;
		}
		c->name = name_of(a, json_object_get(one, "Names"));
		c->image = text_of(a, json_object_get(one, "Image"));
		c->labels = labels_of(a, json_object_get(one, "Labels"));
		c->socket = socket;
	}
	json_decref(list);
	return ret;
}

/* By cgroup */

struct walk {
	struct containers *to;
	struct arena *a;
};

static int cgroup_each(void *ctx, const char *dir, const char *name)
{
	struct walk *walk = ctx;
	struct container *c;
	char parent[CGROUP_PATH_MAX], id[128];
	char *slash;

	(void)text_copy(parent, sizeof(parent), dir);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
	slash = strrchr(parent, '/');
	if (!slash || !container_of_cgroup(slash + 1, name, id) || has(walk->to, id))
		return 0;
	c = add(walk->to, walk->a, id);
	if (!c)
		return -ENOMEM;
	c->dir = arena_strdup(walk->a, dir);
	return c->dir ? 0 : -ENOMEM;
}

/* An engine may use only some of the hierarchies. */
static int by_cgroup(const struct world *w, const struct cgroups *c, struct walk *walk)
{
	static const char *const usual[] = {"name=systemd", "memory", "cpu", "pids"};
	int ret = c->v2.dir[0] ? cgroup_walk(w, c->v2.dir, cgroup_each, walk) : 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(usual); i++) {
		const struct cgroup_mount *m = cgroup_v1(c, usual[i]);

		if (m)
			ret = cgroup_walk(w, m->dir, cgroup_each, walk);
	}
	return ret;
}

static int by_name(const void *a, const void *b)
{
	const struct container *x = a, *y = b;
	int ret = strcmp(x->name, y->name);

	return ret ? ret : strcmp(x->id, y->id);
}

int containers_read(const struct world *w, const struct cgroups *c, struct arena *a,
                    struct containers *to, struct err *err)
{
	struct docker_sockets sockets;
	uint64_t until = clock_boot_ns() + CONTAINER_LIMIT_NS;
	struct walk walk = {to, a};
	int ret;

	*to = (struct containers){.n = 0};
	to->trouble = (struct err)ERR_INIT;
	ret = docker_sockets(w, a, &sockets, &to->trouble);
	(void)text_copy(to->looked, sizeof(to->looked), sockets.looked);
	for (size_t i = 0; ret == 0 && i < sockets.n; i++) {
		uint64_t now = clock_boot_ns();
		struct err why = ERR_INIT;

		if (ask(w, a, sockets.v[i], until > now ? until - now : 1, to, &why) == 0)
			to->asked++;
		else if (why.code == -ENOMEM)
			return err_set(err, why.code, "%s", why.what);
		else
			to->trouble = why;
	}
	if (by_cgroup(w, c, &walk) == -ENOMEM)
		return err_set(err, -ENOMEM, "more containers than memory for them");
	if (to->n)
		qsort(to->v, to->n, sizeof(*to->v), by_name);
	return 0;
}

/* Matching */

/* "docker.io/library/nginx:1.25" is also "nginx:1.25" and "nginx". */
static bool image_matches(const char *image, const char *value)
{
	static const char *const registries[] = {"docker.io/library/", "docker.io/", "localhost/",
	                                         ""};
	char bare[256];
	char *tag;

	if (fnmatch(value, image, 0) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(registries); i++) {
		size_t n = strlen(registries[i]);

		if (strncmp(image, registries[i], n) != 0)
			continue;
		snprintf(bare, sizeof(bare), "%s", image + n);
		if (fnmatch(value, bare, 0) == 0)
			return true;
		bare[strcspn(bare, "@")] = '\0';
		tag = strrchr(bare, ':');
		if (tag && !strchr(tag, '/'))
			*tag = '\0';
		return fnmatch(value, bare, 0) == 0;
	}
	return false;
}

static bool label_matches(const char *labels, const char *value)
{
	size_t key = strcspn(value, "=");
	char one[512];

	for (const char *l = *labels ? labels + 1 : labels; *l; l += strcspn(l, "\n") + 1) {
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(l, "\n"), l);
		if (strncmp(one, value, key) != 0 || one[key] != '=')
			continue;
		return !value[key] || fnmatch(value + key + 1, one + key + 1, 0) == 0;
	}
	return false;
}

bool container_matches(const struct container *c, const char *field, const char *value)
{
	if (strcmp(field, "id") == 0)
		return strncmp(c->id, value, strlen(value)) == 0 || fnmatch(value, c->id, 0) == 0;
	if (strcmp(field, "name") == 0)
		return c->name[0] && fnmatch(value, c->name, 0) == 0;
	if (strcmp(field, "image") == 0)
		return c->image[0] && image_matches(c->image, value);
	return strcmp(field, "label") == 0 && label_matches(c->labels, value);
}

static uint64_t namespace_of(const struct world *w, const char *pid)
{
	unsigned long long n = 0;
	char path[48];
	BUF(link, 64);

	snprintf(path, sizeof(path), "/proc/%s/ns/pid", pid);
	if (world_readlink(w, path, &link, NULL) < 0 || sscanf(link.data, "pid:[%llu]", &n) != 1)
		return 0;
	return n;
}

/* A socket may lead to another machine, whose numbers mean other processes here: the process must
 * lie in the container's cgroup, or at least in a namespace of its own. */
static bool is_here(const struct world *w, const struct container *c, pid_t pid)
{
	char number[16];
	uint64_t there;
	BUF(text, 8192);

	snprintf(number, sizeof(number), "%d", pid);
	if (world_readf(w, &text, NULL, "/proc/%s/cgroup", number) < 0)
		return false;
	there = namespace_of(w, number);
	return strstr(text.data, c->id) || (there && there != namespace_of(w, "self"));
}

int container_main(const struct world *w, const struct container *c, struct arena *a, pid_t *pid,
                   struct err *err)
{
	const char *called = c->name[0] ? c->name : c->id;
	char path[256];
	json_t *doc;
	pid_t found;

	if (!c->socket) {
		found = group_main(w, c->dir);
		if (found <= 0)
			return err_set(err, -ENOENT, "container \"%.12s\" has no process", called);
		*pid = found;
		return 0;
	}
	snprintf(path, sizeof(path), "/containers/%.100s/json", c->id);
	doc = docker_get(w, c->socket, path, CONTAINER_LIMIT_NS, err);
	if (!doc)
		return err ? err->code : -EIO;
	found = (pid_t)json_integer_value(json_object_get(json_object_get(doc, "State"), "Pid"));
	json_decref(doc);
	if (found <= 0)
		return err_set(err, -ENOENT, "container \"%s\" does not run", called);
	if (!is_here(w, c, found)) {
		err_set(err, -ENOENT, "container \"%s\" is not here: process %d is none of its",
		        called, found);
		return err_hint(err, -ENOENT,
		                "The socket \"%s\" leads to another machine, or the container has "
		                "just ended.",
		                c->socket);
	}
	*pid = found;
	return 0;
}
