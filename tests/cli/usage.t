# What a person types wrong.
$ squall lin
$ squall nonsense
$ squall run
$ squall run no-such-file.yaml
$ squall history --limt 3
$ squall history --limit many
$ squall history --limit
$ squall report --format pdf
$ squall report nothing
$ squall findings --close last
$ squall findings --close last --why because
$ squall attack
$ squall attack proc.pase --target host
$ squall attack proc.pause --for 1s
$ squall attack proc.pause --target process.pid=1
$ squall attack proc.pause --target process.pid=1 --for 1s --allow anything
$ squall attack proc.pause --target process.pid=1 --for soon
$ squall attack proc.pause --target proces.pid=1 --for 1s --dry-run
$ squall attack proc.pause --target process.pid=1 --for 1s --report x.pdf
$ squall probe htp http://127.0.0.1/
$ squall probe http
$ squall probe http http://127.0.0.1/ --timeot 1s
$ squall probes htp
$ squall faults net.cutt
$ squall version --verbose
$ squall help lintt
