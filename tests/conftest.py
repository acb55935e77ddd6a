"""Settings for all tests."""

from hypothesis import settings

# The same examples on every run, and no deadline, since two workers share a machine of unknown speed.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
