"""The whole board but for its serial port in Amaranth's own simulator: no compiler, seconds, every byte compared.

Each request goes to the hardware and to the golden device, and both replies must be the same bytes. The planted faults
of tests/mutants/ are caught here; the cocotb benches go deeper.
"""

import ast
import builtins
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from cobs import cobs

from ohmprop.hw.link.dispatch import CommandProcessor
from ohmprop.hw.link.frame_receiver import FrameReceiver
from ohmprop.hw.link.frame_sender import FrameSender
from ohmprop.hw.link.sparse import check_records
from ohmprop.hw.store.block_ram import BlockRamStore
from ohmprop.hw.store.memory import slots_of
from ohmprop.hw.top import machine_of
from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.float64.reference import quantise
from ohmprop.model.formats import Format
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import WINDOW, Op, decode_frame, encode_frame
from ohmprop.model.link.packing import frame_bytes, pack_factors, pack_pattern, pack_pixels, pack_target, split_words
from ohmprop.model.link.pulses import unit_spaces
from ohmprop.model.link.records import Counters
from ohmprop.model.link.registers import PulseRequest, SettingsRegisters
from ohmprop.model.link.spaces import WIDE, Space, cell_spaces, space_words, weight_spaces
from ohmprop.model.link.sparse import Sparse
from ohmprop.model.link.stored import NUMBER_BYTES, numbered
from ohmprop.model.rules import rules_of
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.settings import RANDOM
from tests.kit.options import settings_of
from tests.kit.simulated import simulate
from tests.kit.specs import LAYERED, SPECS
from tests.model.golden.test_pulses import MECHANISMS, unit_of
from tests.mutants import MUTANTS, Mutant, faulty

#: Clocks that any reply may take.
PATIENCE = 9000


class Board(wiring.Component):
    """Bytes in, bytes out."""

    data: In(8)
    valid: In(1)
    bytes: Out(stream.Signature(8))

    make_store = BlockRamStore

    def __init__(self, spec):
        self.spec = spec
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        size = frame_bytes(self.spec)
        m.submodules.receiver = receiver = FrameReceiver(size, WINDOW)
        m.submodules.sender = sender = FrameSender(size, WINDOW)
        m.submodules.commands = commands = CommandProcessor(self.spec)
        m.submodules.machine = machine = machine_of(self.spec)
        m.d.comb += [receiver.bytes.payload.eq(self.data), receiver.bytes.valid.eq(self.valid)]
        check_records(m, self.spec, receiver)
        connect(m, receiver.requests, commands.requests)
        connect(m, commands.replies, sender.replies)
        connect(m, commands.machine, machine)
        if self.spec.store:
            m.submodules.store = store = self.make_store(slots_of(self.spec))
            connect(m, commands.store, store.store)
        connect(m, sender.bytes, flipped(self.bytes))
        return m


