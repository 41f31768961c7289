# An abort orders nothing out.
s/engine_do_first(e, DO_TAKE_ALL);//
