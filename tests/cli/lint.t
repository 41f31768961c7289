# Every problem with its place and a remedy; exit codes.
$ cat >good.yaml <<X
> squall: 1
> title: A pause that nobody notices
> hypothesis:
>   steady:
>     - id: front
>       http: {url: "http://127.0.0.1:1/"}
>       expect: {status: 200, seconds: "< 300ms"}
> method:
>   - id: pause
>     fault: proc.pause
>     target: {process: {name: nginx}}
>     for: 1s
> X
$ squall lint good.yaml
good.yaml: no problems
$ squall lint --json good.yaml
[]
$ cat >bad.yaml <<X
> squall: 1
> titel: A typo
> hypothesis:
>   steady:
>     - id: front
>       http: {url: "http://127.0.0.1:1/"}
>       expect: {statuss: 200}
> method:
>   - fault: proc.pase
>     target: {process: {nam: nginx}}
>     for: soon
> X
$ squall lint bad.yaml
bad.yaml:2:1: error: unknown key "titel"
  hint: Did you mean "title"?
bad.yaml:7:16: error: the answer has no field "statuss"
  hint: Did you mean "status"?
bad.yaml:9:12: error: there is no fault "proc.pase"
  hint: Did you mean "proc.pause"?
bad.yaml:10:24: error: unknown key "nam"
  hint: Did you mean "name"?
bad.yaml:11:10: error: "for": "soon" is not a duration
  hint: Write a number with its unit (ns, us, ms, s, m, h or d), as in "250ms" or "1m30s".
[exit 2]
$ squall lint --format github bad.yaml
::error file=bad.yaml,line=2,col=1,title=unknown-key::unknown key "titel"%0ADid you mean "title"?
::error file=bad.yaml,line=7,col=16,title=unknown-field::the answer has no field "statuss"%0ADid you mean "status"?
::error file=bad.yaml,line=9,col=12,title=unknown-kind::there is no fault "proc.pase"%0ADid you mean "proc.pause"?
::error file=bad.yaml,line=10,col=24,title=unknown-key::unknown key "nam"%0ADid you mean "name"?
::error file=bad.yaml,line=11,col=10,title=wrong-type::"for": "soon" is not a duration%0AWrite a number with its unit (ns, us, ms, s, m, h or d), as in "250ms" or "1m30s".
[exit 2]
$ squall lint --format json bad.yaml
[
  {
    "file": "bad.yaml",
    "line": 2,
    "column": 1,
    "severity": "error",
    "code": "unknown-key",
    "text": "unknown key \"titel\"",
    "hint": "Did you mean \"title\"?"
  },
  {
    "file": "bad.yaml",
    "line": 7,
    "column": 16,
    "severity": "error",
    "code": "unknown-field",
    "text": "the answer has no field \"statuss\"",
    "hint": "Did you mean \"status\"?"
  },
  {
    "file": "bad.yaml",
    "line": 9,
    "column": 12,
    "severity": "error",
    "code": "unknown-kind",
    "text": "there is no fault \"proc.pase\"",
    "hint": "Did you mean \"proc.pause\"?"
  },
  {
    "file": "bad.yaml",
    "line": 10,
    "column": 24,
    "severity": "error",
    "code": "unknown-key",
    "text": "unknown key \"nam\"",
    "hint": "Did you mean \"name\"?"
  },
  {
    "file": "bad.yaml",
    "line": 11,
    "column": 10,
    "severity": "error",
    "code": "wrong-type",
    "text": "\"for\": \"soon\" is not a duration",
    "hint": "Write a number with its unit (ns, us, ms, s, m, h or d), as in \"250ms\" or \"1m30s\"."
  }
]
[exit 2]
$ squall lint --format sarif bad.yaml | jq 'del(.runs[0].tool.driver.rules)'
{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "version": "2.1.0",
  "runs": [
    {
      "tool": {
        "driver": {
          "name": "squall",
          "version": "0.1.0",
          "semanticVersion": "0.1.0"
        }
      },
      "invocations": [
        {
          "executionSuccessful": true,
          "toolExecutionNotifications": []
        }
      ],
      "columnKind": "unicodeCodePoints",
      "results": [
        {
          "ruleId": "unknown-key",
          "ruleIndex": 20,
          "level": "error",
          "message": {
            "text": "unknown key \"titel\". Did you mean \"title\"?"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "bad.yaml"
                },
                "region": {
                  "startLine": 2,
                  "startColumn": 1
                }
              }
            }
          ]
        },
        {
          "ruleId": "unknown-field",
          "ruleIndex": 19,
          "level": "error",
          "message": {
            "text": "the answer has no field \"statuss\". Did you mean \"status\"?"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "bad.yaml"
                },
                "region": {
                  "startLine": 7,
                  "startColumn": 16
                }
              }
            }
          ]
        },
        {
          "ruleId": "unknown-kind",
          "ruleIndex": 21,
          "level": "error",
          "message": {
            "text": "there is no fault \"proc.pase\". Did you mean \"proc.pause\"?"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "bad.yaml"
                },
                "region": {
                  "startLine": 9,
                  "startColumn": 12
                }
              }
            }
          ]
        },
        {
          "ruleId": "unknown-key",
          "ruleIndex": 20,
          "level": "error",
          "message": {
            "text": "unknown key \"nam\". Did you mean \"name\"?"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "bad.yaml"
                },
                "region": {
                  "startLine": 10,
                  "startColumn": 24
                }
              }
            }
          ]
        },
        {
          "ruleId": "wrong-type",
          "ruleIndex": 28,
          "level": "error",
          "message": {
            "text": "\"for\": \"soon\" is not a duration. Write a number with its unit (ns, us, ms, s, m, h or d), as in \"250ms\" or \"1m30s\"."
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "bad.yaml"
                },
                "region": {
                  "startLine": 11,
                  "startColumn": 10
                }
              }
            }
          ]
        }
      ]
    }
  ]
}
$ squall lint good.yaml bad.yaml >/dev/null
[exit 2]
$ squall run good.yaml bad.yaml >/dev/null 2>&1
[exit 2]
$ squall lint - <good.yaml
-: no problems
$ squall plan bad.yaml >/dev/null 2>&1
[exit 2]
$ squall check bad.yaml >/dev/null 2>&1
[exit 2]
# A variable that nobody declared, where a value is needed.
$ printf 'squall: 1\nhypothesis: {says: x, steady: [{id: a, http: {url: "${nope}"}, every: 1s, expect: {status: 200}}]}\nmethod: [{fault: proc.pause, target: {process: {name: x}}, for: 1s}]\n' | squall lint -
-:2:52: error: there is no variable "nope"
  hint: Declare it under "vars", or write "$${" where the text itself is meant.
