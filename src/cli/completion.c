/* squall completion: scripts by which shells complete command lines; they ask back here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/complete.h"
#include "cli/show.h"

struct completion_args {
	const char *shell;
	struct text_list words;
};

/* The word under the cursor is cut by bash at = and : too, and only what is behind the last of them
 * is replaced. */
static const char bash[] =
        "# bash completion of squall. Keep it in /usr/share/bash-completion/completions/squall, "
        "or\n"
        "# say: source <(squall completion bash)\n"
        "_squall() {\n"
        "\tlocal line=${COMP_LINE:0:COMP_POINT} word cut text\n"
        "\tlocal -a words\n"
        "\tread -ra words <<<\"$line\"\n"
        "\t[[ $line == *[[:space:]] ]] && words+=(\"\")\n"
        "\tword=${words[-1]}\n"
        "\tcut=${word%\"${word##*[=:]}\"}\n"
        "\tCOMPREPLY=()\n"
        "\twhile IFS=$'\\t' read -r text _; do\n"
        "\t\tif [[ $text == :files ]]; then\n"
        "\t\t\tcompopt -o filenames 2>/dev/null\n"
        "\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"${word#\"$cut\"}\")\n"
        "\t\t\treturn\n"
        "\t\tfi\n"
        "\t\t[[ $text == *= ]] && compopt -o nospace 2>/dev/null\n"
        "\t\tCOMPREPLY+=(\"${text#\"$cut\"}\")\n"
        "\tdone < <(\"${words[0]}\" completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
        "}\n"
        "complete -F _squall squall\n";

static const char zsh[] =
        "#compdef squall\n"
        "# zsh completion of squall. Keep it as _squall in a folder of $fpath, or\n"
        "# say: source <(squall completion zsh)\n"
        "_squall() {\n"
        "\tlocal line text says\n"
        "\tlocal -a more whole more_says whole_says\n"
        "\tfor line in \"${(@f)$(\"${(Q)words[1]}\" completion words -- "
        "\"${(@Q)words[2,CURRENT]}\" "
        "2>/dev/null)}\"; do\n"
        "\t\ttext=${line%%$'\\t'*} says=${line#*$'\\t'}\n"
        "\t\t[[ -n $text ]] || continue\n"
        "\t\tif [[ $text == :files ]]; then\n"
        "\t\t\t_files\n"
        "\t\t\treturn\n"
        "\t\tfi\n"
        "\t\t[[ $says == $text ]] || says=\"$text -- $says\"\n"
        "\t\tif [[ $text == *= ]]; then more+=(\"$text\") more_says+=(\"$says\")\n"
        "\t\telse whole+=(\"$text\") whole_says+=(\"$says\"); fi\n"
        "\tdone\n"
        "\t(( $#more )) && compadd -l -S '' -d more_says -a more\n"
        "\t(( $#whole )) && compadd -l -d whole_says -a whole\n"
        "}\n"
        "if [[ $funcstack[1] == _squall ]]; then _squall \"$@\"; else compdef _squall squall; fi\n";

static const char fish[] =
        "# fish completion of squall. Keep it in ~/.config/fish/completions/squall.fish, or\n"
        "# say: squall completion fish | source\n"
        "function __squall_complete\n"
        "\tset -l words (commandline -opc)\n"
        "\tset -l last (commandline -ct)\n"
        "\tset -l found ($words[1] completion words -- $words[2..-1] $last 2>/dev/null)\n"
        "\tif test \"$found[1]\" = :files\n"
        "\t\t__fish_complete_path $last\n"
        "\telse if test (count $found) -gt 0\n"
        "\t\tprintf '%s\\n' $found\n"
        "\tend\n"
        "end\n"
        "complete -c squall -e\n"
        "complete -c squall -f -a '(__squall_complete)'\n";

static int completion_main(struct cli *cli, const void *args)
{
	const struct completion_args *a = args;
	bool words = strcmp(a->shell, "words") == 0;
	struct err err = ERR_INIT;

	if (a->words.n && !words) {
		(void)err_set(&err, -EINVAL, "unexpected word \"%s\"", a->words.v[0]);
		return show_err(&err, EXIT_USAGE);
	}
	if (words)
		complete(cli, a->words.v, a->words.n);
	else
		fputs(strcmp(a->shell, "bash") == 0  ? bash
		      : strcmp(a->shell, "zsh") == 0 ? zsh
		                                     : fish,
		      stdout);
	return EXIT_HELD;
}

static const struct param completion_params[] = {
        {"shell", PARAM_ENUM, offsetof(struct completion_args, shell),
         .choices = "bash|zsh|fish|words",
         .help = "whose script; words: what the scripts ask, the candidates for the last of WORDS",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {"words", PARAM_LIST, offsetof(struct completion_args, words),
         .help = "with words: the command line after \"squall\", up to the cursor",
         .flags = PARAM_POSITIONAL},
        {0},
};

static const char *const completion_examples[] = {
        "source <(squall completion bash)",
        "squall completion zsh > ~/.zsh/functions/_squall",
        "squall completion fish > ~/.config/fish/completions/squall.fish",
        NULL,
};

const struct cli_command command_completion = {
        .kind = {.name = "completion",
                 .summary = "Prints the script by which a shell completes command lines",
                 .man = "Commands, options, faults and their parameters, targets, files, runs: "
                        "the script asks squall itself, so it knows what this build knows.",
                 .params = completion_params,
                 .args_size = sizeof(struct completion_args),
                 .examples = completion_examples},
        .exits = EXITS_READ,
        .main = completion_main,
};
