# Nothing waits for the targets with a limit.
s/engine_timer(e, TIMER_PHASE, 0, e->now_ns + RESOLVE_LIMIT_NS);//