[exit 2]
# Expectations of probes that look at the machine.
$ printf 'squall: 1\nhypothesis:\n  steady:\n    - {pressure: {resource: memory}, expect: {full-avg1: "> 20", some: "> 20", some-avg10: "< 5%%"}}\n    - {cgroup: {cgroup: shop}, expect: {memory: "< 64MiB", cpu: "< 150%%"}}\n    - {dns: {name: 127.0.0.1}, expect: {rcode: NOERROR, answers: {has: 192.0.2.1}, ttl: "> 60s"}}\nmethod:\n  - wait: 1s\n' | squall lint -
-:4:47: error: the answer has no field "full-avg1"
  hint: Did you mean "full-avg10"?
-:4:72: error: "some" is a share, which cannot be compared with "20"
  hint: Write it with a percent sign, as in "30%" or "0.5%".
-:4:92: error: "some-avg10" is a number, which cannot be compared with "5%"
-:5:8: error: cgroup: "shop" is not the path of a cgroup
  hint: Start it with /, as /proc/PID/cgroup shows it.
-:6:8: error: dns: "127.0.0.1" is an address, not a name
  hint: For the name of an address ask for the type PTR.
[exit 2]
$ printf 'squall: 1\nhypothesis:\n  steady:\n    - {ping: {host: "::1", family: ipv4}, expect: {loss: 0}}\n    - {ping: {host: db, count: 50, timeout: 1s}, expect: {loss: "< 5", rtt: "< 5", rtt-avg: "< 5ms"}}\n    - {ping: {count: 101}, expect: {received: "> 0"}}\nmethod:\n  - wait: 1s\n' | squall lint -
-:4:8: error: ping: "::1" is not an address of IPv4
-:4:58: error: "loss" is a share, which cannot be compared with "0"
  hint: Write it with a percent sign, as in "30%" or "0.5%".
-:5:8: error: ping: 50 requests at that interval do not fit into the timeout
  hint: Send fewer, or faster, or raise `timeout`.
-:5:65: error: "loss" is a share, which cannot be compared with "5"
  hint: Write it with a percent sign, as in "30%" or "0.5%".
