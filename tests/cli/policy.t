# A policy is checked as an experiment is.
$ printf 'squall-policy: 1\nfaults: {denied: [proc.kil], alowed: []}\nlimits: {cpu.quota: {quota: at most much}}\ntimes: {windows: [{days: [munday]}]}\n' >p.yaml; squall lint p.yaml
p.yaml:2:19: error: "proc.kil" means no fault
  hint: Did you mean "proc.kill"?
p.yaml:2:30: error: unknown key "alowed"
  hint: Did you mean "allowed"?
p.yaml:3:29: error: quota: "much" is not a share
  hint: Write it with a percent sign, as in "30%" or "0.5%".
p.yaml:4:27: error: "days" cannot be "munday"
  hint: Write for example mon, or mon-fri.
[exit 2]
$ printf 'squall-policy: 1\nfaults: {denied: [proc.kill]}\nlimits: {cpu.quota: {quota: at least 10%%}}\n' >good.yaml; squall lint good.yaml
good.yaml: no problems
$ squall lint --json p.yaml | head -n 9
[
  {
    "file": "p.yaml",
    "line": 2,
    "column": 19,
    "severity": "error",
    "code": "unknown-kind",
    "text": "\"proc.kil\" means no fault",
    "hint": "Did you mean \"proc.kill\"?"
# It is no experiment.
$ squall run good.yaml
squall: "good.yaml" is a policy, not an experiment
hint: "squall lint" checks it.
[exit 2]
