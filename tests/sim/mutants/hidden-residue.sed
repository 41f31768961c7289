# Residue is not counted.
s/f->residue += e->attacks\[i\].residue;//
