# The engine has no deadline of its own.
s/e->phase <= PHASE_ATTACK) {/false) {/
