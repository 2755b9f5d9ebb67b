"""The operator's door: `qosymsha …`. Status: 0 done, 1 a finding, 2 bad input, 3 environment, 4 refused by a rule."""
