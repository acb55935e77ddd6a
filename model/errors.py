"""The two kinds of failure a user may meet; both carry one full sentence and never a traceback."""


class UserError(Exception):
    """The user's mistake (exit code 2): says what was wrong, what was expected and what to do."""


class MachineError(Exception):
    """The machine's or the link's failure (exit code 1): says what was wrong, what was expected and what to do."""
