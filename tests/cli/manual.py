#!/usr/bin/python3
"""Help equals the manual: each command's help screen and its page say the same, each fault and probe
has its section with all that it takes and answers, and no page makes mandoc or groff complain. TAP.

    manual.py SQUALL FOLDER-OF-PAGES"""
import json, os, re, shutil, subprocess, sys, tempfile

squall, pages = sys.argv[1:3]
n = failed = 0


def tap(name, missing):
    global n, failed
    n += 1
    failed += bool(missing)
    print(f"{'not ok' if missing else 'ok'} {n} - {name}")
    for m in missing[:10]:
        print(f"# {m}")


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, check=True, **more).stdout


def plain(text):
    """Words divided by one blank: how lines are broken is nobody's business."""
    return " ".join(text.split())


def page(name):
    """As a reader sees it, without hyphenation."""
    text = run("mandoc", "-T", "utf8", "-O", "width=1000", f"{pages}/{name}")
    return plain(re.sub(".\b", "", text))


def said_by_help(text):
    """What a help screen says, piece by piece: paragraphs, rows of options, examples, exit codes."""
    section, pieces = "", []
    for line in text.split("\n"):
        if line.startswith("Usage: "):
            pieces.append(line[len("Usage: "):])
        elif re.fullmatch(r"[A-Z][a-z ]+:", line):
            section = line
        elif not line.strip():
            pieces.append("")
        elif not section or section == "Examples:":
            if section or not pieces or not pieces[-1]:
                pieces.append(line)
            else:
                pieces[-1] += " " + line
        elif re.match(r"  \S", line):
            # "  --var KEY=VALUE   a variable …": the manual has the two one below the other
            pieces += re.split(r"  +", line.strip(), maxsplit=1)
        else:
            pieces[-1] += " " + line
    return [plain(p) for p in pieces if p.strip()]


if not shutil.which("mandoc"):
    print("ok 1 - the manual # SKIP needs mandoc\n1..1")
    sys.exit(0)

commands = [c["name"] for c in json.loads(run(squall, "help", "--json"))]
overview = page("squall.1")
for command in commands:
    text = page(f"squall-{command}.1")
    tap(f"squall {command} --help equals squall-{command}(1)",
        [p for p in said_by_help(run(squall, command, "--help")) if p not in text])
tap("squall(1) has every command", [c for c in commands if f"squall-{c}(1)" not in overview])

for what, name in (("faults", "squall-faults.7"), ("probes", "squall-probes.7")):
    text = page(name)
    for kind in json.loads(run(squall, what, "--json")):
        wanted = [kind["summary"][1:] + "."]
        for p in kind["params"]:
            wanted += [p["name"], p["help"]] + [p[k] for k in ("default", "min", "max") if k in p]
        for f in kind.get("answer", []):
            wanted.append(plain(f"{f['name']} {f['kind']} {f['help']}"))
        wanted += kind.get("needs", [])
        if "dies-with" in kind:
            wanted.append(kind["dies-with"])
        tap(f"{name} has {kind['name']}", [w for w in wanted if plain(w) not in text])

complaints = []
for name in sorted(os.listdir(pages)):
    if not re.fullmatch(r"squall.*\.[157]", name):
        continue
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", f"{pages}/{name}"], capture_output=True, text=True)
    # scdoc(1) begins a paragraph after each heading, which is harmless
    complaints += [l for l in lint.stdout.split("\n") if l and "skipping paragraph macro: PP" not in l]
    if shutil.which("groff"):
        groff = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z", f"{pages}/{name}"],
                               capture_output=True, text=True)
        complaints += [l for l in groff.stderr.split("\n") if l]
tap("no page makes mandoc or groff complain", complaints)

with tempfile.TemporaryDirectory() as broken:
    # the check itself: a page from which an option was taken away is found out
    with open(f"{pages}/squall-run.1") as f:
        text = f.read().replace("dry", "wet")
    with open(f"{broken}/squall-run.1", "w") as f:
        f.write(text)
    pages = broken
    text = page("squall-run.1")
    found = [p for p in said_by_help(run(squall, "run", "--help")) if p not in text]
    tap("a page that lacks an option is found out", [] if found else ["nothing was missed"])
print(f"1..{n}")
sys.exit(failed > 0)
