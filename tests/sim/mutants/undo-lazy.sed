# Undo takes what was about to be applied for not applied.
s/if (slot_phase_is_live((enum slot_phase)s->phase) \&\& !(s->plan >> 31)/if (s->phase != SLOT_INTENT \&\& slot_phase_is_live((enum slot_phase)s->phase) \&\& !(s->plan >> 31)/