-:5:77: error: "rtt" is a duration, which cannot be compared with "5"
  hint: Write a number with its unit (ns, us, ms, s, m, h or d), as in "250ms" or "1m30s".
-:5:84: error: the answer has no field "rtt-avg"
  hint: Did you mean "rtt-min"?
-:6:8: error: ping needs "host"
  hint: "host" is a name, or an address of IPv4 or IPv6.
-:6:22: error: count: "101" is more than the greatest, 100
[exit 2]
$ printf 'squall: 1\nhypothesis:\n  steady:\n    - {throughput: {address: "db:9", bytes: 2GiB}, expect: {rate: "> 10MB", bytes: 16MiB}}\n    - {throughput: {bytes: 1MiB}, expect: {rate: "> 10Mbit/s", complete: true, retransmits: "< 5"}}\n    - {throughput: {url: "http://shop/", direction: out}, expect: {rate: {">": 1Gbit, "<": "10 Mbps"}}}\nmethod:\n  - wait: 1s\n' | squall lint -
-:4:45: error: bytes: "2GiB" is more than the greatest, 1GiB
-:4:67: error: "rate" is a rate, which cannot be compared with "10MB"
  hint: Write bits a second with their unit (bit, kbit, Mbit, Gbit), as in "10Mbit/s".
-:5:8: error: throughput: exactly one of `address` and `url` must be there
  hint: Write an address to send to or read from, or a URL to load.
-:6:8: error: throughput: a URL is loaded: its `direction` is in
-:6:92: error: "rate" is a rate, which cannot be compared with "10 Mbps"
  hint: Write bits a second with their unit (bit, kbit, Mbit, Gbit), as in "10Mbit/s".
[exit 2]
$ printf 'squall: 1\nhypothesis:\n  steady:\n    - {path: {address: "db:5432"}, expect: {connected: true}}\n    - {path: {peer: 10.0.0.0/33}, expect: {rtt: "< 5"}}\n    - {path: {port: 53/udp}, expect: {retransmit-share: "< 1", delivery-rate: "> 1MB"}}\n    - {path: {address: "[::1]:80", timeout: 1s}, expect: {connect-seconds: "< 10ms"}}\nmethod:\n  - wait: 1s\n' | squall lint -
-:4:8: error: path: "db" is not the number of a host
  hint: Write ADDRESS:PORT or [IPv6]:PORT: no name is looked up here.
-:5:8: error: path: "10.0.0.0/33" is not an address
  hint: Write one of IPv4 or IPv6, or 10.0.0.0/8.
-:5:49: error: "rtt" is a duration, which cannot be compared with "5"
  hint: Write a number with its unit (ns, us, ms, s, m, h or d), as in "250ms" or "1m30s".
-:6:8: error: path: only TCP has connections: "53/udp" is not a port of it
-:6:57: error: "retransmit-share" is a share, which cannot be compared with "1"
  hint: Write it with a percent sign, as in "30%" or "0.5%".
-:6:79: error: "delivery-rate" is a rate, which cannot be compared with "1MB"
  hint: Write bits a second with their unit (bit, kbit, Mbit, Gbit), as in "10Mbit/s".
-:7:8: error: path: `over` and `connect-timeout` together must be less than `timeout`
[exit 2]
$ printf 'squall: 1\nhypothesis:\n  steady:\n    - {log: {path: /var/log/x, since: 5m}, expect: {count: 0}}\n    - {log: {path: /var/log/x}, expect: {counts: 0, lines: 3, last: {matches: "("}}}\n    - {sockets: {port: http}, expect: {established: "< 5"}}\n    - {disk: /var, expect: {used-share: "< 90", available: "> 1GiB", read-only: false}}\nmethod:\n  - wait: 1s\n' | squall lint -
-:4:8: error: log: the lines of a file cannot begin at "5m"
  hint: A file has no times: write a size, as 64KiB.
-:5:42: error: the answer has no field "counts"
  hint: Did you mean "count"?
-:5:60: error: "lines" is a list, which cannot be compared with "3"
  hint: Use "has", or a jq filter.
-:5:79: error: "(" is not a pattern: missing closing parenthesis (at offset 1)
-:6:8: error: sockets: "http" is not a port
  hint: Write a number from 1 to 65535, or 6379/tcp or 53/udp.
-:7:41: error: "used-share" is a share, which cannot be compared with "90"
  hint: Write it with a percent sign, as in "30%" or "0.5%".
[exit 2]
