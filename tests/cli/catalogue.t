# What there is. What each takes is told by its own table, so only the form is kept here.
$ squall faults | sed 's/ no: [a-z-]*/ yes/; s/  */ /g'
FAULT CLASS TARGETS HERE WHAT IT DOES
cpu.load resource host|cgroup|process yes uses a share of CPUs
cpu.quota resource cgroup|process yes limits how much of a CPU a cgroup gets
custom state host yes a state of your own, by commands that apply, undo and check
disk.fill resource host|process yes takes disk space away
dns.answer network host|netns|cgroup|process yes names are resolved to wrong addresses
dns.fail network host|netns|cgroup|process yes names cannot be resolved
dns.slow network host|netns|cgroup|process yes names are resolved late
file.replace state host yes gives a file other content
link.down network host|netns yes sets network devices down
mem.fill resource host|cgroup|process yes takes memory away
net.conntrack-drop network host|netns yes deletes entries of connection tracking
net.corrupt network host|netns|cgroup|process yes flips a bit in packets
net.cut network host|netns|cgroup|process yes lets no traffic through
net.delay network host|netns|cgroup|process yes holds packets back
net.duplicate network host|netns|cgroup|process yes packets arrive twice
net.flap network host|netns|cgroup|process yes a path goes down and comes up, in turn
net.loss network host|netns|cgroup|process yes loses packets
net.mtu network host|netns|cgroup|process yes a path that swallows large packets
net.profile network host|netns|cgroup|process yes a link as it is elsewhere: late, lossy and narrow
net.rate network host|netns|cgroup|process yes lets only so many bits a second through
net.reorder network host|netns|cgroup|process yes packets overtake each other
net.reset network host|netns|process yes destroys established TCP connections
net.slow-close network host|netns|cgroup|process yes the end of a connection takes long to arrive
proc.kill state process yes ends processes with a signal
proc.pause state process yes stops processes, and lets them go on
route.blackhole network host|netns yes refuses to route to destinations
$ squall faults --json | grep '"name": "[a-z]*[.][a-z]*"'
    "name": "cpu.load",
    "name": "cpu.quota",
    "name": "disk.fill",
    "name": "dns.answer",
    "name": "dns.fail",
    "name": "dns.slow",
    "name": "file.replace",
    "name": "link.down",
    "name": "mem.fill",
    "name": "net.corrupt",
    "name": "net.cut",
    "name": "net.delay",
    "name": "net.duplicate",
    "name": "net.flap",
    "name": "net.loss",
    "name": "net.mtu",
    "name": "net.profile",
    "name": "net.rate",
    "name": "net.reorder",
    "name": "net.reset",
    "name": "proc.kill",
    "name": "proc.pause",
    "name": "route.blackhole",
$ squall probes
http        asks a web server and shows its answer
tcp         connects to a port or a Unix socket
ping        sends ICMP echo requests and counts what comes back
throughput  measures how fast bytes come or go, up to an amount and a time
exec        runs a program and shows how it ended and what it wrote
process     shows which processes are there and how they are
file        shows whether a file is there and what is in it
pressure    shows how much work waits for the processor, memory or disks
cgroup      shows what a cgroup uses, and whether it hits its limits
dns         asks a name server and shows its answer
sockets     counts sockets by state, and shows how full their queues are
path        shows round trips, losses and windows of TCP connections
disk        shows how full a file system is and how busy its device
log         counts new lines of a file or the journal that match
$ squall probes http | grep -A 3 '^Answer'
Answer:
  status              number   status code of the answer
  seconds             seconds  time to the end of the answer, from when the look
                               was due
$ squall probes tcp --json | grep -A 9 '"name": "timeout"'
      "name": "timeout",
      "kind": "duration",
      "default": "2s",
      "min": "1ms",
      "max": "10m",
      "help": "greatest time for it all, counted from when it was due"
    }
  ],
  "answer": [
    {
$ squall faults proc.kill | grep -A 9 '^Parameters'
Parameters:
  signal: WORD  the signal; KILL cannot be handled, TERM asks, SEGV and ABRT
                look like a crash: KILL, TERM, INT, HUP, QUIT, ABRT, SEGV, BUS,
                FPE, ILL, SYS, TRAP, PIPE, ALRM, USR1, USR2, XCPU, XFSZ (default
                KILL)

Examples:
  squall attack proc.kill --target process.pid=4711 --allow irreversible
  squall attack proc.kill --signal SEGV --target process.name=nginx,process.user=www-data --allow irreversible
  squall attack proc.kill --target process.listens=6379 --allow irreversible --dry-run
$ squall faults proc.kill | grep -A 2 '^class'
class      state
targets    process
way back   none: needs --allow irreversible, or the word in the file
