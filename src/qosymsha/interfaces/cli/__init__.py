"""The operator's door: `qosymsha …`. Exit status: 0 done, 1 a finding, 2 bad input or usage, 3 environment, 4 refused by a rule."""
