# The help screens.
$ squall
$ squall --help
$ squall help
$ squall run --help
$ squall check --help
$ squall plan --help
$ squall lint --help
$ squall attack --help
$ squall attack proc.kill --help
$ squall probe --help
$ squall probe tcp --help | grep -v "^  --\|^     "
$ squall faults --help
$ squall probes --help
$ squall status --help
$ squall halt --help
$ squall resume --help
$ squall undo --help
$ squall history --help
$ squall report --help
$ squall findings --help
$ squall version --help
$ squall help --help
