# What there is.
$ squall faults | sed 's/ no: [a-z-]*/ yes/; s/  */ /g'
$ squall probes
$ squall probes http
$ squall probes tcp --json
$ squall faults proc.kill | sed '/^needs\|^here\|^ *[a-z-]*: yes\|^ *[a-z-]*: no/d'
