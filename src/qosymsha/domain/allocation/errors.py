"""The one fault this room raises: an instance of the exchange format that cannot be read."""


class InstanceError(ValueError):
    """An instance is malformed.

    Attributes:
        path: where the fault is, as a JSON path from the instance's root (`$.children[3].prefs`).
        message: what is wrong and what is expected there, in one plain sentence.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message
