"""The manual says what the code does: its tables are compared with the constants, its examples are run."""

import ast
import doctest
import json
import re
import struct
from importlib import import_module
from itertools import pairwise, product

import pytest

import ohmprop.model.timing
from ohmprop.model.arithmetic import DEFAULT_LFSR, LFSR_TAPS
from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.layout import Kind
from ohmprop.model.link.features import FEATURES
from ohmprop.model.link.frames import Op, Status
from ohmprop.model.link.identity import Identity
from ohmprop.model.link.packing import frame_bytes, input_bytes, target_bytes
from ohmprop.model.link.records import Record
from ohmprop.model.link.spaces import Space
from ohmprop.model.memristors.presets import PRESETS
from ohmprop.model.memristors.tables import SCHEMES, equation, pulse_direction, step_tables, table_errors
from ohmprop.model.rules import RULES
from ohmprop.model.spec import MachineSpec, ready_machines
from ohmprop.model.timing import Timing
from tests.kit.paths import ROOT

DOCS = ROOT / "docs"
SPEC = MachineSpec()
LAYERED = MachineSpec(layers=(784, 128, 5))


def table(page, *header):
    """The rows of the page's tables that have these headings, cells without back quotes."""
    rows, inside = [], False
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        cells = tuple(cell.strip().strip("`") for cell in line.strip("|").split(" | ")) if line.startswith("|") else ()
        if not cells:
            inside = False
        elif cells[: len(header)] == header:
            inside = True
        elif inside and not line.startswith("|---"):
            rows.append(cells)
    assert rows, f"{page} has no table {header}"
    return rows


def records(page):
    """Heading -> (offset, bytes, field) of the table below it."""
    found = {}
    for section in re.split(r"^##+ ", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE):
        rows = re.findall(r"^\| (\d+) \| (\d+) \| (\w+) \|", section, re.MULTILINE)
        if rows:
            found[section.splitlines()[0]] = [(int(offset), int(width), field) for offset, width, field in rows]
    return found


def laid_out(fields):
    """(offset, bytes, field) of packed (field, bytes)."""
    offset, rows = 0, []
    for field, width in fields:
        rows.append((offset, width, field))
        offset += width
    return rows


@pytest.mark.parametrize("page", ["arithmetic.md", "devices.md", "protocol.md"])
def test_examples(page):
    failures, tried = doctest.testfile(str(DOCS / page), module_relative=False)
    assert tried and not failures


@pytest.mark.parametrize(("heading", "numbers"), [("op", Op), ("status", Status), ("space", Space)])
def test_codes(heading, numbers):
    assert [(int(code, 0), name) for code, name, *_ in table("protocol.md", "code", heading)] == [
        (item.value, item.name) for item in numbers
    ]


def test_records():
    identity = [struct.calcsize(f"<{part}") for part in re.findall(r"\d*\w", Identity.FORMAT[1:])]
    names = ["magic", *Identity.__dataclass_fields__]
    expected = {"ID block": laid_out(zip(names, identity, strict=True))}
    for record in Record.__subclasses__():
        expected[record.__name__] = laid_out(record.widths().items())
    assert records("protocol.md") == expected


def test_rules():
    text = (DOCS / "protocol.md").read_text(encoding="utf-8")
    described = "; ".join(f"{rule.code}: {rule.title}" for rule in RULES.values())
    assert re.search(rf"^\| \d+ \| 1 \| rule \| {described}", text, re.MULTILINE)


def test_features():
    described = [(feature.bit, feature.part, feature.field, feature.user) for feature in FEATURES]
    assert [(int(bit), *rest) for bit, *rest in table("protocol.md", "bit", "feature")] == described


def test_formats_and_shifts():
    formats = {row[0]: row[2] for row in table("arithmetic.md", "quantity", "symbol")}
    for name in ("weight", "state", "activity", "accumulator"):
        assert formats[name] == str(getattr(SPEC, name))
    for name, _, value in table("arithmetic.md", "shift", "definition"):
        assert getattr(SPEC, name) == int(value), name
    for name, _, number, *_ in table("arithmetic.md", "layered quantity", "symbol"):
        assert number == str(getattr(LAYERED, name)), name
    for name, _, value in table("arithmetic.md", "layered shift", "definition"):
        assert getattr(LAYERED, name) == int(value), name
    text = (DOCS / "arithmetic.md").read_text(encoding="utf-8")
    for constant in (LFSR_TAPS, DEFAULT_LFSR):
        assert f"0x{constant:08X}" in text


