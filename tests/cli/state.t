# What is active, halted, left behind: nothing.
$ squall status
$ squall status --json
$ squall history
$ squall history --json
$ squall findings
$ squall findings --all --json
$ squall undo
$ squall undo --list
$ squall undo --json
$ squall halt --reason "not now" | sed 's/ by .*//'
$ squall status | sed 's/ by [a-z0-9]*/ by WHO/'
$ squall attack proc.pause --target process.pid=4194304 --for 1s 2>&1 | sed 's/ by [a-z0-9]*/ by WHO/'
$ squall attack proc.pause --target process.pid=4194304 --for 1s 2>/dev/null
$ squall resume
$ squall resume
$ squall resume --json
$ squall version | sed 's/ [0-9][0-9.]*//g'
