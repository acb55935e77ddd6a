"""Builds a board: Amaranth's build plan, synthesis, place and route, bitstream, each with its log, and the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ohmprop.boards.description import BoardDescription
from ohmprop.boards.report import Built, make_report
from ohmprop.boards.tools import Tool, find_tool
from ohmprop.boards.top import BoardTop
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: The design's name among the build's files.
NAME = "top"
#: What a bitstream is called whose clock is too fast for it.
MISSED = "missed-timing"
#: How bitstreams' files end, by the family's tools.
SUFFIXES = ("bin", "bit", "fs")


def bitstream(directory: Path, name: str = NAME) -> Path | None:
    """The bitstream of a build, if there is one of this name."""
    return next((file for suffix in SUFFIXES if (file := directory / f"{name}.{suffix}").exists()), None)


def planned(board: BoardDescription, spec: MachineSpec, seed: int) -> Any:
    """Amaranth's build plan; its ``files`` are texts by their names, the design in RTLIL among them."""
    board.family.prepare()
    options = {**board.family.options, **board.options}
    placing = [options.pop("nextpnr_opts", ""), f"--seed {seed}", f"--report {NAME}.report.json", "--timing-allow-fail"]
    placing.append(f"--freq {spec.clock_hz / 1e6:g}")
    # Before all else, since it may be impossible.
    clock = board.clock(spec.clock_hz)
    return board.platform().build(
        BoardTop(board, spec, clock),
        name=NAME,
        do_build=False,
        emit_src=False,
        nextpnr_opts=" ".join(placing).strip(),
        **options,
    )


def prepare(board: BoardDescription, spec: MachineSpec, directory: Path, seed: int) -> list[list[str]]:
    """Write the files of the build into ``directory``; returns the command lines, tool first."""
    plan = planned(board, spec, seed)
    plan.extract(str(directory))
    commands = json.loads(plan.files[f"build_{NAME}.json"])["commands"]
    return board.family.commands([[str(word) for word in command] for command in commands])


def build(
    board: BoardDescription,
    spec: MachineSpec,
    machine: str,
    directory: Path,
    seed: int,
    place: bool,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Build the machine for the board into ``directory``; returns the report, which is written there as well.

    ``machine`` is its name in the report. Without ``place`` it ends after synthesis. The bitstream is called ``NAME``, with
    one of SUFFIXES, only if the clock was reached. Raises UserError if a tool is missing, MachineError if
    one fails.
    """
    tools = {name: find_tool(name, board.family.extra) for name in board.family.tools}
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{directory} cannot be written ({error.strerror}); give another folder to --out.") from None
    progress(f"{board.name}: {machine} at {spec.clock_hz / 1e6:g} MHz, seed {seed}, in {directory}")
    # What the tools left here the last time would be taken for this build's.
    for stale in directory.glob(f"{NAME}.*"):
        stale.unlink()
    commands = prepare(board, spec, directory, seed)
    (directory / f"{machine}.toml").write_text(spec.to_toml(), encoding="utf-8")
    seconds: dict[str, float] = {}
    for command in commands[: None if place else 1]:
        tool = _tool(tools, command[0])
        seconds[tool.name] = tool.run(command[1:], directory, directory / f"{tool.name}.log")
        progress(f"{tool.name}: {seconds[tool.name]:.0f} s, log in {directory / f'{tool.name}.log'}")
    report = make_report(
        Built(board, spec, machine, directory, seed, {name: tool.version() for name, tool in tools.items()})
    )
    report["seconds"] = {name: round(value) for name, value in seconds.items()}
    (directory / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if place:
        _judge(directory, report, progress)
    return report


def _tool(tools: dict[str, Tool], called: str) -> Tool:
    """The tool that a command line calls by its plain name."""
    return next(tool for name, tool in tools.items() if Path(called).stem == name)


def _judge(directory: Path, report: dict[str, Any], progress: Callable[[str], None]) -> None:
    """Give a bitstream whose clock is too fast for it another name, so that nobody takes it for a good one."""
    made = bitstream(directory)
    if made is None:
        return
    if report["timing_met"]:
        progress(f"the bitstream is {made}, and {directory / report['machine']}.toml the machine for --machine")
    else:
        renamed = made.rename(made.with_stem(MISSED))
        progress(
            f"The clock was not reached, {report['fmax_mhz']} of {report['target_mhz']:g} MHz, so the bitstream is called "
            f"{renamed}; give a lower --freq or another --seed."
        )
