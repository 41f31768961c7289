# The method begins without arming.
s/^\t\t\tarm(e);/\t\t\tattack(e);/
