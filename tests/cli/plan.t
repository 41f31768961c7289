# Plans on a recorded machine, as text and as JSON.
$ cat >pause.yaml <<X
> squall: 1
> title: A pause
> method:
>   - id: pause
>     fault: proc.pause
>     target: {process: {name: nginx}, pick: all}
>     for: 1s
>   - id: kill
>     fault: proc.kill
>     target: {process: {name: nginx}, pick: 1}
> X
$ squall plan pause.yaml --machine $SOURCE/tests/machines/v2.machine
pause.yaml:9:12: warning: proc.kill cannot be undone
  hint: Write "allow: [irreversible]" in the file, or say "--allow irreversible"; otherwise the run is refused.
pause: proc.pause on process name=nginx, pick all, for 1s
  2 matched, 2 chosen
     target     process 503 (nginx)
     target     process 504 (nginx)
  1. signal
     object     503@1500
     from       running
     to         stopped
     dies with  boot, prepared
     effect     nginx stands still: the kernel takes its connections, nobody answers
  2. signal
     object     504@1502
     from       running
     to         stopped
     dies with  boot, prepared
     effect     nginx stands still: the kernel takes its connections, nobody answers

kill: proc.kill on process name=nginx, pick 1
  2 matched, 1 chosen
     target     process 503 (nginx)
  needs allow: [irreversible]
  1. kill
     object     503@1500#0
     from       alive
     to         KILL
     dies with  never, irreversible
     effect     SIGKILL ends nginx for good: it gets no chance to clean up
squall: attack "kill" (proc.kill) cannot be put back, and that is not allowed
hint: Write "allow: [irreversible]" in the file, or say "--allow irreversible".
[exit 4]
$ squall plan pause.yaml --machine $SOURCE/tests/machines/v2.machine --allow irreversible --json
{
  "seed": 1,
  "attacks": [
    {
      "attack": "pause",
      "fault": "proc.pause",
      "target": "process name=nginx, pick all",
      "matched": 2,
      "asked": 2,
      "targets": [
        "process 503 (nginx)",
        "process 504 (nginx)"
      ],
      "needs-allow": [],
      "steps": [
        {
          "type": "signal",
          "object": "503@1500",
          "to": "stopped",
          "says": "nginx stands still: the kernel takes its connections, nobody answers",
          "dies-with": "boot",
          "revert": "prepared",
          "irreversible": false,
          "from": "running"
        },
        {
          "type": "signal",
          "object": "504@1502",
          "to": "stopped",
          "says": "nginx stands still: the kernel takes its connections, nobody answers",
          "dies-with": "boot",
          "revert": "prepared",
          "irreversible": false,
          "from": "running"
        }
      ]
    },
    {
      "attack": "kill",
      "fault": "proc.kill",
      "target": "process name=nginx, pick 1",
      "matched": 2,
      "asked": 1,
      "targets": [
        "process 503 (nginx)"
      ],
      "needs-allow": [
        "irreversible"
      ],
      "steps": [
        {
          "type": "kill",
          "object": "503@1500#0",
          "to": "KILL",
          "says": "SIGKILL ends nginx for good: it gets no chance to clean up",
          "dies-with": "never",
          "revert": "irreversible",
          "irreversible": true,
          "from": "alive"
        }
      ]
    }
  ]
}
$ squall plan pause.yaml --machine no-such.machine
pause.yaml:9:12: warning: proc.kill cannot be undone
  hint: Write "allow: [irreversible]" in the file, or say "--allow irreversible"; otherwise the run is refused.
squall: could not open "no-such.machine": No such file or directory
[exit 2]
# What cannot be tried here is planned and said; so is a log that a loss of power may hurt.
$ { cat $SOURCE/tests/machines/v2.machine; echo "answer can.pidfd = kernel too old"; echo "answer undo-log.f_type = 9123683e"; } >old.machine
$ sed '/id: kill/,$d' pause.yaml >one.yaml
$ squall plan one.yaml --machine old.machine | tail -n 5
     to         stopped
     dies with  boot, prepared
     effect     nginx stands still: the kernel takes its connections, nobody answers
  assumed, though it cannot be tried here: "proc.pause" needs "pidfd", which is lacking here: kernel too old
the undo log is on btrfs, which copies on write: it is safe against the death of processes, not against loss of power
$ squall plan one.yaml --machine old.machine --json | grep -E 'assumed|log-copies|"steps"'
      "steps": [
      "assumed": "\"proc.pause\" needs \"pidfd\", which is lacking here: kernel too old"
  "log-copies-on-write": "btrfs"
$ squall plan one.yaml --machine $SOURCE/tests/machines/v2.machine | tail -n 1
     effect     nginx stands still: the kernel takes its connections, nobody answers
