# The keeper leaves the last slot when it takes out.
s/if (last == SIZE_MAX)/if (last == SIZE_MAX || last == 0)/