def test_matrices():
    for name, weight, *numbers, reach in table("arithmetic.md", "matrix", "weight"):
        number, bits = Format.parse(weight), re.search(r"\d", name)
        formats = {"input_weight": number, "pixel_bits": int(bits[0])} if bits else {"weight": number}
        spec = MachineSpec(layers=(8, 8, 8), **formats)
        matrix = spec.matrices[0 if bits else 1]
        assert [matrix.product, matrix.pre_shift, matrix.shift_base] == [int(cell) for cell in numbers], name
        assert reach == f"{matrix.eta_shifts[0]} to {matrix.eta_shifts[-1]}", name


def test_host_times():
    for name, value, *_ in table("protocol.md", "constant", "value"):
        module, _, constant = name.rpartition(".")
        assert getattr(import_module(module), constant) == float(value), name


#: What Timing has besides latencies.
METHODS = ("serial", "wires", "step_in", "pauses", "draws", "pulse_clocks", "whole_update", "pattern", "bound")


def test_latencies():
    constants = {name: int(value) for name, value, *_ in table("architecture.md", "constant", "clocks")}
    in_clocks = {
        name: value for name, value in vars(ohmprop.model.timing).items() if name.isupper() and name != "FANOUT"
    }
    assert constants == in_clocks
    names = [name for name in vars(Timing) if name[0] != "_" and name not in METHODS]
    rows = table("architecture.md", "latency", "formula", "100", "784-128-5", "64-64-64-10")
    assert [name for name, *_ in rows] == names
    for column, layers in enumerate([(100,), (784, 128, 5), (64, 64, 64, 10)]):
        timing, layout = MachineSpec(layers=layers).timing, MachineSpec(layers=layers).layout
        kinds = [sweep.kind for sweep in layout.step]
        gaps = list(pairwise(kinds)).count((Kind.READ_ROWS, Kind.READ_COLUMNS))
        known = {**constants, "words": layout.words, "step_words": layout.step_words}
        known |= {"neuron_words": layout.neuron_words, "input_words": layout.words - layout.neuron_words}
        known |= {"code_bits": layout.code_bits, "gaps": gaps, "layered": int(len(layers) > 1), "wires": 0}
        for name, formula, *clocks in rows:
            if clocks[column] == "-":
                continue
            known[name] = getattr(timing, name)
            assert known[name] == int(clocks[column]), name
            if not formula.startswith("levels"):
                assert evaluate(formula, known) == known[name], formula


def evaluate(formula, known):
    """The value of sums, differences and products of known names and numbers."""

    def value(node):
        match node:
            case ast.BinOp(op=ast.Add()):
                return value(node.left) + value(node.right)
            case ast.BinOp(op=ast.Sub()):
                return value(node.left) - value(node.right)
            case ast.BinOp(op=ast.Mult()):
                return value(node.left) * value(node.right)
            case ast.Name():
                return known[node.id]
        return ast.literal_eval(node)

    return value(ast.parse(formula, mode="eval").body)


def test_words():
    for row in table("architecture.md", "neurons", "lanes"):
        neurons, lanes, stored, read, plain = map(int, row)
        layout = MachineSpec(layers=(neurons,), lanes=lanes).layout
        assert (stored, read, plain) == (layout.words, layout.step_words, neurons * layout.blocks)


def test_layered_words():
    for layers, lanes, *numbers in table("architecture.md", "layers", "lanes"):
        layout = MachineSpec(layers=tuple(map(int, layers.split("-"))), lanes=int(lanes)).layout
        assert [layout.words, layout.step_words, layout.blocks] == [int(cell) for cell in numbers], layers


def test_ready_machines():
    rows = table("classifiers.md", "machine", "layers")
    kernels = table("convolution.md", "machine", "layers")
    assert sorted(name for name, *_ in (*rows, *kernels)) == ready_machines()
    for name, joined, weights, bits in kernels:
        spec = MachineSpec.load(name)
        assert joined == ", ".join(spec.kernels)
        assert [int(number.replace(",", "")) for number in (weights, bits)] == [spec.synapses, 16 * spec.synapses]
    for name, layers, rates, words, learn, frame in rows:
        spec = MachineSpec.load(name)
        assert layers == "-".join(map(str, spec.layers))
        assert rates == ", ".join(map(str, spec.settings.eta_shifts))
        payload = input_bytes(spec) + target_bytes(spec)
        frames = [payload, frame_bytes(spec)]
        assert [int(words), int(learn), int(frame)] == [spec.layout.words, *frames], name


