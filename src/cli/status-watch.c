/* squall status --watch: drawn anew where it stands, or told change by change. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/show.h"
#include "cli/status.h"
#include "tell/say.h"

enum { EVERY_MS = 250 };

/* The other screen of the terminal, so that what was there before is there again afterwards. */
static const char screen_enter[] = "\033[?1049h\033[?25l", screen_leave[] = "\033[?25h\033[?1049l";

static char *text_of(struct cli *cli, const json_t *status, bool lines)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	if (!to)
		return NULL;
	if (lines)
		status_lines(to, status);
	else
		status_write(cli, to, status);
	return fclose(to) == 0 ? text : NULL;
}

/* Over what is there, each line cleared to its end: nothing flickers. */
static void draw(struct cli *cli, char *text)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	size_t row = 0;

	(void)!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	size.ws_row = size.ws_row ? size.ws_row : 24;
	fputs("\033[H", stdout);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		struct buf b = {.data = line, .len = (size_t)(end - line), .cap = SIZE_MAX};

		if (++row >= size.ws_row)
			break;
		*end = '\0';
		say_fit(&b, size.ws_col);
		printf("%s%s\033[K\r\n", line, cli->colour ? "\033[0m" : "");
	}
	fputs("Ctrl-C leaves; nothing is ended\033[K\033[J", stdout);
	fflush(stdout);
}

/* What has changed since the last time, with the time of day before each line. */
static void lines_tell(const char *text, const char *before)
{
	BUF(now, 40);

	clock_format_wall(&now, clock_wall_ns());
	if (before && strcmp(text, before) == 0)
		return;
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");

		printf("%.12s %.*s\n", now.data + 11, (int)n, line);
		line += n + (line[n] == '\n');
	}
	fflush(stdout);
}

static void width_find(struct cli *cli)
{
	struct winsize size;

	if (cli->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		cli->width = size.ws_col;
}

/* True until a signal says to leave, or nobody reads any more. A new size is a reason to go on. */
static bool wait_next(int signals)
{
	struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = STDOUT_FILENO}};
	struct signalfd_siginfo got;

	if (poll(fds, 2, EVERY_MS) < 0)
		return errno == EINTR;
	if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		return false;
	return !(fds[0].revents & POLLIN) || read(signals, &got, sizeof(got)) != sizeof(got) ||
	       got.ssi_signo == SIGWINCH;
}

enum exit_code status_watch(struct cli *cli, bool json)
{
	bool screen = cli->tty && !json;
	_cleanup_free_ char *before = NULL;
	_cleanup_fd_ int signals = -1;
	struct err err = ERR_INIT;
	bool failed = false;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &old);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0) {
		(void)err_sys(&err, errno, "could not wait for signals");
		return show_err(&err, EXIT_BROKEN);
	}
	fputs(screen ? screen_enter : "", stdout);
	do {
		json_t *status;
		char *text;

		width_find(cli);
		status = status_read(cli, NULL, &err);
		failed = !status;
		if (failed)
			break;
		text = json ? json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(15))
		            : text_of(cli, status, !screen);
		json_decref(status);
		if (text && screen)
			draw(cli, text);
		else if (text && !json)
			lines_tell(text, before);
		else if (text && (!before || strcmp(text, before) != 0))
			printf("%s\n", text);
		fflush(stdout);
		free(before);
		before = text;
	} while (!ferror(stdout) && wait_next(signals));
	fputs(screen ? screen_leave : "", stdout);
	fflush(stdout);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return failed ? show_err(&err, EXIT_BROKEN) : EXIT_HELD;
}
