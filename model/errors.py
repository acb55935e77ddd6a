"""The two kinds of failure a user may meet; both carry one full sentence and never a traceback."""


class UserError(Exception):
    """The user's mistake (exit code 2): says what was wrong, what was expected and what to do."""


class MachineError(Exception):
    """The machine's or the link's failure (exit code 1): says what was wrong, what was expected and what to do."""


def reason(error: BaseException) -> str:
    """What another library's error says, as a part of our sentence: its first line without a full stop, or its kind."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
