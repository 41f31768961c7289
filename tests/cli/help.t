# The help screens.
$ squall
Usage: squall COMMAND [OPTION]...

Hurts a system on purpose, watches what it does, stops at a limit, puts everything
back and proves it.

Commands:
  init        Writes an experiment to start from, which runs as it is
  run         Carries out experiments: hurts, watches, puts back, reports
  check       Looks before a run: targets, probes, what would refuse it
  plan        Prints the steps that a file would take; touches nothing
  lint        Finds every problem of a file, with line, column and a remedy
  attack      One fault by hand, with the same safety as a run
  probe       Looks once and prints the answer as JSON
  faults      Lists what can be hurt; for one: parameters, needs, can it here
  probes      Lists what can be looked at; for one: parameters and answer
  schema      Prints the JSON Schema of experiment files, or of policies, for editors
  status      Shows what is active now, here
  halt        Ends everything now and refuses new runs
  resume      Allows runs again after a halt
  undo        Puts back what a dead run left
  history     Lists what was run, newest first
  report      Tells one run: what went wrong, what was not expected
  findings    Lists what is to be fixed
  completion  Prints the script by which a shell completes command lines
  version     What this is and what is built in
  help        Explains a command

Start here:
  squall faults                 what can be hurt, and how
  squall plan shop.yaml         what a file would do; touches nothing
  squall run shop.yaml          do it, watch, put back, report
  squall halt                   stop everything, now

"squall COMMAND --help" says more, with examples and exit codes.
$ squall --help
Usage: squall COMMAND [OPTION]...

Hurts a system on purpose, watches what it does, stops at a limit, puts everything
back and proves it.

Commands:
  init        Writes an experiment to start from, which runs as it is
  run         Carries out experiments: hurts, watches, puts back, reports
  check       Looks before a run: targets, probes, what would refuse it
  plan        Prints the steps that a file would take; touches nothing
  lint        Finds every problem of a file, with line, column and a remedy
  attack      One fault by hand, with the same safety as a run
  probe       Looks once and prints the answer as JSON
  faults      Lists what can be hurt; for one: parameters, needs, can it here
  probes      Lists what can be looked at; for one: parameters and answer
  schema      Prints the JSON Schema of experiment files, or of policies, for editors
  status      Shows what is active now, here
  halt        Ends everything now and refuses new runs
  resume      Allows runs again after a halt
  undo        Puts back what a dead run left
  history     Lists what was run, newest first
  report      Tells one run: what went wrong, what was not expected
  findings    Lists what is to be fixed
  completion  Prints the script by which a shell completes command lines
  version     What this is and what is built in
  help        Explains a command

Start here:
  squall faults                 what can be hurt, and how
  squall plan shop.yaml         what a file would do; touches nothing
  squall run shop.yaml          do it, watch, put back, report
  squall halt                   stop everything, now

"squall COMMAND --help" says more, with examples and exit codes.
$ squall help
Usage: squall COMMAND [OPTION]...

Hurts a system on purpose, watches what it does, stops at a limit, puts everything
back and proves it.

Commands:
  init        Writes an experiment to start from, which runs as it is
  run         Carries out experiments: hurts, watches, puts back, reports
  check       Looks before a run: targets, probes, what would refuse it
  plan        Prints the steps that a file would take; touches nothing
  lint        Finds every problem of a file, with line, column and a remedy
  attack      One fault by hand, with the same safety as a run
  probe       Looks once and prints the answer as JSON
  faults      Lists what can be hurt; for one: parameters, needs, can it here
  probes      Lists what can be looked at; for one: parameters and answer
  schema      Prints the JSON Schema of experiment files, or of policies, for editors
  status      Shows what is active now, here
  halt        Ends everything now and refuses new runs
  resume      Allows runs again after a halt
  undo        Puts back what a dead run left
  history     Lists what was run, newest first
  report      Tells one run: what went wrong, what was not expected
  findings    Lists what is to be fixed
  completion  Prints the script by which a shell completes command lines
  version     What this is and what is built in
  help        Explains a command

