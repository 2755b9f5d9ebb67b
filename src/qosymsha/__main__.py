"""`python -m qosymsha …` is the command `qosymsha`."""

from qosymsha.interfaces.cli.main import main

main()
