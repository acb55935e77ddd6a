"""The report of a build: what the tools say, and what follows from the machine's timing and its serial link."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ohmprop.boards.description import BAUDS, BoardDescription
from ohmprop.model.link.frames import CRC_BYTES, LINE_BITS
from ohmprop.model.link.handling import handling_clocks, sparse_clocks, stored_clocks
from ohmprop.model.link.packing import frame_bytes, input_bytes, target_bytes
from ohmprop.model.link.sparse import MOST_PATTERNS
from ohmprop.model.link.stored import NUMBER_BYTES, RELATIVE_BYTES, SLOTS, numbers_in_frame
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import LAYERS, TOGETHER

#: Share of MNIST's pixels that are not zero, as the golden machine counts it.
PIXELS = 0.19
#: Euler steps of both phases and share of patterns with an update, by the order in which neurons step: means of the first
#: epoch of MNIST in the golden machine; and the Euler steps of a recurrent machine that learns the glyphs.
TYPICAL = {TOGETHER: (12.2, 0.27), LAYERS: (6.1, 0.39)}
RECURRENT_STEPS = 15.9
#: Mean bytes of MNIST's sparse patterns, as `ohmprop data check mnist` prints, and its pixels; smaller images take as many less.
SPARSE_BYTES, MNIST_PIXELS = 111, 784


@dataclass(frozen=True)
class Built:
    """A build whose report is to be made.

    Members
    -------
    board, spec, machine : what was built; ``machine`` is the name.
    directory : where its files are.
    seed : of place and route.
    tools : versions of the tools by their names.
    """

    board: BoardDescription
    spec: MachineSpec
    machine: str
    directory: Path
    seed: int
    tools: dict[str, str]


def make_report(built: Built) -> dict[str, Any]:
    """Everything about the build; without place and route the clock and the critical path are None."""
    board, spec = built.board, built.spec
    placed = built.directory / "top.report.json"
    found = json.loads(placed.read_text(encoding="utf-8")) if placed.exists() else None
    fmax = _fmax(found) if found else None
    target = spec.clock_hz / 1e6
    report: dict[str, Any] = {
        "board": board.name,
        "machine": built.machine,
        "spec_hash": spec.spec_hash,
        "layers": list(spec.layers),
        "synapses": spec.synapses,
        "lanes": spec.lanes,
        "target_mhz": target,
        "fmax_mhz": fmax,
        "timing_met": fmax >= target if fmax else None,
        **_used(board, _netlist(built.directory / "top.json"), found),
        "netlist": dict(sorted(_netlist(built.directory / "top.json").items())),
        "critical_path": _critical_path(found) if found else None,
        **speed(spec, 1e6 * (fmax or target)),
        "link": link(spec, 1e6 * (fmax or target)),
        "seed": built.seed,
        "tools": built.tools,
    }
    return report


def speed(spec: MachineSpec, clock_hz: float) -> dict[str, Any]:
    """Clocks of a learnt pattern, dense (every step, row and update) and typical, and between two; the rates at a clock.

    The rates are those of patterns whose frames wait already, or that are stored: from the end of a pattern to the end of the
    next.
    """
    dense, turns = spec.dense_clocks, spec.turns(spec.settings)
    steps, updates = (RECURRENT_STEPS, 1.0) if spec.recurrent else TYPICAL[spec.settings.order]
    typical = round(spec.timing.pattern(steps, updates, round(PIXELS * spec.layout.inputs), turns=turns))
    between = between_patterns(spec, spec.pixel_bits, bool(spec.store))
    rates = {"_dense": clock_hz / (dense + between), "": clock_hz / (typical + between)}
    return {
        "clocks_per_pattern_dense": dense,
        "clocks_per_pattern": typical,
        "clocks_between_patterns": between,
        **{f"patterns_per_second{kind}": round(rate) for kind, rate in rates.items()},
        **{f"gcups{kind}": round(spec.synapses * rate / 1e9, 4) for kind, rate in rates.items()},
    }


def sparse_frame(spec: MachineSpec) -> tuple[int, int]:
    """Sparse patterns of MNIST that a frame holds, and bytes of all of them."""
    size = -(-SPARSE_BYTES * spec.inputs // MNIST_PIXELS)
    count = min(MOST_PATTERNS, (frame_bytes(spec) - 2 - CRC_BYTES) // size)
    return count, count * size


def between_patterns(spec: MachineSpec, pixel_bits: int, stored: bool) -> int:
    """Clocks from the end of a pattern to the begin of the next, with pixels of this width, or out of the store."""
    if stored:
        count, (sparse, size) = numbers_in_frame(spec), sparse_frame(spec)
        return round(stored_clocks(spec, count, SLOTS[0], size // sparse) / count)
    if not (spec.sparse and pixel_bits == spec.pixel_bits):
        return handling_clocks(spec, pixel_bits)
    count, size = sparse_frame(spec)
    return round(sparse_clocks(spec, count, size) / count)


def link(spec: MachineSpec, clock_hz: float) -> list[dict[str, Any]]:
    """Learnt patterns per second that the serial link carries, at each baud rate and pixel width, and what limits them.

    With a store as well those of its patterns, whose numbers it carries.
    """
    widths = [(bits, False) for bits in ((1,) if spec.recurrent else (1, 4, 8))]
    return [
        {
            "baud": baud,
            "pixel_bits": bits,
            **({"stored": True} if stored else {}),
            **carried(spec, clock_hz, baud, bits, stored),
        }
        for bits, stored in [*widths, *([(spec.pixel_bits, True)] if spec.store else [])]
        for baud in BAUDS
    ]


def carried(spec: MachineSpec, clock_hz: float, baud: int, pixel_bits: int, stored: bool) -> dict[str, Any]:
    """Learnt patterns per second at a baud rate, and whether link or machine limits them."""
    between = between_patterns(spec, pixel_bits, stored)
    machine = clock_hz / (speed(spec, clock_hz)["clocks_per_pattern"] + between)
    line = baud / (LINE_BITS * learn_bytes(spec, pixel_bits, stored))
    return {"patterns_per_second": round(min(machine, line)), "limit": "link" if line < machine else "machine"}


def learn_bytes(spec: MachineSpec, pixel_bits: int, stored: bool) -> float:
    """Bytes of a pattern on the wire, COBS and closing zero included; the reply goes the other way, and is shorter.

    Sparse patterns of MNIST share a frame, and so do the numbers of stored ones; others have one each.
    """
    count, size = 1, input_bytes(spec, pixel_bits) + target_bytes(spec)
    if stored:
        count = numbers_in_frame(spec)
        size = NUMBER_BYTES + RELATIVE_BYTES * count
    elif spec.sparse and pixel_bits == spec.pixel_bits:
        count, size = sparse_frame(spec)
    body = 2 + size + CRC_BYTES
    return (body + -(-body // 254) + 1) / count


def _netlist(path: Path) -> Counter[str]:
    """How many cells of each type Yosys made."""
    modules = json.loads(path.read_text(encoding="utf-8"))["modules"]
    return Counter(cell["type"] for cell in modules["top"]["cells"].values() if not cell["type"].startswith("$"))


def _used(board: BoardDescription, netlist: Counter[str], found: dict[str, Any] | None) -> dict[str, int]:
    """Resources used and available; logic cells after packing if there was place and route."""
    used = {}
    for name, (pattern, packed) in board.family.cells.items():
        used[name] = sum(count for kind, count in netlist.items() if re.fullmatch(pattern, kind))
        if found and packed:
            used[name] = found["utilization"][packed]["used"]
    used["luts_available"] = board.resources.luts
    used["multipliers_available"] = board.resources.multipliers
    used["block_rams_available"] = board.resources.block_rams
    return used


def _fmax(found: dict[str, Any]) -> float:
    """The clock that is reached, in MHz: of several, the slowest."""
    return round(min(float(clock["achieved"]) for clock in found["fmax"].values()), 2)


def _critical_path(found: dict[str, Any]) -> dict[str, Any]:
    """The slowest path from register to register, by the names of the design."""

    def delay(path: dict[str, Any]) -> float:
        return float(sum(step["delay"] for step in path["path"]))

    def clocked(path: dict[str, Any]) -> bool:
        return str(path["from"]).startswith("posedge") and path["from"] == path["to"]

    slowest = max(filter(clocked, found["critical_paths"]), key=delay)
    nets = [step["net"] for step in slowest["path"] if step.get("net")]
    return {"ns": round(delay(slowest), 2), "nets": list(dict.fromkeys(map(_plain, nets)))}


def _plain(net: str) -> str:
    """A net's name without what the tools have appended to it."""
    return re.sub(r"(_(SB|LUT|CCU|PFUMX|L6MUX|TRELLIS|RDATA|DOA|DOB)\w*|\$\w+)+(\[\d+\])?$", "", net)


