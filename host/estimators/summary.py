"""What a machine is, in figures: layers, number formats, clocks, and what it needs on each board."""

from typing import Any

from ohmprop.host.show.console import text_of
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: What a board's line says, by the names of an estimate.
NEEDS = ("logic_cells", "block_rams", "multipliers")


class Summary(dict[str, Any]):
    """What `Machine.summary` finds, by the names that a JSON uses; printed it is lines of text."""

    def __str__(self) -> str:
        lines = [f"{name.replace('_', ' ')}: {_said(value)}" for name, value in self.items() if name != "boards"]
        for board in self.get("boards", ()):
            if "why" in board:
                lines.append(f"{board['board']}: {board['why']}")
                continue
            needs = ", ".join(f"{board[n]:,} of {board[f'{n}_available']:,} {n.replace('_', ' ')}" for n in NEEDS)
            verdict = "fits" if board["fits"] else "does not fit"
            lines.append(f"{board['board']} (estimate): {verdict}; {needs}; {board['lanes']} lanes")
        return "\n".join(lines)

    __repr__ = __str__


def summary(spec: MachineSpec, boards: bool) -> Summary:
    """The machine in figures; with ``boards`` the estimates for all boards too, which take some seconds each."""
    settings, matrices = spec.settings, spec.matrices
    formats = {
        "weights": [str(matrix.stored) for matrix in matrices],
        **{name: str(getattr(spec, name)) for name in ("state", "activity", "accumulator")},
    }
    if not spec.recurrent:
        formats["inputs"] = f"fxp-u{spec.pixel_bits}/{spec.pixel_bits}"
    found = Summary(
        layers=list(spec.layers),
        topology=spec.topology.name,
        synapses=spec.synapses,
        matrices=[[matrix.rows, matrix.columns] for matrix in matrices],
        formats=formats,
        lanes=spec.lanes,
        weight_memory_words=spec.layout.words,
        rule=settings.rule,
        steps={"free": settings.free_steps, "nudged": settings.nudged_steps},
        clocks_per_pattern_dense=spec.dense_clocks,
        spec_hash=spec.spec_hash,
    )
    return Summary(found, boards=_boards(spec)) if boards else found


def _boards(spec: MachineSpec) -> list[dict[str, Any]]:
    """The estimate for each board, or why there is none."""
    try:
        from ohmprop.boards.description import boards
        from ohmprop.boards.estimate import estimate_or_why

        return [estimate_or_why(board, spec) for board in boards()]
    except (UserError, ModuleNotFoundError) as error:
        return [{"board": "boards", "why": f"no estimate ({error})"}]


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "-".join(map(str, value)) if all(type(one) is int for one in value) else " ".join(map(_said, value))
    return text_of(value)
