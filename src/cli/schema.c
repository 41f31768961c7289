/* squall schema: the experiment file, for editors. */
#include "model/schema.h"

#include <errno.h>

#include "cli/show.h"

static int schema_main(struct cli *cli, const void *args)
{
	json_t *schema = schema_experiment(&cli->catalogue);
	struct err err = ERR_INIT;

	(void)args;
	if (!schema) {
		(void)err_sys(&err, ENOMEM, "could not make the schema");
		return show_err(&err, EXIT_BROKEN);
	}
	show_json(schema, false);
	return EXIT_HELD;
}

static const char *const schema_examples[] = {
        "squall schema > ~/.config/squall.schema.json",
        "squall schema | jq '.definitions | keys'",
        NULL,
};

const struct cli_command command_schema = {
        .kind = {.name = "schema",
                 .summary = "Prints the JSON Schema of experiment files, for editors",
                 .man = "An editor that knows YAML then completes, explains and checks an "
                        "experiment as it is written. Keep the schema in a file, and name that "
                        "file in the experiment's first line:\n\n"
                        "# yaml-language-server: $schema=/home/me/.config/squall.schema.json\n\n"
                        "It is draft-07, and knows what this build knows: make it again after an "
                        "upgrade.",
                 .examples = schema_examples},
        .exits = EXITS_READ,
        .main = schema_main,
};
