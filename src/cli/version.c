/* squall version: what this is and what is built in. */
#include <sqlite3.h>
#include <uv.h>

#include "cli/show.h"
#include "io/dns.h"
#include "io/http.h"
#include "io/systemd.h"

struct version_args {
	bool json;
};

static int version_main(struct cli *cli, const void *args)
{
	const struct version_args *a = args;
	json_t *doc = json_object();
	const char *cares = dns_library(), *curl = http_library();

	json_object_set_new(doc, "squall", json_string(SQUALL_VERSION));
	if (cares)
		json_object_set_new(doc, "c-ares", json_string(cares));
	if (curl)
		json_object_set_new(doc, "curl", json_string(curl));
	json_object_set_new(doc, "jansson", json_string(JANSSON_VERSION));
	json_object_set_new(doc, "libuv", json_string(uv_version_string()));
	json_object_set_new(doc, "sqlite", json_string(sqlite3_libversion()));
	if (systemd_version())
		json_object_set_new(doc, "systemd", json_string(systemd_version()));
	if (a->json) {
		show_json(doc, false);
	} else {
		const char *key;
		json_t *value;

		printf("squall %s\n", SQUALL_VERSION);
		printf("built in:");
		json_object_foreach (doc, key, value)
			if (json_object_get(doc, "squall") != value)
				printf(" %s %s", key, json_string_value(value));
		printf("\n");
		json_decref(doc);
	}
	return EXIT_HELD;
}

static const struct param version_params[] = {
        {"json", PARAM_BOOL, offsetof(struct version_args, json), .help = "as JSON"},
        {0},
};

static const char *const version_examples[] = {
        "squall version",
        "squall version --json",
        "squall --version",
        NULL,
};

const struct cli_command command_version = {
        .kind = {.name = "version",
                 .summary = "What this is and what is built in",
                 .params = version_params,
                 .args_size = sizeof(struct version_args),
                 .examples = version_examples},
        .exits = EXITS_READ,
        .main = version_main,
};
