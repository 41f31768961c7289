/* The host names that an attack names, resolved within a time limit. */
#include "run/attack-names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/paths.h"
#include "base/quantity.h"
#include "run/attack-plan.h"

static struct names *names_new(struct arena *arena)
{
	struct names *names = arena_alloc(arena, sizeof(*names));

	if (names)
		names->n = 0;
	return names;
}

int attack_names(const struct experiment *x, const struct method *attack, struct arena *arena,
                 struct names **out, struct err *err)
{
	const struct param *p = attack->call.kind->params;
	const char *args = NULL;
	int ret = 0;

	*out = NULL;
	for (; ret == 0 && p && p->name; p++) {
		if (!(p->flags & PARAM_HOSTS))
			continue;
		if (!args)
			args = attack_args(x, attack, 0, arena, err);
		if (!args)
			return -EINVAL;
		const struct text_list *list = (const void *)(args + p->offset);

		for (size_t i = 0; ret == 0 && i < list->n; i++) {
			const char *text = list->v[i] + (list->v[i][0] == '^');

			if (!name_is_host(text))
				continue;
			if (!*out)
				*out = names_new(arena);
			ret = *out ? names_add(*out, text, err)
			           : err_sys(err, ENOMEM, "could not note \"%s\"", text);
		}
	}
	return ret;
}

/* All of the answer, or less when time is up or nobody writes any more. */
static size_t answer_read(int fd, struct names_answer *to, uint64_t until_ns)
{
	size_t n = 0;

	for (;;) {
		uint64_t now_ns = clock_boot_ns();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (now_ns >= until_ns || n == sizeof(*to))
			return n;
		if (poll(&p, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0)
			continue;
		got = read(fd, (char *)to + n, sizeof(*to) - n);
		if (got <= 0 && errno != EINTR)
			return n;
		n += got > 0 ? (size_t)got : 0;
	}
}

int names_resolve(const struct world *w, struct names *names, struct err *err)
{
	struct names_answer answer;
	int ends[2];
	size_t n;

	if (!names)
		return 0;
	if (!world_is_real(w))
		return names_look_up(w, names, err);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "could not make a pipe");
	_cleanup_fd_ int in = ends[0], out = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "could not start a process to resolve names");
	if (pid == 0) {
		answer = (struct names_answer){.err = ERR_INIT, .names = *names};
		answer.code = names_look_up(w, &answer.names, &answer.err);
		_exit(write_all(out, &answer, sizeof(answer)) < 0);
	}
	fd_close(&out);
	n = answer_read(in, &answer, clock_boot_ns() + NAMES_LIMIT_NS);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(answer))
		return err_set(err, -ETIMEDOUT, "could not resolve \"%s\" in time",
		               names->v[0].text);
	if (answer.code < 0) {
		if (err)
			*err = answer.err;
		return answer.code;
	}
	*names = answer.names;
	return 0;
}
