/* squall version: what this is and what is built in. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <libfyaml.h>
#include <pcre2.h>
#include <sqlite3.h>
#include <string.h>
#include <uv.h>

#include "cli/show.h"
#include "io/dns.h"
#include "io/http.h"
#include "io/systemd.h"

struct version_args {
	bool json;
};

/* In the order of their names; what tells no version is listed all the same. */
static json_t *libraries(void)
{
	char pcre2[64] = "";
	const struct {
		const char *name, *version;
		bool there;
	} v[] = {
	        {"c-ares", dns_library(), dns_library()},
	        {"curl", http_library(), http_library()},
	        {"jansson", jansson_version_str(), true},
	        {"jq", JQ_VERSION, true},
	        {"libfyaml", fy_library_version(), true},
	        {"libmnl", MNL_VERSION, true},
	        {"libuv", uv_version_string(), true},
	        {"pcre2", pcre2, true},
	        {"sqlite", sqlite3_libversion(), true},
	        {"systemd", systemd_version(), systemd_version()},
	};
	json_t *doc = json_object();

	if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= (int)sizeof(pcre2))
		(void)pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	pcre2[strcspn(pcre2, " ")] = '\0'; /* behind it stands its date */
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (v[i].there)
			json_object_set_new(doc, v[i].name,
			                    v[i].version[0] ? json_string(v[i].version)
			                                    : json_true());
	return doc;
}

static int version_main(struct cli *cli, const void *args)
{
	const struct version_args *a = args;
	json_t *libs = libraries(), *doc, *value;
	const char *key, *sep = "";

	if (a->json) {
		doc = json_pack("{s:s}", "squall", SQUALL_VERSION);
		json_object_update(doc, libs);
		json_decref(libs);
		show_json(doc, false);
		return EXIT_HELD;
	}
	printf("squall %s\nbuilt in:", SQUALL_VERSION);
	json_object_foreach (libs, key, value) {
		printf("%s %s", sep, key);
		sep = ",";
		if (json_is_string(value))
			printf(" %s", json_string_value(value));
	}
	printf("\n");
	json_decref(libs);
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
