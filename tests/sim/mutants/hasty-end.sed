# What is being taken out counts as out.
s/return a->state != ATTACK_IDLE \&\&/return a->state == ATTACK_IN \&\&/
