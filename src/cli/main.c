/* The program: finds the command, reads its options, carries it out. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/ident.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/show.h"
#include "fault/fault.h"
#include "probe/probe.h"

enum { CLI_MEMORY_MAX = 64 << 20 };

static int command_unknown(const char *name)
{
	const char *near = command_nearest(name);
	struct err err = ERR_INIT;

	(void)err_set(&err, -1, "unknown command \"%s\"", name);
	if (near)
		(void)err_hint(&err, -1, "Did you mean \"squall %s\"?", near);
	else
		(void)err_hint(&err, -1, "\"squall help\" lists the commands.");
	return show_err(&err, EXIT_USAGE);
}

static int command_carry_out(struct cli *cli, const struct cli_command *command, size_t argc,
                             const char *const *argv)
{
	struct err err = ERR_INIT;
	struct options options;
	void *args;

	if (options_parse(command, argc, argv, &cli->arena, &options, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	if (options.help) {
		help_command(stdout, cli->colour, &cli->arena, command, options.sub);
		return EXIT_HELD;
	}
	if (options_bind(command, &options, &cli->arena, &args, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	cli->sub = options.sub;
	cli->with = options.with;
	cli->with_n = options.with_n;
	return command->main(cli, args);
}

/* Output that could not be written is a failure, not a silence; but a reader that has seen enough
 * (`| head`) is none: the writing end of its pipe says POLLERR (poll(2)). */
static int output_end(int code)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	struct err err = ERR_INIT;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (poll(&out, 1, 0) == 1 && out.revents & POLLERR)
		return code;
	(void)err_set(&err, -1, "could not write the output");
	return code == EXIT_HELD ? (int)show_err(&err, EXIT_BROKEN) : code;
}

int main(int argc, char **argv)
{
	struct cli cli = {.catalogue = {fault_kinds, probe_kinds, action_kinds}};
	const struct cli_command *command;
	struct winsize size = {0};
	struct err err = ERR_INIT;
	const char *name = argc > 1 ? argv[1] : "help";
	int code;

	if (user_is_borrowed()) {
		(void)err_set(&err, -EPERM,
		              "cannot run with the rights of another (setuid, setgid)");
		(void)err_hint(&err, -EPERM, "Take the bit from the file; root runs it by sudo.");
		return show_err(&err, EXIT_REFUSED);
	}
	boundary_torture(strcmp(name, "undo") == 0 ? "undo" : "runner");
	signal(SIGPIPE, SIG_IGN);
	cli.tty = isatty(STDOUT_FILENO);
	cli.colour = cli.tty && !getenv("NO_COLOR");
	if (cli.tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		cli.width = size.ws_col;
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	command = command_find(name);
	if (!command)
		return command_unknown(name);
	if (world_open_real(&cli.world, &err) < 0 || paths_find(&cli.paths, &err) < 0)
		return show_err(&err, EXIT_BROKEN);
	arena_init(&cli.arena, CLI_MEMORY_MAX);
	code = command_carry_out(&cli, command, argc > 2 ? (size_t)argc - 2 : 0,
	                         (const char *const *)argv + (argc > 2 ? 2 : argc));
	code = output_end(code);
	arena_release(&cli.arena);
	world_close(&cli.world);
	return code;
}