def table(report: dict[str, Any]) -> list[tuple[str, str]]:
    """The report as rows of a table, name and value."""

    def of(name: str) -> str:
        return f"{report[name]} of {report[f'{name}_available']}"

    rows = [
        ("machine", f"{'-'.join(map(str, report['layers']))}, {report['lanes']} lanes, {report['synapses']} synapses"),
        ("logic cells", of("luts")),
        ("flip-flops", str(report["flip_flops"])),
        ("multipliers", of("multipliers")),
        ("block RAMs", of("block_rams")),
    ]
    if "sprams" in report:
        rows.append(("single-port RAMs", str(report["sprams"])))
    if report["fmax_mhz"]:
        verdict = "met" if report["timing_met"] else "MISSED"
        rows += [
            ("clock", f"{report['fmax_mhz']} MHz, target {report['target_mhz']:g} MHz: {verdict}"),
            ("critical path", f"{report['critical_path']['ns']} ns: {' -> '.join(report['critical_path']['nets'])}"),
        ]
    else:
        rows.append(("clock", f"{report['target_mhz']:g} MHz, not placed and routed"))
    rows += [
        ("clocks per pattern", f"{report['clocks_per_pattern']}, nothing skipped {report['clocks_per_pattern_dense']}"),
        ("clocks between two patterns", str(report["clocks_between_patterns"])),
        (
            "patterns per second",
            f"{report['patterns_per_second']}, nothing skipped {report['patterns_per_second_dense']}",
        ),
        ("GCUPS", f"{report['gcups']}, nothing skipped {report['gcups_dense']}"),
    ]
    rows += [
        (
            f"link at {row['baud'] / 1e6:g} Mbaud, {'stored' if 'stored' in row else str(row['pixel_bits']) + '-bit pixels'}",
            f"{row['patterns_per_second']} patterns per second, limited by the {row['limit']}",
        )
        for row in report["link"]
    ]
    return rows
