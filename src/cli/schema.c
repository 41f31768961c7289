/* squall schema: the experiment file, for editors. */
#include "model/schema.h"

#include <errno.h>

#include "cli/show.h"

struct schema_args {
	bool policy;
};

static int schema_main(struct cli *cli, const void *args)
{
	const struct schema_args *a = args;
	json_t *schema =
	        a->policy ? schema_policy(&cli->catalogue) : schema_experiment(&cli->catalogue);
	struct err err = ERR_INIT;

	if (!schema) {
		(void)err_sys(&err, ENOMEM, "could not make the schema");
		return show_err(&err, EXIT_BROKEN);
	}
	show_json(schema, false);
	return EXIT_HELD;
}

static const struct param schema_params[] = {
        {"policy", PARAM_BOOL, offsetof(struct schema_args, policy),
         .help = "that of the machine owner's policy instead"},
        {0},
};

static const char *const schema_examples[] = {
        "squall schema > ~/.config/squall.schema.json",
        "squall schema | jq '.definitions | keys'",
        "squall schema --policy > ~/.config/squall-policy.schema.json",
        NULL,
};

const struct cli_command command_schema = {
        .kind = {.name = "schema",
                 .summary =
                         "Prints the JSON Schema of experiment files, or of policies, for editors",
                 .man = "An editor that knows YAML then completes, explains and checks an "
                        "experiment as it is written. Keep the schema in a file, and name that "
                        "file in the experiment's first line:\n\n"
                        "# yaml-language-server: $schema=/home/me/.config/squall.schema.json\n\n"
                        "It is draft-07, and knows what this build knows: make it again after an "
                        "upgrade.",
                 .params = schema_params,
                 .args_size = sizeof(struct schema_args),
                 .examples = schema_examples},
        .exits = EXITS_READ,
        .main = schema_main,
};
