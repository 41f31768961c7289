/*
 * What the run document keeps of one probe.
 */
#include "model/rundoc-probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

const char *const rundoc_when_names[WHEN_N] = {"before", "during", "after"};

void rundoc_probe_init(struct rundoc_probe *p, const char *id)
{
	*p = (struct rundoc_probe){.stride = 1};
	(void)text_copy(p->id, sizeof(p->id), id);
}

void rundoc_probe_release(struct rundoc_probe *p)
{
	free(p->series);
	*p = (struct rundoc_probe){.stride = 1};
}

static void series_halve(struct rundoc_probe *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i += 2)
		p->series[kept++] = p->series[i];
	p->n = kept;
	p->stride *= 2;
}

static void series_add(struct rundoc_probe *p, const struct rundoc_point *point, size_t most)
{
	if (p->told++ % p->stride)
		return;
	if (p->n >= most) {
		series_halve(p);
		/* This look's number is a multiple of the old stride only, half of the time. */
		if ((p->told - 1) % p->stride)
			return;
	}
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 32;
		struct rundoc_point *grown = realloc(p->series, cap * sizeof(*grown));

		if (!grown)
			return;
		p->series = grown;
		p->cap = cap;
	}
	p->series[p->n++] = *point;
}

static enum rundoc_when when_of(const json_t *look)
{
	const char *text = json_string_value(json_object_get(look, "when"));

	for (size_t i = 0; text && i < WHEN_N; i++)
		if (!strcmp(text, rundoc_when_names[i]))
			return (enum rundoc_when)i;
	return WHEN_BEFORE;
}

void rundoc_probe_add(struct rundoc_probe *p, const json_t *look, size_t most)
{
	const json_t *seconds = json_object_get(look, "seconds");
	const char *why = json_string_value(json_object_get(look, "why"));
	struct rundoc_point point = {
	        .t_ns = (uint64_t)json_integer_value(json_object_get(look, "due")),
	        .seconds = json_is_number(seconds) ? (float)json_number_value(seconds) : -1,
	        .hit = json_is_true(json_object_get(look, "hit")),
	};
	enum rundoc_when when = when_of(look);

	if (!why)
		why = json_string_value(json_object_get(look, "error"));
	p->looks[when]++;
	p->misses[when] += !point.hit;
	if (json_is_number(seconds)) {
		double s = json_number_value(seconds);

		p->least = p->timed && p->least < s ? p->least : s;
		p->most = p->timed && p->most > s ? p->most : s;
		p->sum += s;
		p->timed++;
	}
	p->last = point;
	(void)text_copy(p->last_why, sizeof(p->last_why), !point.hit && why ? why : "");
	series_add(p, &point, most);
}

void rundoc_probe_unanswered(struct rundoc_probe *p, uint64_t n)
{
	p->looks[WHEN_DURING] += n;
	p->misses[WHEN_DURING] += n;
}

static json_t *point_json(const struct rundoc_point *p)
{
	json_t *seconds = p->seconds < 0 ? json_null() : json_real((double)p->seconds);

	return json_pack("[I, o, b]", (json_int_t)p->t_ns, seconds, (int)p->hit);
}

void rundoc_probe_write(const struct rundoc_probe *p, json_t *to)
{
	json_int_t looks = 0, misses = 0;
	json_t *series = json_array();

	for (size_t i = 0; i < WHEN_N; i++) {
		json_object_set_new(to, rundoc_when_names[i],
		                    json_pack("{s: I, s: I}", "looks", (json_int_t)p->looks[i],
		                              "misses", (json_int_t)p->misses[i]));
		looks += (json_int_t)p->looks[i];
		misses += (json_int_t)p->misses[i];
	}
	json_object_set_new(to, "looks", json_integer(looks));
	json_object_set_new(to, "misses", json_integer(misses));
	if (p->timed)
		json_object_set_new(to, "seconds",
		                    json_pack("{s: f, s: f, s: f}", "least", p->least, "mean",
		                              p->sum / (double)p->timed, "most", p->most));
	if (p->told) {
		json_t *last = json_pack("{s: I, s: b}", "t", (json_int_t)p->last.t_ns, "hit",
		                         (int)p->last.hit);

		if (p->last.seconds >= 0)
			json_object_set_new(last, "seconds", json_real((double)p->last.seconds));
		if (p->last_why[0])
			json_object_set_new(last, "why", json_string(p->last_why));
		json_object_set_new(to, "last", last);
	}
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(series, point_json(&p->series[i]));
	json_object_set_new(to, "series", series);
	json_object_set_new(to, "series-of", json_integer((json_int_t)p->stride));
}
