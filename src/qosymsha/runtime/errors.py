"""What is wrong with the machine rather than with the input."""


class EnvironmentFault(Exception):  # noqa: N818 - the house's own word, shown by the command line with exit status 3
    """The machine cannot do what was asked. The message is a plain sentence and says what to do."""
