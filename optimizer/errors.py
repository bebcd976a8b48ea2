"""The one error this library raises for input that it cannot use."""


class ProblemError(ValueError):
    """An input that no plan can be made from; nothing was computed from it.

    `code` is a short stable token for programs, `where` names the part of the input (its item, site
    and identifier where it has them), and `message` says what is wrong and what would mend it.
    """

    def __init__(self, code: str, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.code = code
        self.where = where
        self.message = message
