# What there is. What each takes is told by its own table, so only the form is kept here.
$ squall faults | sed 's/ no: [a-z-]*/ yes/; s/  */ /g'
$ squall faults --json | grep '"name": "[a-z]*[.][a-z]*"'
$ squall probes
$ squall probes http | grep -A 3 '^Answer'
$ squall probes tcp --json | grep -A 9 '"name": "timeout"'
$ squall faults proc.kill | grep -A 9 '^Parameters'
$ squall faults proc.kill | grep -A 2 '^class'
