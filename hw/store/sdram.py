"""A store in an SDRAM chip beside the FPGA: its controller."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out, Signature

from ohmprop.hw.store.chips import FIRST_REFRESHES, LATENCY, MOST_LATE, all_of_them, clocks
from ohmprop.hw.store.memory import BUFFER_WORDS, WORD_BITS, store_signature, words_less_one
from ohmprop.hw.units.pipeline import delayed
from ohmprop.model.spec.fields import SDRAM_BYTES, SLOT_BYTES
from ohmprop.model.spec.validation import SDRAM_CLOCKS

#: The address bit that makes a PRECHARGE one of all banks.
ALL_BANKS = 10
BANK_BITS = 2
#: Clocks from a READ to its word: the command's three registers, the chip, and the word's two.
TAKING = 4 + LATENCY


class Command(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What the pins say: RAS, CAS and WE from the highest bit on, 1 where they are active."""

    NOTHING = 0b000
    WRITE = 0b011
    READ = 0b010
    PRECHARGE = 0b101
    ACTIVATE = 0b100
    REFRESH = 0b110
    MODE = 0b111


def check_clock(clock_hz: int) -> None:
    """Raise ValueError unless an SDRAM can be used at the clock."""
    low, high = SDRAM_CLOCKS
    if not low <= clock_hz <= high:
        raise ValueError(f"an SDRAM cannot be used at clock_hz {clock_hz!r}")


def sdram_pins() -> Signature:
    """The chip's pins, seen from the FPGA; clock, clock enable and chip select apart. Active ones are 1."""
    return Signature(
        {
            "command": Out(
                Command
            ),  #: every one goes through a register at the pins, and so does ``read`` (`PinRegisters`)
            "bank": Out(BANK_BITS),
            "address": Out(13),
            "value": Out(WORD_BITS),  #: what the FPGA says on the data pins
            "drive": Out(1),  #: that it does
            "read": In(WORD_BITS),  #: what is on them
        }
    )


class SdramStore(wiring.Component):
    """Records in an SDRAM, of which each has one row open from its first word to its last; nothing is left open.

    The chip's clock comes a quarter of a clock after the FPGA's, so that the word of a READ is on the pins at the end of the
    clock after that in which they say READ. Refreshes come as they fall due, and wait at most for one record; tests/proofs.py
    shows that no more than MOST_LATE are late.
    Latency: ``busy`` for the words of a record and at most ``latency`` clocks more, ``refresh`` for each refresh that is due,
    and after power-up until the chip is ready. Throughput: one word per clock. Reset begins again with the power-up; records are
    lost.
    """

    def __init__(self, clock_hz: int):
        check_clock(clock_hz)
        chip = all_of_them()
        self.activate, self.precharge, self.write, self.mode, self.power_up = (
            clocks(time, clock_hz) for time in (chip.activate, chip.precharge, chip.write, chip.mode, chip.power_up)
        )
        self.refresh = clocks(chip.refresh, clock_hz)
        self.interval = int(chip.interval * clock_hz / 1e9)
        # The end of the row before, the begin, the row, the last word's way.
        self.latency = self.precharge + 2 + self.activate + TAKING
        super().__init__(
            {
                "store": In(store_signature(SDRAM_BYTES // SLOT_BYTES)),
                "pins": Out(sdram_pins()),
                "late": Out(range(MOST_LATE + 1)),  #: refreshes that are due
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        store = self.store
        # The pins lie at one edge of the die, and the buffer with the link at another: a register halfway shortens both ways.
        m.submodules.halfway = halfway = PinRegisters()
        pins = halfway.fabric
        wiring.connect(m, halfway.pins, wiring.flipped(self.pins))
        left = Signal(range(self.power_up + 1), init=self.power_up)  # clocks to wait
        first = Signal(range(FIRST_REFRESHES + 1), init=FIRST_REFRESHES)  # refreshes before the mode is set
        ready, wanted = Signal(name="ready"), Signal(name="wanted")
        at = Signal(range(BUFFER_WORDS))
        column = Cat(at[:7], store.slot[0] | (store.wide & at[7]), store.slot[1])
        # Words that were asked for, from the latest one on.
        reads, on_the_way, refreshes = Signal(), Signal(TAKING), Signal()
        m.d.sync += on_the_way.eq(Cat(reads, on_the_way))
        m.d.comb += [
            store.busy.eq(wanted | on_the_way.any()),
            store.place.eq(Mux(store.write, at + 1, delayed(m, at, TAKING))),
            store.take.eq(on_the_way[-1]),
            store.taken.eq(pins.read),
        ]
        # Where nothing else is said below.
        m.d.sync += [pins.command.eq(Command.NOTHING), pins.drive.eq(0), pins.value.eq(store.word)]
        m.d.sync += left.eq(Mux(left == 0, 0, left - 1))
        with m.If(store.start):
            m.d.sync += wanted.eq(1)

        def say(command: Any, wait: int, address: Any = 0) -> None:
            """Give a command; the next state waits until there have been ``wait`` clocks."""
            m.d.sync += [pins.command.eq(command), pins.address.eq(address), left.eq(wait - 1)]

        with m.FSM():
            with m.State("PowerUp"), m.If(left == 0):
                say(Command.PRECHARGE, self.precharge, 1 << ALL_BANKS)
                m.next = "Rest"
            with m.State("Rest"), m.If(left == 0):
                m.d.sync += [at.eq(0), pins.bank.eq(store.slot[2 : 2 + BANK_BITS])]
                with m.If((first != 0) | (self.late != 0)):
                    say(Command.REFRESH, self.refresh)
                    m.d.comb += refreshes.eq(1)
                    m.d.sync += first.eq(Mux(first == 0, 0, first - 1))
                with m.Elif(~ready):
                    # One word at a time, in two clocks.
                    say(Command.MODE, self.mode, LATENCY << 4)
                    m.d.sync += ready.eq(1)
                with m.Elif(wanted):
                    say(Command.ACTIVATE, self.activate, store.slot[2 + BANK_BITS :])
                    m.d.sync += at.eq(store.write.replicate(len(at)))
                    m.next = "Open"
            with m.State("Open"), m.If(left == 0):
                # Now the buffer is asked for the first word.
                m.d.sync += at.eq(0)
                m.next = "Words"
            with m.State("Words"):
                m.d.comb += reads.eq(~store.write)
                say(Command.READ, LATENCY, column)
                with m.If(store.write):
                    say(Command.WRITE, self.write, column)
                    m.d.sync += pins.drive.eq(1)
                m.d.sync += at.eq(at + 1)
                with m.If(at == words_less_one(store.wide)):
                    m.next = "Close"
            with m.State("Close"), m.If(left == 0):
                say(Command.PRECHARGE, self.precharge)
                m.d.sync += wanted.eq(0)
                m.next = "Rest"
        # A refresh falls due every ``interval`` clocks.
        until = Signal(range(self.interval), init=self.interval - 1)
        due = until == 0
        m.d.sync += [
            until.eq(Mux(due, self.interval - 1, until - 1)),
            self.late.eq(Mux(ready, self.late + due - refreshes, 0)),
        ]
        return m


class PinRegisters(wiring.Component):
    """Registers between the controller and the chip. A board has further ones in its pins, and the virtual board here.

    Latency: a clock each way. No reset but that of ``command`` and ``drive``: nothing is said.
    """

    fabric: In(sdram_pins())
    pins: Out(sdram_pins())

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for name, member in sdram_pins().members.items():
            source, sink = (self.fabric, self.pins) if member.flow is Out else (self.pins, self.fabric)
            m.d.sync += getattr(sink, name).eq(getattr(source, name))
        return m
