/*
 * Words for phases, events and commands.
 */
#include "run/engine.h"

const char *phase_name(enum phase p)
{
	static const char *const names[] = {"new",    "resolve", "arm",      "baseline",
	                                    "attack", "revert",  "recovery", "done"};

	return (size_t)p < ARRAY_SIZE(names) ? names[p] : "?";
}

const char *event_name(enum event_type t)
{
	static const char *const names[] = {"start",       "resolved", "armed",    "look",
	                                    "deed",        "plan-in",  "plan-out", "meter",
	                                    "target-gone", "timer",    "halt",     "signal",
	                                    "keeper-lost", "refused",  "undone"};

	return (size_t)t < ARRAY_SIZE(names) ? names[t] : "?";
}

const char *command_name(enum command_type t)
{
	static const char *const names[] = {"resolve", "arm",      "look",     "deed",
	                                    "put",     "take-out", "take-all", "meter",
	                                    "timer",   "cancel",   "tell",     "finish"};

	return (size_t)t < ARRAY_SIZE(names) ? names[t] : "?";
}
