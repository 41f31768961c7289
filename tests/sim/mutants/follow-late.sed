# What comes after an attack was taken out is attacked all the same.
s/if (!a->resolving || .*/if (!a->resolving)/
