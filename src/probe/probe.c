/* The lists of probes and actions, made from probes.def and actions.def. */
#include "probe/probe.h"

#include <string.h>

#define PROBE(name) extern const struct probe probe_##name;
#include "probe/probes.def"
#undef PROBE
#define ACTION(name) extern const struct action action_##name;
#include "probe/actions.def"
#undef ACTION

const struct probe *const probes[] = {
#define PROBE(name) &probe_##name,
#include "probe/probes.def"
#undef PROBE
        NULL,
};

const struct kind *const probe_kinds[] = {
#define PROBE(name) &probe_##name.kind,
#include "probe/probes.def"
#undef PROBE
        NULL,
};

const struct action *const actions[] = {
#define ACTION(name) &action_##name,
#include "probe/actions.def"
#undef ACTION
        NULL,
};

const struct kind *const action_kinds[] = {
#define ACTION(name) &action_##name.kind,
#include "probe/actions.def"
#undef ACTION
        NULL,
};

const struct probe *probe_find(const char *name)
{
	for (size_t i = 0; probes[i]; i++)
		if (!strcmp(probes[i]->kind.name, name))
			return probes[i];
	return NULL;
}

const struct probe *probe_of(const struct kind *kind)
{
	for (size_t i = 0; probes[i]; i++)
		if (&probes[i]->kind == kind)
			return probes[i];
	return NULL;
}

const struct action *action_find(const char *name)
{
	for (size_t i = 0; actions[i]; i++)
		if (!strcmp(actions[i]->kind.name, name))
			return actions[i];
	return NULL;
}

const struct action *action_of(const struct kind *kind)
{
	for (size_t i = 0; actions[i]; i++)
		if (&actions[i]->kind == kind)
			return actions[i];
	return NULL;
}