Start here:
  squall faults                 what can be hurt, and how
  squall plan shop.yaml         what a file would do; touches nothing
  squall run shop.yaml          do it, watch, put back, report
  squall halt                   stop everything, now

"squall COMMAND --help" says more, with examples and exit codes.
$ squall init --help
Usage: squall init [FILE] [OPTION]...

Writes an experiment to start from, which runs as it is.

The file explains itself. Its harm is mild: what listens on the port stands
still for a second. Change one thing at a time.

Options:
  FILE                             what to write, never over what is there; "-"
                                   is standard output; left out: the service's
                                   name with .yaml
  --for http|nginx|redis|postgres  what is hurt (default http)
  --var KEY=VALUE                  a value for a variable of the file: url,
                                   host, port; may be given again

Examples:
  squall init shop.yaml
  squall init --for nginx --var url=http://127.0.0.1:8080/ --var port=8080
  squall init --for redis - | squall lint -

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall run --help
Usage: squall run FILE... [OPTION]...

Carries out experiments: hurts, watches, puts back, reports.

What a dead run left is put back first. Ctrl-C puts everything back before it
ends the run; so do a halt and every abort condition.

Options:
  FILE             experiment files, run one after another; "-" is standard
                   input (required)
  --dry-run        print the plan; touch nothing
  --seed N         draws the same targets again; left out: drawn, and written in
                   the report
  --var KEY=VALUE  a variable of the file; may be given again
  --allow ALLOW    irreversible, host-wide, control-path: as in the file, with
                   commas; may be given again
  --report FILE    also write the report here: .json, .md or .txt; may be given
                   again
  --json           one event a line, as JSON

