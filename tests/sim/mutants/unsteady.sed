# A baseline that misses is taken for steady.
s/return tolerance_exceeded(looks + left, p->before_misses,/return false \&\& tolerance_exceeded(looks + left, p->before_misses,/
