#!/usr/bin/python3
"""The schema and lint agree about every example, and about every example with one thing changed.

    agree.py SQUALL SOURCE [SAMPLE]

A file that lint finds good must be valid: an editor never complains about what squall takes. A file
that lint refuses must be invalid, unless all that is wrong is what only a reader can know (CANNOT).
Of the changes a sample is taken, by a fixed seed; "all" takes every one. Prints TAP."""
import copy, glob, json, os, random, subprocess, sys, tempfile

try:
    import jsonschema, yaml
except ImportError as e:
    print(f"ok 1 - schema and lint agree # SKIP needs {e.name}: no such module of python3\n1..1")
    sys.exit(0)

squall, source = sys.argv[1:3]
sample = sys.argv[3] if len(sys.argv) > 3 else "500"
# Codes of problems that no schema can say. out-of-range and wrong-type of quantities are told apart
# below by their values.
CANNOT = {"repeated-id", "unknown-steady", "unknown-variable", "no-value", "too-long", "two-times",
          "two-ramps", "bad-parameters", "bad-pattern", "out-of-range", "bad-name"}
# Values that stand in for any other: each of another type than most places take.
STRANGERS = [None, True, -1, 0, 7, 0.5, "", "word", "12", "5s", "64MiB", "30%", "< 5", "> 5s", "<x",
             [], ["a"], {}, {"a": "b"}, [[1]], "host", "all", "${v}"]
KEYS = ["id", "for", "with", "url", "steady", "probe", "fault", "expect", "status", "any", "in",
        "not", "jq", "levels", "wait", "process", "host", "no-such-key", "default", "hold"]


def places(node, path=()):
    yield path
    for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield from places(node[key], path + (key,))


def at(doc, path):
    for key in path:
        doc = doc[key]
    return doc


def changes(doc):
    """Every copy of the document with one thing changed, and what that is."""
    for path in places(doc):
        if path:
            for value in STRANGERS:
                new = copy.deepcopy(doc)
                at(new, path[:-1])[path[-1]] = value
                yield f"{path} = {value!r}", new
            new = copy.deepcopy(doc)
            del at(new, path[:-1])[path[-1]]
            yield f"{path} removed", new
        if isinstance(at(doc, path), dict):
            for key in KEYS:
                for value in ("word", {"url": "x"}, "5s"):
                    if key not in at(doc, path):
                        new = copy.deepcopy(doc)
                        at(new, path)[key] = value
                        yield f"{path}.{key} = {value!r}", new


def lint(files):
    """The error codes and texts of each file."""
    out = subprocess.run([squall, "lint", "--json", *files], capture_output=True, text=True)
    found = {f: [] for f in files}
    for p in json.loads(out.stdout):
        if p["severity"] == "error":
            found[p["file"]].append(p)
    return found


def expressible(p):
    """Whether a schema could have said it."""
    if p["code"] not in CANNOT:
        # to be known when the whole method, or what another entry names, is known
        return not any(s in p["text"] for s in (
            "does not say how long", "needs a steady probe", "asks for", "nested too deep",
            # spelt so that only the reader of the quantity can tell
            "knows no time zone", "is finer than", "is too large for", "must be more than 0", "must be at least",
        ))
    return False


def validator_of(*argv):
    schema = json.loads(subprocess.run([squall, *argv], capture_output=True, check=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


failed = count = n = 0


def tap(good, name, notes):
    global n, failed
    n += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {n} - {name}")
    for note in notes[:60]:
        print(f"# {note}")


def compare(validator, name, docs, folder):
    """Files are named by their number; all of them in one call of lint."""
    notes = []
    files = {}
    for i, (what, doc) in enumerate(docs):
        path = os.path.join(folder, f"{i}.json")
        with open(path, "w") as f:
            json.dump(doc, f)
        files[path] = (what, doc)
    names = list(files)
    for start in range(0, len(names), 500):
        for path, problems in lint(names[start:start + 500]).items():
            what, doc = files[path]
            errors = [e.message for e in validator.iter_errors(doc)]
            if errors and not problems:
                notes.append(f"{what}: lint takes it, the schema says {errors[0][:300]}")
            elif not errors and "${" not in what and any(expressible(p) for p in problems):
                notes.append(f"{what}: the schema takes it, lint says "
                             + "; ".join(f"{p['text']} [{p['code']}]" for p in problems))
    tap(not notes, f"{name}: {len(files)} files", notes)


def changed(path):
    """A sample of the changes of a file that has everything in it."""
    with open(path) as f:
        every = list(changes(yaml.safe_load(f)))
    return every if sample == "all" else random.Random(1).sample(every, int(sample))


experiment, policy = validator_of("schema"), validator_of("schema", "--policy")
GOOD = sorted(glob.glob(f"{source}/examples/**/*.yaml", recursive=True) + glob.glob(f"{source}/tests/plan/*.yaml"))
with tempfile.TemporaryDirectory() as folder:
    originals, policies = [], []
    for path in GOOD:
        with open(path) as f:
            doc = yaml.safe_load(f)
        (policies if "squall-policy" in doc else originals).append((os.path.relpath(path, source), doc))
    compare(experiment, "the examples as they are", originals, folder)
    compare(policy, "the policies among them", policies, folder)
    compare(experiment, "an experiment with everything in it, a part changed in each",
            changed(f"{source}/tests/editor/everything.yaml"), folder)
    with open(f"{source}/tests/editor/everything-policy.yaml") as f:
        compare(policy, "a policy with everything in it", [("as it is", yaml.safe_load(f))], folder)
    compare(policy, "the same, a part changed in each", changed(f"{source}/tests/editor/everything-policy.yaml"), folder)
    wrong = []
    for path in sorted(glob.glob(f"{source}/tests/lint/*.yaml")):
        try:
            with open(path) as f:
                wrong.append((os.path.relpath(path, source), yaml.safe_load(f)))
            json.dumps(wrong[-1][1])
        except (yaml.YAMLError, TypeError):
            wrong = [w for w in wrong if w[0] != os.path.relpath(path, source)]
    compare(experiment, "the files of tests/lint", wrong, folder)
print(f"1..{n}")
sys.exit(failed > 0)
