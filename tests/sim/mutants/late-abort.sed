# The order to take all out comes after other commands.
s/engine_do_first(e, DO_TAKE_ALL);/engine_do(e, DO_TAKE_ALL, 0, 0);/
