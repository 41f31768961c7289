# An answer to arming is believed in any phase.
s/if (p == PHASE_ARM)/if (p \&\& p != PHASE_DONE)/
