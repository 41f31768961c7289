# Every attack follows, whether it was told to or not.
s/a->follow = m->selector.follow;/a->follow = true;/