def test_device_tables():
    rows = table("devices.md", "device", "scheme", "rails")
    assert [name for name, *_ in rows] == list(PRESETS)
    weight = Format(True, 8, 7)
    for name, scheme, rails, *errors, _ in rows:
        tables = step_tables(PRESETS[name], weight)
        assert (scheme, rails) == (tables.scheme, f"{tables.low} to {tables.high}")
        found = table_errors(tables, equation(PRESETS[name], weight))
        assert errors == [f"{found[0]:.4f}", f"{found[1]:.3f}"], name


def test_pulses_of_the_host():
    rows = table("devices.md", "scheme", "raise G+")
    assert [scheme for scheme, *_ in rows] == list(SCHEMES)
    for scheme, *cells in rows:
        for cell, (conductance, raises) in zip(cells, product("+-", (True, False)), strict=True):
            if cell == "refused":
                with pytest.raises(UserError):
                    pulse_direction(scheme, conductance, raises)
            else:
                assert pulse_direction(scheme, conductance, raises) == {"pulse up": 1, "pulse down": -1}[cell]


def test_all_devices_were_learnt_with():
    rows = table("devices.md", "device", "settings", "glyphs, EP, p = 0.10")
    assert [name for name, *_ in rows] == list(PRESETS)


def test_layered_clocks():
    timing = LAYERED.timing
    for *numbers, clocks, bound, ratio in table("architecture.md", "Euler steps", "driven rows"):
        steps, rows, updated = map(int, numbers)
        run, least = timing.pattern(steps, updated, rows), timing.bound(steps, updated, rows)
        assert (int(clocks), int(bound), ratio) == (run, round(least), f"{run / least:.3f}")


def test_bound():
    timing = SPEC.timing
    for steps, clocks, bound, ratio in table("architecture.md", "steps", "clocks"):
        run, least = timing.pattern(int(steps), 1), timing.bound(int(steps), 1)
        assert (int(clocks), int(bound), ratio) == (run, round(least), f"{run / least:.3f}")


def test_links_lead_somewhere():
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            name, _, anchor = target.partition("#")
            path = page.parent / name if name else page
            assert path.is_file(), f"{page.name}: {target}"
            text = path.read_text(encoding="utf-8") if path.suffix != ".png" else ""
            headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert not anchor or anchor in anchors, f"{page.name}: {target}"


def test_boards():
    files = sorted((DOCS / "boards").glob("*.json"))
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    assert table("boards.md", "board", "machine", "clock") == [
        (
            report["board"],
            report["machine"],
            f"{report['fmax_mhz']} MHz, asked {report['target_mhz']:g}",
            f"{report['luts']} of {report['luts_available']}",
            str(report["flip_flops"]),
            f"{report['multipliers']} of {report['multipliers_available']}",
            f"{report['block_rams']} of {report['block_rams_available']}",
        )
        for report in reports
    ]
    assert table("boards.md", "board", "machine", "clocks per pattern") == [
        (
            report["board"],
            report["machine"],
            f"{report['clocks_per_pattern']:,} / {report['clocks_per_pattern_dense']:,}",
            f"{report['clocks_between_patterns']:,}",
            f"{report['patterns_per_second']:,} / {report['patterns_per_second_dense']:,}",
            f"{report['gcups']:.3g} / {report['gcups_dense']:.3g}",
        )
        for report in reports
    ]
    assert table("boards.md", "board", "machine", "pixel bits") == [
        (report["board"], report["machine"], kind, *(f"{rate:,}" for rate in rates))
        for report in reports
        for kind, rates in link_rates(report).items()
    ]


def link_rates(report):
    """Learnt patterns at each baud rate, by their pixels' bits, or stored."""
    found = {}
    for row in report["link"]:
        found.setdefault("stored" if "stored" in row else str(row["pixel_bits"]), []).append(row["patterns_per_second"])
    return found
