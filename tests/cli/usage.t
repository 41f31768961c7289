# What a person types wrong.
$ squall lin
squall: unknown command "lin"
hint: Did you mean "squall lint"?
[exit 2]
$ squall nonsense
squall: unknown command "nonsense"
hint: "squall help" lists the commands.
[exit 2]
$ squall run
squall: "FILE" is missing
hint: "squall run --help" shows the usage.
[exit 2]
$ squall run no-such-file.yaml
squall: could not open "no-such-file.yaml": No such file or directory
[exit 2]
$ squall history --limt 3
squall: unknown option "--limt"
hint: Did you mean "--limit"?
[exit 2]
$ squall history --limit many
squall: limit: "many" is not a whole number
hint: Write digits only, as in "3".
[exit 2]
$ squall history --limit
squall: "--limit" needs a value
hint: Write "--limit=VALUE" when it begins with dashes.
[exit 2]
$ squall report --format pdf
squall: format cannot be "pdf"
hint: It is one of text, json, markdown.
[exit 2]
$ squall report nothing
squall: no run "nothing"
hint: "squall history" lists the runs.
[exit 2]
$ squall findings --close last
squall: cannot close a finding without a reason
hint: Say what was fixed with --why.
[exit 2]
$ squall findings --close last --why because
squall: no run "last"
hint: "squall history" lists the runs.
[exit 2]
$ squall attack
squall: "FAULT" is missing
hint: "squall attack --help" shows the usage.
[exit 2]
$ squall attack proc.pase --target host
squall: unknown fault "proc.pase"
hint: Did you mean "proc.pause"?
[exit 2]
$ squall attack proc.pause --for 1s
squall: "--target" is missing
hint: "squall attack --help" shows the usage.
[exit 2]
$ squall attack proc.pause --target process.pid=1
squall: "--for" is missing
hint: Say how long proc.pause is to last, such as "--for 30s".
[exit 2]
$ squall attack proc.pause --target process.pid=1 --for 1s --allow anything
squall: cannot allow "anything"
hint: It is one of irreversible, host-wide, control-path.
[exit 2]
$ squall attack proc.pause --target process.pid=1 --for soon
squall: for: "soon" is not a duration
hint: Write a number with its unit (ns, us, ms, s, m, h or d), as in "250ms" or "1m30s".
[exit 2]
$ squall attack proc.pause --target proces.pid=1 --for 1s --dry-run
squall: "proces.pid=1" is not a target
hint: Did you mean "process"?
[exit 2]
$ squall attack proc.pause --target process.pid=1 --for 1s --report x.pdf
squall: unknown report format "pdf"
hint: Formats are text, markdown and json.
[exit 2]
$ squall probe htp http://127.0.0.1/
squall: unknown probe "htp"
hint: Did you mean "http"?
[exit 2]
$ squall probe http
squall: "URL" is missing
hint: "squall probe http --help" shows the usage.
[exit 2]
$ squall probe http http://127.0.0.1/ --timeot 1s
squall: unknown option "--timeot"
hint: Did you mean "--timeout"?
[exit 2]
# What the parameters hold is given back, also without an answer.
$ squall probe http http://127.0.0.1:1/ --body '{"a": [1]}'
squall: no answer from "http": could not connect to "http://127.0.0.1:1/": Connection refused
hint: Check that a server listens there and that nothing filters the way to it.
[exit 7]
$ squall probes htp
squall: unknown probe "htp"
hint: Did you mean "http"?
[exit 2]
$ squall faults net.cutt
squall: unknown fault "net.cutt"
hint: Did you mean "net.cut"?
[exit 2]
$ squall version --verbose
squall: unknown option "--verbose"
hint: "squall version --help" lists the options.
[exit 2]
$ squall help lintt
squall: unknown command "lintt"
hint: Did you mean "lint"?
[exit 2]
# A report that has nowhere to go is known before the harm.
$ squall attack proc.pause --target process.pid=1 --for 1s --report no-such-folder/a.md
squall: could not write report "no-such-folder/a.md": No such file or directory
[exit 2]
$ squall attack proc.pause --target process.pid=1 --for 1s --report a.html
squall: report format "html" is not built in
hint: Formats are text, markdown and json.
[exit 3]
