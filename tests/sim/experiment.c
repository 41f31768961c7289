/*
 * Random experiments, made of structs.
 */
#include "sim.h"

static const struct kind kinds[] = {{.name = "net.cut"}, {.name = "proc.kill", .instant = true}};
static const struct kind http = {.name = "http"};
static const struct kind act = {.name = "exec"};

static uint64_t ms(struct sim *s, uint64_t least, uint64_t most)
{
	return (least + sim_below(s, most - least + 1)) * NS_PER_MS;
}

static void method_make(struct sim *s, struct method *m, unsigned depth)
{
	unsigned what = (unsigned)sim_below(s, depth ? 10 : 6);

	if (what >= 6) {
		m->type = what < 9 ? METHOD_IN_ORDER : METHOD_TOGETHER;
		m->n = sim_below(s, 4);
		m->children = arena_alloc(&s->arena, (m->n + 1) * sizeof(*m->children));
		for (size_t i = 0; i < m->n; i++)
			method_make(s, &m->children[i], depth - 1);
	} else if (what < 3 && s->x.attacks_n < ATTACKS_MAX) {
		m->type = METHOD_ATTACK;
		m->call.kind = &kinds[sim_below(s, 3) == 0];
		m->call.name = m->call.kind->name;
		m->id = arena_printf(&s->arena, "attack-%zu", s->x.attacks_n);
		m->for_ns = sim_chance(s, 70) ? ms(s, 1, 4000) : 0;
		m->selector.follow = sim_chance(s, 50);
		s->attacks[s->x.attacks_n++] = m;
	} else if (what < 5 || s->x.actions_n == ATTACKS_MAX) {
		m->type = METHOD_WAIT;
		m->for_ns = sim_chance(s, 90) ? ms(s, 1, 2000) : 0;
	} else {
		m->type = METHOD_ACTION;
		m->call.kind = &act;
		m->call.name = act.name;
		m->id = arena_printf(&s->arena, "action-%zu", s->x.actions_n);
		s->actions[s->x.actions_n++] = m;
	}
}

static void abort_make(struct sim *s, struct abort_condition *c)
{
	c->says = "a limit";
	c->inconclusive = sim_chance(s, 20);
	c->on_error_abort = sim_chance(s, 70);
	if (s->x.steady_n && sim_chance(s, 60)) {
		c->type = ABORT_MISSES;
		c->steady = sim_below(s, s->x.steady_n);
		c->misses_ppm = PPM_ALL / 5 * (1 + sim_below(s, 5));
		c->over_ns = ms(s, 500, 5000);
		return;
	}
	c->type = ABORT_PROBE;
	c->look = (struct call){.kind = &http, .name = "http"};
	c->every_ns = ms(s, 300, 2000);
	c->for_ns = sim_chance(s, 50) ? ms(s, 300, 3000) : 0;
}

void sim_experiment(struct sim *s)
{
	struct experiment *x = &s->x;

	x->steady = s->steady;
	x->aborts = s->aborts;
	x->attacks = s->attacks;
	x->actions = s->actions;
	x->title = "simulated";
	x->steady_n = sim_chance(s, 10) ? 0 : 1 + sim_below(s, PROBES_MAX - 1);
	for (size_t i = 0; i < x->steady_n; i++) {
		struct steady *p = &s->steady[i];

		p->id = arena_printf(&s->arena, "probe-%zu", i);
		p->look = (struct call){.kind = &http, .name = "http"};
		p->every_ns = ms(s, 200, 3000);
		p->tolerate_ppm = sim_chance(s, 50) ? sim_below(s, PPM_ALL) : 0;
		p->on_miss = sim_chance(s, 30) ? ON_MISS_STOP : ON_MISS_CARRY_ON;
		if (sim_chance(s, 20)) {
			s->controls[i] = p->look;
			p->control = &s->controls[i];
		}
	}
	x->baseline_ns = sim_chance(s, 30) ? ms(s, 100, 4000) : 0;
	x->aborts_n = sim_below(s, 3);
	for (size_t i = 0; i < x->aborts_n; i++)
		abort_make(s, &s->aborts[i]);
	x->blast_targets.kind = (enum pick_kind)sim_below(s, 3);
	x->blast_targets.n = x->blast_targets.kind == PICK_COUNT ? 1 + sim_below(s, 4)
	                                                         : sim_below(s, PPM_ALL + 1);
	if (sim_chance(s, 80))
		x->blast_targets.kind = PICK_ALL;
	x->max_duration_ns = sim_chance(s, 20) ? ms(s, 500, 4000) : ms(s, 4000, 20000);
	x->recovery_ns = sim_chance(s, 50) ? ms(s, 100, 5000) : 0;
	x->method.type = METHOD_IN_ORDER;
	x->method.n = 1 + sim_below(s, 3);
	x->method.children = arena_alloc(&s->arena, x->method.n * sizeof(*x->method.children));
	for (size_t i = 0; i < x->method.n; i++)
		method_make(s, &x->method.children[i], 2);

	s->healthy = sim_chance(s, 95);
	s->hurt = (unsigned)sim_below(s, 101);
	s->fail = sim_chance(s, 50) ? (unsigned)sim_below(s, 15) : 0;
	s->lose = sim_chance(s, 30) ? (unsigned)sim_below(s, 10) : 0;
}
