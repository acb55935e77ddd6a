"""``python -m ohmprop`` is the command ``ohmprop``."""

from ohmprop.host.cli.main import main

main(prog_name="ohmprop")
