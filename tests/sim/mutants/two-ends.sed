# A finished engine goes on.
s/if (e->phase == PHASE_DONE ||/if (/
