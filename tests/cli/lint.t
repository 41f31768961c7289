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
$ squall lint --json good.yaml
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
$ squall lint --format github bad.yaml
$ squall lint --format json bad.yaml
$ squall lint --format sarif bad.yaml
$ squall lint good.yaml bad.yaml >/dev/null
$ squall run good.yaml bad.yaml >/dev/null 2>&1
$ squall lint - <good.yaml
$ squall plan bad.yaml >/dev/null 2>&1
$ squall check bad.yaml >/dev/null 2>&1
