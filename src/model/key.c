/* key.c - the keys of an experiment file. */
#include "model/key.h"

#include <string.h>

const char *const words_layer[] = {"operations", "application", "software-stack", "infrastructure",
                                   NULL};
const char *const words_allow[] = {"irreversible", "host-wide", "control-path", NULL};
const char *const words_on_miss[] = {"carry-on", "stop", NULL};
const char *const words_on_error[] = {"abort", "carry-on", NULL};
const char *const words_verdict[] = {"refuted", "inconclusive", NULL};
const char *const words_type[] = {"text",  "duration", "size", "share", "rate",
                                  "count", "number",   "bool", NULL};
const char *const words_bool[] = {"false", "true", NULL};

const struct field run_fields[] = {
        {"steady", FIELD_TEXT, "held, exceeded, unknown or none"},
        {"monitors", FIELD_TEXT, "held, exceeded, unknown or none"},
        {"outcome", FIELD_TEXT, "completed, aborted, expired, lost, errored or refused"},
        {"cleanup", FIELD_TEXT, "clean, residue or unknown"},
        {"residue", FIELD_NUMBER, "objects that are not back"},
        {"recovery.outcome", FIELD_TEXT, "recovered, not-recovered, metastable, unknown or none"},
        {"recovery.seconds", FIELD_SECONDS, "from everything gone to steady again"},
        {"probes.*.looks", FIELD_NUMBER, "looks of a steady probe during the attack"},
        {"probes.*.misses", FIELD_NUMBER, "of these, how many missed"},
        {"probes.*.share", FIELD_SHARE, "the share that missed"},
        {"dose.*.no-effect", FIELD_BOOL, "whether an attack achieved nothing"},
        {NULL},
};

const struct key keys_experiment[] = {
        {"squall", KEY_VERSION, "version of the format: 1", .required = true},
        {"title", KEY_TEXT, "the experiment in one line; left out: the file's name"},
        {"service", KEY_TEXT, "whose reliability this run counts for"},
        {"layer", KEY_WORD, "where the failure lies", .words = words_layer},
        {"condition", KEY_TEXT,
         "state of the system that it is run in: normal, peak, deploying, degraded, failing over",
         "normal"},
        {"tags", KEY_TEXTS, "words to find it by"},
        {"vars", KEY_VARS,
         "variables, used as ${NAME} anywhere else in the file; --var NAME=VALUE sets one"},
        {"hypothesis", KEY_MAP, "what should hold while the system is hurt",
         .keys = keys_hypothesis},
        {"abort", KEY_ABORTS,
         "limits, the first one crossed ends the run; left out: any steady probe missing half of "
         "its looks over 5s, unless its \"tolerate\" is half or more"},
        {"blast-radius", KEY_MAP, "ceilings over all attacks", .keys = keys_blast},
        {"allow", KEY_WORDS, "dangers that the experiment may use; each must be said",
         .words = words_allow},
        {"method", KEY_STEPS, "what is done: attacks, waits and actions, in order",
         .required = true},
        {"recovery", KEY_MAP, "what should hold when the fault is gone", .keys = keys_recovery},
        {"success", KEY_JUDGE,
         "what the run must show; left out: steady and monitors held, recovery within its limit"},
        {"failure", KEY_JUDGE, "what refutes the hypothesis, whatever else holds"},
        {0},
};

const struct key keys_var[] = {
        {"default", KEY_LIMIT, "its value when none is given"},
        {"type", KEY_WORD, "what its value must be", "text", .words = words_type},
        {"min", KEY_LIMIT, "the least value"},
        {"max", KEY_LIMIT, "the greatest value"},
        {"env", KEY_TEXT, "environment variable that gives its value, unless --var does"},
        {"secret", KEY_BOOL, "whether it is masked wherever it would be shown or stored", "false"},
        {0},
};

const struct key keys_hypothesis[] = {
        {"says", KEY_TEXT, "what is believed, in a sentence or two"},
        {"steady", KEY_STEADY, "probes that say whether the system does its work"},
        {"monitors", KEY_MONITORS, "what monitoring must show", .later = true},
        {"baseline", KEY_DURATION,
         "how long the steady state must be shown before any harm; 0: one look at each", "0"},
        {0},
};

const struct key keys_steady[] = {
        {"id", KEY_ID, "its name in reports and in abort conditions; left out: PROBE-N"},
        {"every", KEY_TIME, "time between looks; a slow look does not delay the next", "1s"},
        {"expect", KEY_EXPECT, "what a good answer is", .required = true},
        {"tolerate", KEY_SHARE, "share of looks that may miss", "0%"},
        {"on-miss", KEY_WORD,
         "carry-on, or stop the run as soon as tolerate is certain to be exceeded", "carry-on",
         .words = words_on_miss},
        {"control", KEY_CONTROL,
         "the same look at something that is not attacked: the parameters that differ",
         .later = true},
        {0},
};

const struct key keys_monitor[] = {
        {"id", KEY_ID, "its name in reports; left out: PROBE-N"},
        {"fires-within", KEY_TIME, "time from the fault in effect until it must show"},
        {"clears-within", KEY_TIME, "time from the fault gone until it must be clear"},
        {"expect", KEY_EXPECT, "what it must answer"},
        {0},
};

