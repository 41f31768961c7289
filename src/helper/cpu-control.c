/* cpu-control.c - how long to burn in the next window. */
#include "helper/cpu-control.h"

#include "base/quantity.h"

/* Of five windows at most: what others took before that is lost. */
static const int64_t debt_most_ns = 5 * (int64_t)CPU_WINDOW_NS;

static int64_t clamp(int64_t x, int64_t least, int64_t most)
{
	return x < least ? least : x > most ? most : x;
}

static int64_t share_of(uint64_t ns, uint32_t ppm)
{
	return (int64_t)(ns * ppm / PPM_ALL);
}

void cpu_control_note(struct cpu_control *c, uint64_t window_ns, uint64_t burnt_ns,
                      uint32_t asked_ppm)
{
	int64_t debt = c->debt_ns + share_of(window_ns, asked_ppm) - (int64_t)burnt_ns;

	c->debt_ns = clamp(debt, -debt_most_ns, debt_most_ns);
}

/* Half of the debt in each window: the rest is the next ones', so that one long pause does not make
 * a whole window of burning. */
uint64_t cpu_control_next(const struct cpu_control *c, uint32_t asked_ppm)
{
	int64_t on = share_of(CPU_WINDOW_NS, asked_ppm) + c->debt_ns / 2;

	return (uint64_t)clamp(on, 0, (int64_t)CPU_WINDOW_NS);
}

uint32_t cpu_total_next(struct cpu_total *t, const struct cpu_reading *now, uint32_t asked_ppm)
{
	const struct cpu_reading *then = &t->ring[t->n < CPU_READINGS ? 0 : t->at];
	double ppm, own, busy, others;

	if (t->n > 0 && now->ns > then->ns) {
		ppm = (double)PPM_ALL / (double)(now->ns - then->ns);
		busy = (double)(now->busy_ns - then->busy_ns) * ppm;
		own = (double)(now->own_ns - then->own_ns) * ppm;
		others = busy > own ? busy - own : 0;
		/* half of the way to what would be right if the others went on like this */
		t->own_ppm += 0.5 * (asked_ppm - others - t->own_ppm);
	}
	if (t->own_ppm < 0)
		t->own_ppm = 0;
	t->ring[t->at] = *now;
	t->at = (t->at + 1) % CPU_READINGS;
	if (t->n < CPU_READINGS)
		t->n++;
	return (uint32_t)(t->own_ppm < PPM_ALL ? t->own_ppm : PPM_ALL);
}
