"""Settings of `bench.rush_control`: the house's, with the two bare views alone."""

from qosymsha.config.settings import *  # noqa: F403 - a settings module is a list of names

ROOT_URLCONF = "bench.rush_control"