Examples:
  squall run shop.yaml
  squall run --seed 7 --var shop=http://127.0.0.1:8080 --report shop.md shop.yaml
  squall run --json examples/*.yaml | jq -r 'select(.type == "verdict").verdict'

Exit codes:
  0  held, or done
  1  refuted
  2  usage, or invalid file
  3  this machine cannot
  4  refused by a safety limit, before any harm
  5  residue left, with the commands that put it back by hand
  6  aborted by a condition, a halt or a signal
  7  inconclusive, or no effect
  8  something of squall's own failed
$ squall check --help
Usage: squall check FILE [OPTION]...

Looks before a run: targets, probes, what would refuse it.

Resolves every target, looks at each probe once, tries what this machine can,
and names what would refuse the run. Changes nothing.

Options:
  FILE             the experiment file; "-" is standard input (required)
  --seed N         draws the targets (default 1)
  --var KEY=VALUE  a variable of the file; may be given again
  --allow ALLOW    irreversible, host-wide, control-path: as run takes it; may
                   be given again
  --json           as JSON

Examples:
  squall check shop.yaml
  squall check --var shop=http://127.0.0.1:8080 shop.yaml
  squall check --json shop.yaml

Exit codes:
  0  held, or done
  2  usage, or invalid file
  3  this machine cannot
  4  refused by a safety limit, before any harm
  8  something of squall's own failed
$ squall plan --help
Usage: squall plan FILE [OPTION]...

Prints the steps that a file would take; touches nothing.

Target by target: what is changed, to what, and what the change dies with: its
holder (kernel), a reboot (boot), only squall undo (log), or never. Needs no
root; what cannot be seen without it is assumed and said.

Options:
  FILE             the experiment file; "-" is standard input (required)
  --machine FILE   plan for a recorded machine instead of this one
  --seed N         draws the targets (default 1)
  --var KEY=VALUE  a variable of the file; may be given again
  --allow ALLOW    irreversible, host-wide, control-path: as run takes it; may
                   be given again
  --json           as JSON

Examples:
  squall plan shop.yaml
  squall plan --seed 7 --var slow=500ms shop.yaml
  squall plan --machine tests/machines/v2.machine examples/net-cut.yaml --json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  3  this machine cannot
  4  refused by a safety limit, before any harm
  8  something of squall's own failed
$ squall lint --help
Usage: squall lint FILE... [OPTION]...

Finds every problem of a file, with line, column and a remedy.

Touches nothing but the files. Warnings do not change the exit code.

Options:
  FILE                             experiment files, or a policy; "-" is
                                   standard input (required)
  --format text|json|sarif|github  how problems are written (default text)
  --json                           the same as --format json
  --var KEY=VALUE                  a variable of the file; may be given again

Examples:
  squall lint shop.yaml
  squall lint --format github experiments/*.yaml
  squall lint --json - < shop.yaml
  squall lint /etc/squall/policy.yaml

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall attack --help
Usage: squall attack FAULT --target TARGET... [OPTION]...

One fault by hand, with the same safety as a run.

Prints the id of the run first, and stays until the fault is gone; Ctrl-C ends
it early. "squall faults" lists the faults; "squall attack FAULT --help" shows
what one takes.

Options:
  --target TARGET  what is hurt: host, process.name=nginx, process.pid=4711,
                   cgroup=/shop, netns=blue; a comma is "and" (required); may be
                   given again
  --for TIME       how long, such as 30s; not for faults that are done at once
  --pick PICK      how many of what matches: 1, 25% or all; left out: 1
  --allow ALLOW    irreversible, host-wide, control-path: with commas; may be
                   given again
  --seed N         draws the same targets again
  --dry-run        print the plan; touch nothing
  --report FILE    also write the report here: .json, .md or .txt; may be given
                   again
  --json           one event a line, as JSON

Examples:
  squall attack proc.pause --target process.name=nginx --pick all --for 10s
  squall attack cpu.quota --quota 20% --target cgroup=/shop --for 1m
  squall attack net.cut --port 6379 --target netns=blue --for 30s --dry-run

Exit codes:
  0  held, or done
  1  refuted
  2  usage, or invalid file
  3  this machine cannot
  4  refused by a safety limit, before any harm
  5  residue left, with the commands that put it back by hand
  6  aborted by a condition, a halt or a signal
  7  inconclusive, or no effect
  8  something of squall's own failed
$ squall attack proc.kill --help
Usage: squall attack proc.kill --target TARGET... [OPTION]...

Ends processes with a signal.

Sends the signal to each target, once, through a descriptor that is certain to
be that very process: a process number that was given to another in the meantime
is left alone.

There is no way back, so the file must say allow: [irreversible] or the command
line --allow irreversible. Whether a supervisor starts it again, and how long
that takes, is what the experiment is about: look at it with the process probe.

The dose is the number of processes that were alive before and are gone after. A
process that handles the signal and lives on is no-effect.

Parameters:
  --signal WORD  the signal; KILL cannot be handled, TERM asks, SEGV and ABRT
                 look like a crash: KILL, TERM, INT, HUP, QUIT, ABRT, SEGV, BUS,
                 FPE, ILL, SYS, TRAP, PIPE, ALRM, USR1, USR2, XCPU, XFSZ
                 (default KILL)

Options:
  --target TARGET  what is hurt: host, process.name=nginx, process.pid=4711,
                   cgroup=/shop, netns=blue; a comma is "and" (required); may be
                   given again
  --for TIME       how long, such as 30s; not for faults that are done at once
  --pick PICK      how many of what matches: 1, 25% or all; left out: 1
  --allow ALLOW    irreversible, host-wide, control-path: with commas; may be
                   given again
  --seed N         draws the same targets again
  --dry-run        print the plan; touch nothing
  --report FILE    also write the report here: .json, .md or .txt; may be given
                   again
  --json           one event a line, as JSON

Examples:
  squall attack proc.kill --target process.pid=4711 --allow irreversible
  squall attack proc.kill --signal SEGV --target process.name=nginx,process.user=www-data --allow irreversible
  squall attack proc.kill --target process.listens=6379 --allow irreversible --dry-run

Exit codes:
  0  held, or done
  1  refuted
  2  usage, or invalid file
  3  this machine cannot
  4  refused by a safety limit, before any harm
  5  residue left, with the commands that put it back by hand
  6  aborted by a condition, a halt or a signal
  7  inconclusive, or no effect
  8  something of squall's own failed
$ squall probe --help
Usage: squall probe PROBE [OPTION]...

Looks once and prints the answer as JSON.

A probe changes nothing. "squall probes" lists them; "squall probe NAME --help"
shows what one takes and answers.

Options:
  --json  on one line

Examples:
  squall probe http http://127.0.0.1:8080/
  squall probe tcp 127.0.0.1:6379 --timeout 1s
  squall probe process --name nginx

Exit codes:
  0  held, or done
  2  usage, or invalid file
  7  inconclusive, or no effect
  8  something of squall's own failed
$ squall probe tcp --help | grep -v "^  --\|^     "
Usage: squall probe tcp ADDRESS [OPTION]...

Connects to a port or a Unix socket.

Connects, and closes again. With send, the text goes out and the first bytes of
an answer are waited for; with matches, the answer is read until it matches. Of
a name with several addresses, they are tried in the order in which the resolver
gives them.

No connection is an answer too: connected is false, and error says why (refused,
unreachable, not resolved, no time left). So a look can expect that a port is
closed.

Parameters:
  ADDRESS            HOST:PORT, [IPv6]:PORT or the path of a Unix socket

Options:

Examples:
  squall probe tcp 127.0.0.1:6379
  squall probe tcp 127.0.0.1:22 --matches ^SSH- --timeout 500ms
  squall probe tcp /run/postgresql/.s.PGSQL.5432

Exit codes:
  0  held, or done
  2  usage, or invalid file
  7  inconclusive, or no effect
  8  something of squall's own failed
$ squall faults --help
Usage: squall faults [NAME] [OPTION]...

Lists what can be hurt; for one: parameters, needs, can it here.

Whether this machine can is found by trying, with nothing left behind.

Options:
  NAME    all about one fault
  --json  as JSON

Examples:
  squall faults
  squall faults net.cut
  squall faults --json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall probes --help
Usage: squall probes [NAME] [OPTION]...

Lists what can be looked at; for one: parameters and answer.

Options:
  NAME    all about one probe
  --json  as JSON

Examples:
  squall probes
  squall probes http
  squall probes --json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall schema --help | grep -v '^#'
Usage: squall schema [OPTION]...

Prints the JSON Schema of experiment files, or of policies, for editors.

An editor that knows YAML then completes, explains and checks an experiment as
it is written. Keep the schema in a file, and name that file in the experiment's
first line:


It is draft-07, and knows what this build knows: make it again after an upgrade.

Options:
  --policy  that of the machine owner's policy instead

Examples:
  squall schema > ~/.config/squall.schema.json
  squall schema | jq '.definitions | keys'
  squall schema --policy > ~/.config/squall-policy.schema.json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
# yaml-language-server: $schema=/home/me/.config/squall.schema.json
$ squall status --help
Usage: squall status [OPTION]...

Shows what is active now, here.

The halt, the policies that hold, and each run with its phase, its attacks, and
each object that it has changed, by what that would go away without squall: with
its holder (kernel), with a reboot (boot), or only by squall undo (log).

Options:
  --watch  goes on until Ctrl-C: a live view on a terminal, else a line for each
           change
  --json   as JSON; with --watch a document a line, for each change

Examples:
  squall status
  squall status --watch
  squall status --json | jq '.runs[].id'

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall halt --help
Usage: squall halt [OPTION]...

Ends everything now and refuses new runs.

Every run of this user is ended as if its abort condition had been crossed, and
waited for until each object is back. New runs are refused (exit 4) until
"squall resume".

Root's halt is for the runs of every user. So is any user's with --everyone,
unless the machine's policy says "halt: root": to stop asks for no rights. Root,
or who made it, lifts it.

Options:
  --reason REASON  why, for those who find their runs ended
  --everyone       also the runs of all other users, root's too
  --json           as JSON

Examples:
  squall halt
  squall halt --reason "incident 4711: not now"
  squall halt --everyone --reason "the shop is down"

Exit codes:
  0  held, or done
  2  usage, or invalid file
  4  refused by a safety limit, before any harm
  5  residue left, with the commands that put it back by hand
  8  something of squall's own failed
$ squall resume --help
Usage: squall resume [OPTION]...

Allows runs again after a halt.

Lifts the halt of this user; root lifts everybody's. Where another one stands,
it is named (exit 4).

Options:
  --json  as JSON

Examples:
  squall resume
  squall resume --json
  squall status && squall resume

Exit codes:
  0  held, or done
  2  usage, or invalid file
  4  refused by a safety limit, before any harm
  8  something of squall's own failed
$ squall undo --help
Usage: squall undo [OPTION]...

Puts back what a dead run left.

Every command that may act does this first. A run that still lives is left
alone. What cannot be put back is named, with the command that a person can
paste.

Options:
  --list  only say what would be done
  --json  as JSON

Examples:
  squall undo
  squall undo --list
  squall undo --json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  5  residue left, with the commands that put it back by hand
  8  something of squall's own failed
$ squall history --help
Usage: squall history [OPTION]...

Lists what was run, newest first.

Options:
  --limit N          how many, newest first; 0 is all (default 20)
  --service SERVICE  only runs that count for this service
  --json             as JSON

Examples:
  squall history
  squall history --service shop --limit 50
  squall history --limit 0 --json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall report --help
Usage: squall report [RUN] [OPTION]...

Tells one run: what went wrong, what was not expected.

Options:
  RUN                          the run: its id, the beginning of it, or "last"
                               (default last)
  --format text|json|markdown  how it is written (default text)
  --json                       the same as --format json

Examples:
  squall report
  squall report ID --format markdown > report.md
  squall report last --json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall findings --help
Usage: squall findings [OPTION]...

Lists what is to be fixed.

A finding is a run that was refuted, aborted, lost or without effect, or that
left residue. It is open until a person says what was fixed.

Options:
  --close CLOSE  the run whose finding is fixed: its id, the beginning of it, or
                 "last"
  --why WHY      what was fixed, and how
  --all          also what is fixed
  --json         as JSON

Examples:
  squall findings
  squall findings --close last --why "time-out of the cache client set to 200ms"
  squall findings --all --json

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall completion --help
Usage: squall completion bash|zsh|fish|words [WORDS...]

Prints the script by which a shell completes command lines.

Commands, options, faults and their parameters, targets, files, runs: the script
asks squall itself, so it knows what this build knows.

Options:
  bash|zsh|fish|words  whose script; words: what the scripts ask, the candidates
                       for the last of WORDS (required)
  WORDS                with words: the command line after "squall", up to the
                       cursor

Examples:
  source <(squall completion bash)
  squall completion zsh > ~/.zsh/functions/_squall
  squall completion fish > ~/.config/fish/completions/squall.fish

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall version --help
Usage: squall version [OPTION]...

What this is and what is built in.

Options:
  --json  as JSON

Examples:
  squall version
  squall version --json
  squall --version

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
$ squall help --help
Usage: squall help [COMMAND] [OPTION]...

Explains a command.

Options:
  COMMAND  the command to explain
  --json   the list as JSON

Examples:
  squall help
  squall help attack
  squall attack net.cut --help

Exit codes:
  0  held, or done
  2  usage, or invalid file
  8  something of squall's own failed