const struct key keys_misses[] = {
        {"steady", KEY_ID, "id of a steady probe", .required = true},
        {"misses", KEY_SHARE, "share of its looks that misses, more than 0%", .required = true},
        {"over", KEY_TIME, "time that the share is taken over", "5s"},
        {"verdict", KEY_WORD, "what the run says when the limit is crossed", "refuted",
         .words = words_verdict},
        {0},
};

const struct key keys_slo[] = {
        {"steady", KEY_ID, "id of a steady probe", .required = true},
        {"slo", KEY_MAP, "a part of the service's error budget", .keys = keys_budget,
         .required = true, .later = true},
        {"verdict", KEY_WORD, "what the run says when the limit is crossed", "refuted",
         .words = words_verdict},
        {0},
};

const struct key keys_budget[] = {
        {"objective", KEY_SHARE, "share of good looks that is promised", .required = true},
        {"window", KEY_TIME, "time that the objective is promised over", .required = true},
        {"spend", KEY_SHARE, "share of the error budget that the run may spend", .required = true},
        {0},
};

const struct key keys_look[] = {
        {"probe", KEY_PROBE, "one probe with its parameters", .required = true},
        {"when", KEY_EXPECT, "the answer that ends the run", .required = true},
        {"for", KEY_DURATION, "how long it must show that", "0"},
        {"every", KEY_TIME, "time between looks", "1s"},
        {"on-error", KEY_WORD, "abort when a look fails, or carry-on", "abort",
         .words = words_on_error},
        {"verdict", KEY_WORD, "what the run says when the limit is crossed", "refuted",
         .words = words_verdict},
        {0},
};

const struct key keys_blast[] = {
        {"targets", KEY_PICK, "greatest number or share of targets of each attack", "all"},
        {"max-duration", KEY_TIME,
         "everything is back at this time after arming; left out: what the method takes, 60s for "
         "each action, and 30s more"},
        {0},
};

const struct key keys_attack[] = {
        {"id", KEY_ID, "its name in reports; left out: FAULT-N"},
        {"fault", KEY_FAULT, "which harm, by its name", .required = true},
        {"target", KEY_TARGET, "what is hurt; the host must be named too", .required = true},
        {"with", KEY_WITH, "the fault's parameters"},
        {"for", KEY_TIME,
         "how long; left out: to the end of the method, or at once for what is done when applied"},
        {0},
};

const struct key keys_wait[] = {
        {"id", KEY_ID, "its name in reports; left out: wait-N"},
        {"wait", KEY_TIME, "waits, with the faults that are in effect", .required = true},
        {0},
};

const struct key keys_together[] = {
        {"id", KEY_ID, "its name in reports; left out: together-N"},
        {"together", KEY_STEPS, "steps that begin at once; ends with the last of them",
         .required = true},
        {0},
};

const struct key keys_action[] = {
        {"id", KEY_ID, "its name in reports; left out: ACTION-N"},
        {0},
};

const struct key keys_levels[] = {
        {"levels", KEY_VALUES, "values, one after another: start small", .required = true},
        {"hold", KEY_TIME, "how long each level lasts", .required = true},
        {0},
};

static const struct key keys_process[] = {
        {"name", KEY_TEXT, "its name, as ps shows it: nginx; * and ? stand for anything"},
        {"exe", KEY_TEXT, "path or file name of its program: /usr/sbin/nginx; * and ? as in name"},
        {"cmdline", KEY_TEXT, "a part of its command line, the arguments joined by blanks"},
        {"pid", KEY_PID,
         "its number; what is otherwise never chosen (shells, sshd) can be named so"},
        {"user", KEY_TEXT, "name or number of its user"},
        {"listens", KEY_PORT, "TCP or UDP port that it listens on"},
        {"parent", KEY_TEXT, "number or name of its parent"},
        {0},
};

static const struct key keys_container[] = {
        {"id", KEY_TEXT, "its id, or the beginning of it"},
        {"name", KEY_TEXT, "its name"},
        {"label", KEY_TEXT, "a label, as NAME=VALUE"},
        {"image", KEY_TEXT, "the image that it was made from"},
        {0},
};

#define TERMS                                                                           \
	{"host", KEY_HOST, "the whole machine"},                                        \
	        {"process", KEY_MAP, "processes; all that is said must hold",           \
	         .keys = keys_process},                                                 \
	        {"unit", KEY_TEXT, "a systemd unit: nginx, shop@*.service"},            \
	        {"cgroup", KEY_CGROUP, "path of a cgroup below the hierarchy: /shop"},  \
	        {"container", KEY_MAP, "containers; all that is said must hold",        \
	         .keys = keys_container},                                               \
	        {"netns", KEY_TEXT, "a network namespace: its name, or a path"},        \
	{                                                                               \
		"where", KEY_LABELS, "labels of the machine, in a fleet", .later = true \
	}

const struct key keys_target[] = {
        TERMS,
        {"command", KEY_TEXTS, "a program that squall starts for this, and its arguments"},
        {"not", KEY_NOT, "what is not meant, though it matches"},
        {"pick", KEY_PICK, "how many of what matches, drawn by the seed: a number, 25% or all",
         "1"},
        {"follow", KEY_BOOL,
         "whether what comes in the place of a target that ends is attacked too", "false"},
        {0},
};

const struct key keys_term[] = {TERMS, {0}};

const struct key keys_recovery[] = {
        {"within", KEY_TIME, "time from the fault gone until the system is steady again (RTO)"},
        {"lose-at-most", KEY_DURATION, "work that may be lost (RPO)", .later = true},
        {0},
};

const struct key *key_find(const struct key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}
