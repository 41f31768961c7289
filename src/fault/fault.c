/* The faults that are built in. */
#include "fault/fault.h"

#include <stddef.h>
#include <string.h>

#define FAULT(name) extern const struct fault fault_##name;
#include "fault/faults.def"
#undef FAULT

const struct fault *fault_find(const char *name)
{
	for (size_t i = 0; faults[i]; i++) {
		if (strcmp(faults[i]->kind.name, name) == 0)
			return faults[i];
	}
	return NULL;
}

const char *const *fault_needs(const struct fault *f, const void *args)
{
	static const char *const nothing[] = {NULL};

	if (f->needs_of && args)
		return f->needs_of(args);
	return f->needs ? f->needs : nothing;
}

int fault_each_need(const struct fault *f, const void *args,
                    int (*each)(void *ctx, const char *fact), void *ctx)
{
	const char *const *need = fault_needs(f, args);
	int ret = 0;

	for (; ret == 0 && *need; need++)
		ret = each(ctx, *need);
	for (const struct param *p = f->kind.params; args && ret == 0 && p && p->name; p++)
		if (p->needs && *(const uint64_t *)((const char *)args + p->offset))
			ret = each(ctx, p->needs);
	return ret;
}

const struct fault *fault_of(const struct kind *kind)
{
	for (size_t i = 0; faults[i]; i++) {
		if (&faults[i]->kind == kind)
			return faults[i];
	}
	return NULL;
}

const struct fault *const faults[] = {
#define FAULT(name) &fault_##name,
#include "fault/faults.def"
#undef FAULT
        NULL,
};

const struct kind *const fault_kinds[] = {
#define FAULT(name) &fault_##name.kind,
#include "fault/faults.def"
#undef FAULT
        NULL,
};
