/* fake.c - the fake catalogue. */
#include "fake.h"

#include "base/quantity.h"

#define AT(m) offsetof(struct fake_args, m)

static int check_delay(const void *args, struct err *err)
{
	const struct fake_args *a = args;
	if (a->count > a->duration / NS_PER_MS)
		return err_set(err, -22, "jitter is greater than the delay");
	return 0;
}

#define DELAY_PARAMS                                                                                \
	{"delay", PARAM_DURATION, AT(duration),                                                     \
	 NULL,    "1ms",          "10s",                                                            \
	 NULL,    "how long",     PARAM_REQUIRED | PARAM_RAMP},                                     \
	        {"jitter", PARAM_DURATION, AT(size), "0", NULL, "10s", NULL, "spread", PARAM_RAMP}, \
	        {"loss", PARAM_SHARE, AT(share), NULL, NULL, "100%", NULL, "lost", 0},
static const struct param delay_params[] = {DELAY_PARAMS{NULL}};
static const struct param kill_params[] = {
        {"signal", PARAM_ENUM, AT(choice), "KILL", NULL, NULL, "KILL|TERM|INT", "which", 0},
        {NULL},
};
static const struct param url_params[] = {
        {"url", PARAM_TEXT, AT(text), .help = "what is asked",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {"timeout", PARAM_DURATION, AT(duration), "5s", "1ms", "10m", NULL, "greatest time", 0},
        {"headers", PARAM_MAP, AT(map), .help = "headers to send"},
        {"body", PARAM_DOC, AT(doc), .help = "what is sent"},
        {"password", PARAM_TEXT, AT(choice), .help = "a secret", .flags = PARAM_SECRET},
        {NULL},
};
static const struct param exec_params[] = {
        {"argv", PARAM_LIST, AT(list), .help = "what is run",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {"timeout", PARAM_DURATION, AT(duration), "5s", "1ms", "10m", NULL, "greatest time", 0},
        {NULL},
};
static const struct param every_params[] = {
        {"name", PARAM_TEXT, AT(text), "x", .flags = PARAM_POSITIONAL},
        {"duration", PARAM_DURATION, AT(duration), "1s", "10ms", "1m", .flags = PARAM_RAMP},
        {"size", PARAM_SIZE, AT(size), "1KiB", "1", "1GiB"},
        {"share", PARAM_SHARE, AT(share), "10%", "1%", "100%"},
        {"rate", PARAM_RATE, AT(rate), "10Mbit/s", "1kbit", "1Gbit"},
        {"count", PARAM_COUNT, AT(count), "3", "1", "10"},
        {"number", PARAM_NUMBER, AT(number), "0.5", "0.25", "2"},
        {"yes", PARAM_BOOL, AT(yes), "true"},
        {"choice", PARAM_ENUM, AT(choice), "red", .choices = "red|green|blue"},
        {"list", PARAM_LIST, AT(list)},
        {"map", PARAM_MAP, AT(map)},
        {"doc", PARAM_DOC, AT(doc)},
        {NULL},
};
static const struct field http_fields[] = {
        {"status", FIELD_NUMBER},
        {"seconds", FIELD_SECONDS},
        {"bytes", FIELD_BYTES},
        {"body", FIELD_TEXT},
        {"headers.*", FIELD_TEXT},
        {"json", FIELD_ANY},
        {"json.*", FIELD_ANY},
        {"truncated", FIELD_BOOL},
        {"share", FIELD_SHARE},
        {"addresses", FIELD_LIST},
        {NULL},
};
static const struct field exec_fields[] = {
        {"exit", FIELD_NUMBER}, {"seconds", FIELD_SECONDS}, {"output", FIELD_TEXT}, {NULL}};

static const struct kind net_delay = {.name = "net.delay",
                                      .params = delay_params,
                                      .args_size = sizeof(struct fake_args),
                                      .class_ = "network",
                                      .targets = "host|netns|process",
                                      .check = check_delay};
static const struct kind proc_kill = {.name = "proc.kill",
                                      .params = kill_params,
                                      .args_size = sizeof(struct fake_args),
                                      .class_ = "state",
                                      .targets = "process",
                                      .instant = true,
                                      .irreversible = true};
static const struct kind proc_pause = {.name = "proc.pause",
                                       .class_ = "state",
                                       .args_size = sizeof(struct fake_args),
                                       .targets = "process"};
static const struct kind http_probe = {.name = "http",
                                       .params = url_params,
                                       .args_size = sizeof(struct fake_args),
                                       .fields = http_fields};
static const struct kind exec_probe = {.name = "exec",
                                       .params = exec_params,
                                       .args_size = sizeof(struct fake_args),
                                       .fields = exec_fields};
static const struct kind http_action = {
        .name = "http", .params = url_params, .args_size = sizeof(struct fake_args)};
static const struct kind exec_action = {
        .name = "exec", .params = exec_params, .args_size = sizeof(struct fake_args)};
const struct kind fake_every = {
        .name = "every", .params = every_params, .args_size = sizeof(struct fake_args)};

static const struct kind *const fault_list[] = {&net_delay, &proc_kill, &proc_pause, NULL};
static const struct kind *const probe_list[] = {&http_probe, &exec_probe, NULL};
static const struct kind *const action_list[] = {&http_action, &exec_action, NULL};
const struct catalogue fake_catalogue = {fault_list, probe_list, action_list};
