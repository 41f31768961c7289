# Whatever comes is attacked.
s/if (n > a->gone) {/if (n > a->targets * 9) {/
