# The method goes on after the revert has begun.
s/if (e->phase == PHASE_ATTACK \&\& !e->to_finish) {/if ((e->phase == PHASE_ATTACK || e->phase == PHASE_REVERT) \&\& !e->to_finish) {/
s/if (e->phase == PHASE_ATTACK \&\& method_step(e))/if (method_step(e))/
