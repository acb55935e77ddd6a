"""The whole board: a serial line, the link, and the machine that learns."""

from typing import Any

from amaranth import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ohmprop.hw.control.machine import Machine, check_widths
from ohmprop.hw.link.dispatch import CommandProcessor
from ohmprop.hw.link.frame_receiver import FrameReceiver
from ohmprop.hw.link.frame_sender import FrameSender
from ohmprop.hw.link.sparse import check_records
from ohmprop.hw.link.uart import Uart
from ohmprop.hw.parallel.datapath import ParallelDatapath
from ohmprop.hw.serial.datapath import SerialDatapath
from ohmprop.hw.store.block_ram import BlockRamStore
from ohmprop.hw.store.memory import slots_of
from ohmprop.hw.store.sdram import SdramStore, sdram_pins
from ohmprop.model.link.frames import WINDOW
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.spec import MachineSpec


def machine_of(spec: MachineSpec) -> Machine:
    """The machine that a spec describes; UserError if there is no hardware for it."""
    check_widths(spec)
    return Machine(spec, SerialDatapath(spec) if spec.serial else ParallelDatapath(spec))


class Top(wiring.Component):
    """Everything between the pins. Reset: link and machine idle, sequence number 0; weights keep what they hold.

    The machine has a clock domain of its own, ``core``, in step with ``sync``: it may stand still while ``busy`` has been
    low for ohmprop.model.timing.SETTLING clocks. A board that does not stop it connects both to one clock.
    """

    def __init__(self, spec: MachineSpec):
        check_widths(spec)
        self.spec = spec
        super().__init__(
            {
                "rx": In(1, init=1),  #: from the host, asynchronous, idle high
                "tx": Out(1, init=1),  #: to the host, idle high
                "busy": Out(1),  #: a request is being executed
                "refused": Out(1),  #: the last request was refused
                **({"sdram": Out(sdram_pins())} if spec.sdram else {}),  #: to the registers at its pins
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.uart = uart = Uart(spec.clock_hz, spec.baud)
        m.submodules.receiver = receiver = FrameReceiver(frame_bytes(spec), WINDOW)
        m.submodules.sender = sender = FrameSender(frame_bytes(spec), WINDOW)
        m.submodules.commands = commands = CommandProcessor(spec)
        m.submodules.machine = machine = DomainRenamer("core")(machine_of(spec))
        m.d.comb += [
            uart.rx.eq(self.rx),
            self.tx.eq(uart.tx),
            self.busy.eq(commands.busy),
            self.refused.eq(commands.refused),
        ]
        check_records(m, spec, receiver)
        connect(m, uart.bytes.received, receiver.bytes)
        connect(m, receiver.requests, commands.requests)
        connect(m, commands.replies, sender.replies)
        connect(m, commands.machine, machine)
        connect(m, sender.bytes, uart.bytes.sent)
        if spec.sdram:
            m.submodules.store = store = SdramStore(spec.clock_hz)
            connect(m, store.pins, flipped(self.sdram))
            connect(m, commands.store, store.store)
        elif spec.store:
            m.submodules.store = store = BlockRamStore(slots_of(spec))
            connect(m, commands.store, store.store)
        return m
