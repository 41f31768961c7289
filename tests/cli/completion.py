#!/usr/bin/python3
"""Types command lines with Tab in real shells, and looks at what was carried out. TAP.

    completion.py SQUALL"""
import os, pty, select, shutil, subprocess, sys, tempfile, time

squall = os.path.abspath(sys.argv[1])
DEADLINE_S = 30
# What is typed before Tab; what the command then gets. Tab stands at the end.
CASES = [
    ("a command", "squall hal", "halt"),
    ("a fault", "squall attack net.cu", "attack net.cut"),
    ("an option of the fault", "squall attack net.cut --proto", "attack net.cut --protocol"),
    ("a choice of the fault's parameter", "squall attack net.cut --direction ou", "attack net.cut --direction out"),
    ("a choice after =", "squall lint --format=sar", "lint --format=sarif"),
    ("a probe", "squall probe proc", "probe process"),
    ("an option of the command", "squall run --dry", "run --dry-run"),
    ("a target", "squall attack proc.pause --target process.cmdl", "attack proc.pause --target process.cmdline="),
    ("a target after a comma", "squall attack proc.pause --target process.user=x,ho", "attack proc.pause --target process.user=x,host"),
    ("a process that runs", "squall attack proc.pause --target process.name=squall-vic", "attack proc.pause --target process.name=squall-victim"),
    ("a word of allow", "squall run --allow host-wide,irr", "run --allow host-wide,irreversible"),
    ("a file", "squall lint experi", "lint experiment.yaml"),
    ("a file after an option", "squall run --json experi", "run --json experiment.yaml"),
    ("a run", "squall report 2026", "report 20261122-210000-3f9a"),
    ("the name of a fault", "squall faults file.r", "faults file.replace"),
    ("a command to explain", "squall help fin", "help findings"),
]
n = failed = 0


def tap(good, name, *notes):
    global n, failed
    n += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {n} - {name}")
    for note in notes if not good else ():
        print(f"# {note}")


class Shell:
    """An interactive shell on a terminal of its own; its prompt is READY>."""

    def __init__(self, argv, env):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return ""
        try:
            text = os.read(self.fd, 65536).decode(errors="replace")
        except OSError:
            text = ""
        if "\x1b[c" in text or "\x1b[0c" in text:  # fish asks what terminal this is
            os.write(self.fd, b"\x1b[?62c")
        self.seen += text
        return text

    def wait(self, what):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if what():
                return True
            self.read(0.05)
        return False

    def say(self, text):
        os.write(self.fd, text.encode())

    def settle(self):
        """Until nothing more is drawn."""
        while self.read(0.1):
            pass

    def end(self):
        os.close(self.fd)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def try_shell(name, argv, setup, box, env):
    log = f"{box}/carried-out"
    if not shutil.which(name):
        global n
        n += 1
        print(f"ok {n} - {name} # SKIP needs {name}")
        return
    shell = Shell(argv, env)
    shell.settle()
    shell.say(setup + "\r")
    if not shell.wait(lambda: os.path.exists(f"{box}/ready")):
        tap(False, f"{name} starts", repr(shell.seen[-500:]))
        shell.end()
        return
    os.unlink(f"{box}/ready")
    for what, typed, wanted in CASES:
        for left in (log, f"{box}/asked"):
            if os.path.exists(left):
                os.unlink(left)
        shell.say(typed + "\t")
        shell.wait(lambda: os.path.exists(f"{box}/asked"))
        shell.settle()
        shell.say("\r")
        shell.wait(lambda: os.path.exists(log) and os.path.getsize(log) > 0)
        got = open(log).read().strip() if os.path.exists(log) else "nothing"
        tap(got == wanted, f"{name} completes {what}", f"typed {typed!r}, wanted {wanted!r}, got {got!r}",
            repr(shell.seen[-300:]))
    shell.end()


with tempfile.TemporaryDirectory() as box:
    for folder in ("bin", "here", "home", "state/state/runs/20261122-210000-3f9a"):
        os.makedirs(f"{box}/{folder}", mode=0o700)
    for folder in ("state", "state/state", "state/state/runs"):
        os.chmod(f"{box}/{folder}", 0o700)
    open(f"{box}/here/experiment.yaml", "w").close()
    shutil.copy(shutil.which("sleep"), f"{box}/bin/squall-victim")
    # The shell runs this: it completes as squall does, and writes down whatever else it is told to do.
    with open(f"{box}/bin/squall", "w") as f:
        f.write(f"""#!/bin/sh
if [ "$1" = completion ]; then
	{squall} "$@"
	[ "$2" != words ] || : >{box}/asked
else
	echo "$@" >{box}/carried-out
fi
""")
    os.chmod(f"{box}/bin/squall", 0o755)
    env = {"PATH": f"{box}/bin:" + os.environ["PATH"], "HOME": f"{box}/home", "TERM": "xterm", "LC_ALL": "C.UTF-8",
           "SQUALL_DIR": f"{box}/state", "XDG_CONFIG_HOME": f"{box}/home", "XDG_DATA_HOME": f"{box}/home",
           "XDG_RUNTIME_DIR": f"{box}/home"}
    victim = subprocess.Popen([f"{box}/bin/squall-victim", "600"])
    os.chdir(f"{box}/here")
    try:
        ready = f"touch {box}/ready"
        try_shell("bash", ["bash", "--norc", "--noprofile", "-i"],
                  f"source <(squall completion bash); {ready}", box, env)
        try_shell("zsh", ["zsh", "-f", "-i"],
                  f"autoload -U compinit; compinit -D -u; source <(squall completion zsh); {ready}", box, env)
        try_shell("fish", ["fish", "--no-config", "-i"],
                  f"squall completion fish | source; {ready}", box, env)
        if shutil.which("fish"):
            # Its own way to ask what it would offer.
            asked = subprocess.run(["fish", "--no-config", "-c",
                                    "squall completion fish | source; complete -C 'squall attack '"],
                                   capture_output=True, text=True, env=env, timeout=DEADLINE_S)
            offered = [line.split("\t")[0] for line in asked.stdout.split("\n") if line]
            faults = subprocess.run([squall, "completion", "words", "--", "attack", ""], capture_output=True,
                                    text=True, check=True)
            tap(sorted(offered) == sorted(l.split("\t")[0] for l in faults.stdout.split("\n") if l),
                "fish offers every fault", offered, asked.stderr)
    finally:
        victim.kill()
        victim.wait()
print(f"1..{n}")
sys.exit(failed > 0)