@dataclass
class Host:
    """Collects a host's frames; ``play`` sends them."""

    spec: MachineSpec
    frames: list[bytes] = field(default_factory=list)
    sequence: int = 0

    def __post_init__(self):
        # A board executes nothing before it was asked who it is.
        self.request(Op.IDENTIFY)

    def request(self, op, payload=b""):
        """The next request."""
        self.frames.append(encode_frame(op, self.sequence, payload))
        self.sequence = (self.sequence + 1) & 255

    def access(self, op, space, address, count, data=b""):
        """Read or write cells."""
        self.request(op, bytes([space]) + address.to_bytes(2, "little") + count.to_bytes(2, "little") + data)

    def _pieces(self):
        """The weight memory in pieces that fit a frame: first word and number of words."""
        words, most = self.spec.layout.words, (frame_bytes(self.spec) - 16) // self.spec.lanes
        return [(address, min(most, words - address)) for address in range(0, words, most)]

    def read_weights(self):
        """All words."""
        for address, count in self._pieces():
            for space in cell_spaces(self.spec):
                self.access(Op.READ, space, address, count)

    def write_weights(self, weights):
        """All words."""
        words = split_words(self.spec, self.spec.layout.to_words([matrix.astype(np.int16) for matrix in weights]))
        for address, count in self._pieces():
            for space, part in zip(weight_spaces(self.spec), words, strict=False):
                self.access(Op.WRITE, space, address, count, part[address : address + count].tobytes())

    def settings(self, settings, lfsr):
        """All registers."""
        packed = SettingsRegisters.of(self.spec, settings, lfsr).pack()
        self.access(Op.WRITE, Space.SETTINGS, 0, len(packed), packed)

    def device(self, unit, tables=True):
        """All that a pulse unit is, or all but its tables."""
        most = frame_bytes(self.spec) - 16
        for space, content in unit_spaces(self.spec, unit)[0 if tables or unit is None else 1 :]:
            width = self.spec.lanes if space in WIDE else 1
            step = most // width * width
            for at in range(0, len(content), step):
                part = content[at : at + step]
                self.access(Op.WRITE, space, at // width, len(part) // width, part)

    def read_device(self):
        """The pulse unit's registers and counters."""
        for space in (Space.DEVICE, Space.PULSES):
            self.access(Op.READ, space, 0, space_words(self.spec)[space])

    def pulse(self, row, column, pulses):
        """Pulses on the cell of these numbers, any bytes."""
        packed = PulseRequest(row, column, pulses & 0xFF).pack()
        self.access(Op.WRITE, Space.PROGRAM, 0, len(packed), packed)

    def learn(self, pattern, target):
        """One pattern, and the states it left."""
        self.request(Op.LEARN, pack_pattern(self.spec, pattern) + pack_pattern(self.spec, target))
        self.read_states()

    def learn_pixels(self, pixels, target):
        """One pattern of a layered machine, learnt and recalled, and the states it left."""
        packed = pack_pixels(self.spec, pixels)
        self.request(Op.LEARN, packed + pack_target(self.spec, target))
        self.read_states()
        self.request(Op.RECALL, packed)

    def recall(self, pattern):
        """One pattern, and the states it left."""
        self.request(Op.RECALL, pack_pattern(self.spec, pattern))
        self.read_states()

    def read_states(self):
        """All states."""
        self.access(Op.READ, Space.STATES, 0, self.spec.layout.blocks)

    def read_side(self):
        """All states of the side network."""
        self.access(Op.READ, Space.SIDE, 0, space_words(self.spec)[Space.SIDE])

    def counters(self):
        """All but the first one: the golden device's clock stands still between requests."""
        first = Counters.widths()["clocks"]
        self.access(Op.READ, Space.COUNTERS, first, Counters.size() - first)

    def play(self):
        """Send every frame once the reply to the one before is there; assert that each reply is the golden device's."""
        board, golden = Board(self.spec), GoldenBoard(self.spec)

        async def bench(ctx):
            ctx.set(board.bytes.ready, 1)
            for number, frame in enumerate(self.frames):
                ctx.set(board.valid, 1)
                for byte in frame:
                    ctx.set(board.data, byte)
                    await ctx.tick()
                ctx.set(board.valid, 0)
                reply = bytearray()
                for _ in range(PATIENCE):
                    _, _, valid, byte = await ctx.tick().sample(board.bytes.valid, board.bytes.payload)
                    if valid:
                        reply.append(byte)
                        if byte == 0:
                            break
                got, wanted = decode_frame(bytes(reply[:-1])), decode_frame(golden.feed(frame)[:-1])
                assert got == wanted, (number, decode_frame(frame[:-1]))

        simulate(board, bench)


def random_weights(spec, rng):
    """Symmetric, no self weights, within reach, anywhere in their range."""
    synapses = synapse_mask(spec)
    weights = np.tril(rng.integers(-spec.weight_limit, spec.weight_limit + 1, synapses.shape)) * synapses
    return quantise(spec, ((weights + weights.T) / spec.weight.one,))[0]


#: eta is large, so that two patterns change many weights.
SHORT = Settings(free_steps=4, nudged_steps=2, driven_steps=3, released_steps=2, eta_shifts=(2,))


@pytest.mark.parametrize("rules", [("ep", "ep"), ("rbp", "rbp", "ep")], ids="-".join)
@pytest.mark.parametrize("name", ["lanes_do_not_divide", "band", "serial"])
def test_learning_and_recall(name, rules):
    spec = SPECS[name]
    host, rng = Host(spec), np.random.default_rng(3)
    host.write_weights((random_weights(spec, rng),))
    for number, rule in enumerate(rules):
        host.settings(replace(SHORT, rule=rule, nudged_steps=2 + number), 0xC0FFEE11)
        pattern, target = rng.random((2, spec.neurons)) < 0.5
        host.learn(pattern, target)
        host.read_side()
        host.recall(target)
    host.read_weights()
    host.counters()
    host.play()


#: Crossbars whose wires have factors.
WIRED = {
    # With so little fraction in the weights a step sees how a current was rounded.
    "idle_lanes": MachineSpec(layers=(9,), lanes=11, wires=True, weight=Format(True, 4, 1), settings=SHORT),
    "devices": MachineSpec(layers=(6,), lanes=6, wires=True, pulses=True, adc_bits=7),
    "both_ways": MachineSpec(layers=(5,), lanes=5, wires=True, asymmetric=True, fine_bits=3),
}


@pytest.mark.parametrize("name", WIRED)
def test_wires_with_factors(name):
    """Factors are written, currents see them, updates do not; weights stay as they are, and so does the count to a decay."""
    spec = WIRED[name]
    host, rng = Host(spec), np.random.default_rng(12)
    weights = random_weights(spec, rng)
    host.write_weights((weights,))
    if spec.pulses:
        host.device(unit_of(spec, "decay"))
    for rule in rules_of(spec):
        factors = pack_factors(spec, rng.integers(-64, 128, (spec.neurons, spec.neurons)).astype(np.int8))
        host.access(Op.WRITE, Space.FACTORS, 0, len(factors), factors.tobytes())
        host.settings(replace(SHORT, rule=rule.name), 0xC0FFEE11)
        pattern, target = rng.random((2, spec.neurons)) < 0.5
        host.learn(pattern, target)
        host.recall(target)
    host.read_weights()
    host.access(Op.READ, Space.FACTORS, spec.layout.words, 1)
    host.counters()
    host.play()


@pytest.mark.parametrize("name", ["one_hidden", "two_hidden", "one_block", "biases", "serial"])
def test_a_layered_machine(name):
    spec = replace(LAYERED[name], pixel_bits=4)
    host, rng = Host(spec), np.random.default_rng(4)
    # The biases at another rate than the inputs, though their formats are the same.
    shifts = tuple(matrix.shift_base + (index > 1) for index, matrix in enumerate(spec.matrices))
    short = Settings(4, 2, 3, 0, shifts, feedforward=name == "one_hidden")
    host.settings(short, 0xC0FFEE11)
    host.write_weights([rng.integers(-127, 128, (matrix.rows, matrix.columns)) for matrix in spec.matrices])
    for number in range(3):
        pixels = (rng.integers(1, 16, spec.inputs) * (rng.random(spec.inputs) < 0.5)).astype(np.uint8)
        # The last one is black.
        host.learn_pixels(pixels * (number < 2), np.arange(spec.outputs) == number)
    host.settings(replace(short, skip=False), 0xC0FFEE11)
    host.learn_pixels(pixels, np.arange(spec.outputs) == 0)
    host.read_weights()
    # Without weights and targets the nudge moves nothing, so there is no update.
    host.settings(short, 0xC0FFEE11)
    host.write_weights([np.zeros((matrix.rows, matrix.columns), np.int8) for matrix in spec.matrices])
    host.learn_pixels(pixels, np.zeros(spec.outputs, np.bool_))
    host.counters()
    host.play()


@pytest.mark.parametrize("serial", [False, True], ids=["parallel", "serial"])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_the_last_pixel_of_a_recalled_image_is_taken_in_before_it_runs(bits, serial):
    # The row of the last pixel is the second of the list, so that without it the list had a single one. Sparse and stored
    # patterns come to the list by other ways.
    spec = MachineSpec(layers=(16, 6, 3), lanes=8, pixel_bits=bits, serial=serial)
    if bits == 4:
        spec = replace(spec, sparse=True, store=1 << 10)
    host, pixels = Host(spec), np.zeros(spec.inputs, np.uint8)
    host.write_weights([np.full((matrix.rows, matrix.columns), 90) for matrix in spec.matrices])
    pixels[[3, -1]] = spec.brightest
    host.request(Op.RECALL, pack_pixels(spec, pixels))
    host.read_states()
    if spec.store:
        record = Sparse(0, pixels).pack()
        host.request(Op.RECALL_SPARSE, record)
        host.request(Op.STORE, bytes(NUMBER_BYTES) + b"\1" + record)
        host.request(Op.RECALL_STORED, numbered(0, [0]))
    host.counters()
    host.play()


#: Fine bits as half bytes, in both arrangements, and as bytes.
FINE = {
    "recurrent": MachineSpec(layers=(7,), lanes=3, fine_bits=4),
    "layered": MachineSpec(layers=(5, 4, 2), lanes=3, biases=True, fine_bits=1),
    "serial": MachineSpec(layers=(5, 9, 2), lanes=8, serial=True, fine_bits=3),
    "serial-bytes": MachineSpec(layers=(9,), lanes=8, serial=True, fine_bits=6),
}


@pytest.mark.parametrize("name", FINE)
def test_fine_bits(name):
    spec = FINE[name]
    host, rng = Host(spec), np.random.default_rng(8)
    shifts = tuple(matrix.shift_base for matrix in spec.matrices)
    host.settings(replace(spec.settings, free_steps=3, nudged_steps=2, eta_shifts=shifts), 0xC0FFEE11)
    # Most lie near the rails, which the update then passes.
    weights = [
        np.clip(rng.integers(-4, 5, (m.rows, m.columns)) * m.limit // 2, -m.limit, m.limit).astype(np.int16)
        for m in spec.matrices
    ]
    if spec.recurrent:
        below = np.tril(weights[0], -1)
        weights = [below + below.T]
    host.write_weights(weights)
    host.read_weights()
    for number in range(2):
        if spec.recurrent:
            host.learn(*(rng.random((2, spec.neurons)) < 0.5))
        else:
            host.learn_pixels(rng.integers(1, 16, spec.inputs).astype(np.uint8), np.arange(spec.outputs) == number)
        host.read_weights()
    host.counters()
    host.play()


#: Coarse converters, so that codes saturate and round, in both arrangements and all that chooses what drives the crossbar.
CONVERTERS = {
    "recurrent": MachineSpec(layers=(7,), lanes=3, adc_bits=5, adc_range=1, dac_bits=3),
    "recurrent-adc": MachineSpec(layers=(9,), lanes=4, adc_bits=4, adc_range=2, in_turn=True),
    "recurrent-serial": MachineSpec(layers=(9,), lanes=8, serial=True, adc_bits=6, adc_range=1, dac_bits=2),
    "layered": MachineSpec(layers=(5, 4, 2), lanes=3, biases=True, adc_bits=5, adc_range=1, dac_bits=3),
    "layered-dac": MachineSpec(layers=(6, 5, 4, 3), lanes=2, dac_bits=4, in_turn=True),
    "layered-serial": MachineSpec(layers=(5, 9, 2), lanes=8, serial=True, adc_bits=7, adc_range=2, dac_bits=5),
    "continual": MachineSpec(layers=(7,), lanes=3, continual=True, adc_bits=5, adc_range=2, dac_bits=3),
}


@pytest.mark.parametrize("name", CONVERTERS)
def test_converters(name):
    spec = CONVERTERS[name]
    host, rng = Host(spec), np.random.default_rng(9)
    shifts = tuple(matrix.shift_base for matrix in spec.matrices)
    settings = replace(spec.settings, free_steps=3, nudged_steps=2, driven_steps=3, eta_shifts=shifts)
    rules = ["ep", "rbp"] if spec.recurrent and name != "continual" else ["continual" if spec.continual else "ep"]
    host.write_weights(
        [random_weights(spec, rng)]
        if spec.recurrent
        else [rng.integers(-127, 128, (matrix.rows, matrix.columns)) for matrix in spec.matrices]
    )
    for rule in rules:
        host.settings(replace(settings, rule=rule), 0xC0FFEE11)
        if spec.recurrent:
            pattern, target = rng.random((2, spec.neurons)) < 0.5
            host.learn(pattern, target)
            host.recall(target)
        else:
            host.learn_pixels(rng.integers(1, 16, spec.inputs).astype(np.uint8), np.arange(spec.outputs) == 1)
    host.read_weights()
    host.counters()
    host.play()


TURNS = {
    "recurrent": MachineSpec(layers=(7,), lanes=3, in_turn=True, settings=SHORT),
    "layered": MachineSpec(layers=(5, 4, 3, 4, 2), lanes=3, in_turn=True),
    "serial": MachineSpec(layers=(17,), lanes=8, serial=True, in_turn=True, settings=SHORT),
    "serial-layered": MachineSpec(layers=(5, 9, 2), lanes=8, serial=True, in_turn=True),
}


FIELD = replace(SHORT, rule="vector-field")
OTHERS = {
    "nudges": MachineSpec(layers=(7,), lanes=3, nudges=True, settings=SHORT),
    "nudges-layered": MachineSpec(layers=(5, 4, 2), lanes=3, nudges=True),
    "nudges-serial": MachineSpec(layers=(9,), lanes=8, serial=True, nudges=True, settings=SHORT),
    "continual": MachineSpec(layers=(7,), lanes=3, in_turn=True, continual=True, settings=SHORT),
    "continual-layered": MachineSpec(layers=(5, 3, 3), lanes=3, in_turn=True, continual=True),
    "continual-serial": MachineSpec(layers=(9,), lanes=8, serial=True, in_turn=True, continual=True, settings=SHORT),
    "asymmetric": MachineSpec(layers=(7,), lanes=3, cut_diagonals=1, asymmetric=True, settings=FIELD),
    "asymmetric-serial": MachineSpec(layers=(9,), lanes=8, serial=True, asymmetric=True, settings=FIELD),
}


@pytest.mark.parametrize("name", TURNS | OTHERS)
def test_options_of_learning(name):
    spec = (TURNS | OTHERS)[name]
    host, rng = Host(spec), np.random.default_rng(9)
    if spec.recurrent:
        host.write_weights((random_weights(spec, rng),))
    else:
        host.write_weights([rng.integers(-127, 128, (matrix.rows, matrix.columns)) for matrix in spec.matrices])
    # A side network takes no turns, whatever its register says.
    sides = [replace(spec.settings, rule="rbp", order="blocks")] if name == "recurrent" else []
    for number, settings in enumerate([*settings_of(spec), *sides]):
        # Long enough for a nudged step that changes nothing.
        most = 9 if spec.continual and not spec.recurrent else 3
        host.settings(replace(settings, free_steps=3, nudged_steps=most), 0xC0FFEE11 + number)
        # Often enough for a sign that is drawn to be either one.
        for _ in range(4 if settings.nudge == RANDOM else 1):
            if spec.recurrent:
                pattern, target = rng.random((2, spec.neurons)) < 0.5
                host.learn(pattern, target)
                host.recall(target)
            else:
                image = rng.integers(0, 16, spec.inputs).astype(np.uint8)
                host.learn_pixels(image, np.arange(spec.outputs) == number % 2)
    host.read_weights()
    host.counters()
    host.play()


#: Weights of few bits, so that the tables are loaded soon.
NARROW = {"weight": Format(True, 5, 4), "input_weight": Format(True, 5, 5)}
SHALLOW = {"weight": NARROW["weight"], "accumulator": Format(True, 24, 11), "pulses": True}
PULSED = {
    "recurrent": MachineSpec(layers=(7,), lanes=3, **SHALLOW),
    "serial": MachineSpec(layers=(10,), lanes=8, serial=True, **SHALLOW),
    "layered": MachineSpec(layers=(5, 4, 2), lanes=3, biases=True, pulses=True, **NARROW),
    "serial-layered": MachineSpec(layers=(5, 9, 2), lanes=8, serial=True, pulses=True, **NARROW),
}


#: Linear cells, each mechanism alone, all together, and linear cells again; all by the other schemes as well.
EACH = (None, *((mechanism, "reference") for mechanism in MECHANISMS), None)
SCHEMES = (*EACH, ("all", "pair"), ("all", "one-sided"))


@pytest.mark.parametrize(
    ("name", "mechanisms"),
    [
        pytest.param("recurrent", EACH, id="recurrent"),
        pytest.param("layered", (("all", "reference"),), id="layered"),
        pytest.param("serial", (("all", "reference"),), id="serial"),
        *(pytest.param(name, SCHEMES, id=f"{name}-each", marks=pytest.mark.slow) for name in PULSED),
    ],
)
def test_pulses(name, mechanisms):
    spec = PULSED[name]
    host, rng = Host(spec), np.random.default_rng(6)
    if spec.recurrent:
        host.write_weights((random_weights(spec, rng),))
    else:
        host.write_weights([rng.integers(-15, 16, (matrix.rows, matrix.columns)) for matrix in spec.matrices])
    shifts = tuple(max(0, matrix.shift_base) for matrix in spec.matrices)
    host.settings(replace(spec.settings, free_steps=2, nudged_steps=1, driven_steps=1, eta_shifts=shifts), 0xC0FFEE11)
    scheme = ""
    for mechanism in mechanisms:
        unit = unit_of(spec, *mechanism) if mechanism else None
        # Those of one scheme have the same tables.
        host.device(unit, tables=bool(unit) and unit.tables.scheme != scheme)
        scheme = unit.tables.scheme if unit else scheme
        for _ in range(2 if unit and unit.decay_every else 1):
            if spec.recurrent:
                host.learn(*(rng.random((2, spec.neurons)) < 0.5))
            else:
                pixels = (rng.integers(1, 16, spec.inputs) * (rng.random(spec.inputs) < 0.7)).astype(np.uint8)
                host.learn_pixels(pixels, np.arange(spec.outputs) == rng.integers(spec.outputs))
            host.read_weights()
        host.read_device()
    if spec.recurrent:
        host.recall(rng.random(spec.neurons) < 0.5)
    host.counters()
    host.play()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "serial-layered" else name for name in PULSED]
)
def test_pulses_of_the_host(name):
    """On every kind of cell and on what is none, as many as are allowed and others, among patterns that are learnt."""
    spec = PULSED[name]
    host, rng, layout = Host(spec), np.random.default_rng(7), spec.layout
    if spec.recurrent:
        host.write_weights((random_weights(spec, rng),))
    else:
        host.write_weights([rng.integers(-15, 16, (matrix.rows, matrix.columns)) for matrix in spec.matrices])
    shifts = tuple(max(0, matrix.shift_base) for matrix in spec.matrices)
    host.settings(replace(spec.settings, free_steps=1, nudged_steps=1, eta_shifts=shifts), 0xC0FFEE11)

    def learn():
        if spec.recurrent:
            host.learn(*(rng.random((2, spec.neurons)) < 0.5))
        else:
            # The last inputs are black, so that the words of the pattern are not all.
            host.learn_pixels((np.arange(spec.inputs) < 2).astype(np.uint8), np.arange(spec.outputs) == 1)

    # Linear cells take none; the bytes are not drawn either.
    host.pulse(int(layout.numbers[0][0][1]), 0, 1)
    host.device(unit_of(spec, "all"))
    learn()
    for rows, columns in layout.numbers:
        for pulses in (1, -7):
            host.pulse(int(rng.choice(rows)), int(rng.choice(columns)), pulses)
        # The first column's cells are of the first block's first lane, the last row's of another block.
        host.pulse(int(rows[-1]), int(columns[0]), 3)
        host.pulse(int(columns[0]), int(rows[-1]), 3)
    # A lane behind the last neuron's, a neuron with itself, and a number that is none.
    row, column = int(layout.numbers[0][0][1]), int(layout.numbers[0][1][-1])
    last, none = column, (1 << layout.code_bits) - 1
    for wrong in ((row, last + 1), (last + 1, row), (last, last + 1), (last + 1, last), (last, last), (none, last)):
        host.pulse(*wrong, 5)
    for pulses in (0, 8, 0x17):
        host.pulse(row, column, pulses)
    # Pulses do not count towards the decay that is due after this pattern.
    learn()
    host.read_weights()
    host.read_device()
    # The last byte alone repeats the request's four before it, moved up by one.
    host.access(Op.WRITE, Space.PROGRAM, 4, 1, b"\1")
    host.access(Op.WRITE, Space.PROGRAM, 4, 2, b"\1\1")
    host.access(Op.READ, Space.PROGRAM, 0, 1)
    host.device(replace(unit_of(spec, "steps"), most=2), tables=False)
    host.pulse(row, column, -3)
    learn()
    host.pulse(row, column, 1)
    host.read_weights()
    host.read_device()
    host.access(Op.READ, Space.SETTINGS, 0, SettingsRegisters.size())
    host.counters()
    host.play()


