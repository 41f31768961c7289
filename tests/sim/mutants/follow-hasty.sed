# A crash loop is followed at once, and again.
s/e->now_ns + a->follow_wait_ns/e->now_ns/
