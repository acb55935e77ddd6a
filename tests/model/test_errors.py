"""What another library's error says, as a part of our sentences."""

from ohmprop.model.errors import reason


def test_the_first_line_or_the_kind_of_an_error():
    assert reason(ValueError("It is wrong.\nIn detail ...")) == "It is wrong"
    assert reason(ValueError("")) == "ValueError"
    assert reason(TimeoutError("\n")) == "TimeoutError"