def test_a_phase_ends_when_all_is_settled():
    # Without weights the states settle by themselves, in fewer steps the more is tolerated.
    spec = replace(SPECS["one_lane"], layers=(2,), lanes=2)
    host, pattern = Host(spec), np.array([True, False])
    for tolerance in (0, 3):
        host.settings(Settings(tolerance=tolerance), 1)
        host.recall(pattern)
    host.settings(Settings(stop_when_settled=False, driven_steps=9, released_steps=1), 1)
    host.recall(pattern)
    host.play()


def test_link():
    """Repeats, wrong numbers and damage: nothing is executed twice, and nothing that is damaged."""
    spec = SPECS["one_lane"]
    host, rng = Host(spec), np.random.default_rng(5)
    host.request(Op.IDENTIFY)
    host.settings(replace(SHORT, stop_when_settled=False, free_steps=2, nudged_steps=1, driven_steps=1), 77)
    first, second = rng.random((2, spec.neurons)) < 0.5
    host.request(Op.LEARN, pack_pattern(spec, first) + pack_pattern(spec, second))
    learns = host.frames[-1]
    host.frames.append(learns)
    host.read_states()
    host.frames.append(learns)
    host.request(Op.RECALL, pack_pattern(spec, first))
    # Now older than the window: refused.
    host.frames.append(learns)
    damaged = bytearray(cobs.decode(encode_frame(Op.LEARN, host.sequence, pack_pattern(spec, first) * 2)[:-1]))
    damaged[2] ^= 1
    host.frames.append(cobs.encode(damaged) + b"\0")
    host.request(0x44)
    host.request(Op.LEARN, b"short")
    host.read_weights()
    host.counters()
    host.play()


def unknown_names(text):
    """Names that a source uses and nowhere binds: a fault that uses one breaks its file, and shows nothing of the tests."""
    nodes = list(ast.walk(ast.parse(text)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(dir(builtins))
    bound |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {node.id for node in names} - bound


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutants_still_fit_the_hardware(mutant: Mutant):
    assert not unknown_names(faulty(mutant))
