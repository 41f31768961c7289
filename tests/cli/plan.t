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
$ squall plan pause.yaml --machine $SOURCE/tests/machines/v2.machine --allow irreversible --json
$ squall plan pause.yaml --machine no-such.machine
