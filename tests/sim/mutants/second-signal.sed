# A second signal skips the revert.
s/case PHASE_REVERT:/&\n\t\te->to_finish = true;\n\t\tbreak;/
