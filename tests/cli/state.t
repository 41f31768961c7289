# What is active, halted, left behind: nothing.
$ squall status
nothing is active
$ squall status --json
{
  "policy": [],
  "halted": false,
  "runs": [],
  "left-behind": 0,
  "unreadable": 0
}
$ squall history
no runs yet
$ squall history --json
[]
$ squall findings
no open findings
$ squall findings --all --json
[]
$ squall undo
nothing was left behind
$ squall undo --list
nothing was left behind
$ squall undo --json
{
  "steps": [],
  "back": 0,
  "gone": 0,
  "residue": 0,
  "alive": 0,
  "unreadable": 0
}
$ squall halt --reason "not now" | sed 's/ by .*//'
halted; nothing was active
$ squall status | sed 's/ by [a-z0-9]*/ by WHO/'
halted since TIME by WHO: not now
  "squall resume" allows runs again
nothing is active
$ squall attack proc.pause --target process.pid=4194304 --for 1s 2>&1 | sed 's/ by [a-z0-9]*/ by WHO/'
squall: runs are halted since TIME by WHO: not now
hint: "squall resume" allows runs again.
$ squall attack proc.pause --target process.pid=4194304 --for 1s 2>/dev/null
[exit 4]
$ squall resume
runs are allowed again
$ squall resume
runs were not halted
$ squall resume --json
{
  "halted": false,
  "was": false
}
# Optional ones are left out.
$ squall version | sed 's/ [0-9][0-9.]*//g; s/ c-ares,//; s/, systemd$//'
squall
built in: curl, jansson, jq, libfyaml, libmnl, libuv, pcre2, sqlite
# A halt that could not be written is not called one.
$ SQUALL_DIR=/proc/nowhere squall halt
squall: could not make folder "/proc/nowhere": No such file or directory
squall: could not make folder "/proc/nowhere": No such file or directory
NOT halted, new runs are not refused; nothing was active
[exit 8]
$ SQUALL_DIR=/proc/nowhere squall halt --json
squall: could not make folder "/proc/nowhere": No such file or directory
squall: could not make folder "/proc/nowhere": No such file or directory
{
  "halted": false,
  "runs": 0,
  "steps": [],
  "residue": 0
}
[exit 8]
