"""The command processor between the real frame receiver and sender, with a machine made of the golden one."""

import pytest
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ohmprop.hw.link.dispatch import CommandProcessor
from ohmprop.hw.link.frame_receiver import FrameReceiver
from ohmprop.hw.link.frame_sender import FrameSender
from ohmprop.hw.shapes.signatures import machine_signature
from ohmprop.model.link.frames import WINDOW
from ohmprop.model.link.packing import frame_bytes
from ohmprop.sim.bench import run_bench
from tests.kit.specs import SPECS


class Link(wiring.Component):
    """Bytes in, bytes out, and the machine's port."""

    def __init__(self, spec):
        self.spec = spec
        super().__init__(
            {
                "data": In(8),
                "valid": In(1),
                "bytes": Out(stream.Signature(8)),
                "machine": Out(machine_signature(spec)),
                "busy": Out(1),
                "request": Out(1),
                "reply": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        size = frame_bytes(self.spec)
        m.submodules.receiver = receiver = FrameReceiver(size, WINDOW)
        m.submodules.sender = sender = FrameSender(size, WINDOW)
        m.submodules.processor = processor = CommandProcessor(self.spec)
        m.d.comb += [
            receiver.bytes.payload.eq(self.data),
            receiver.bytes.valid.eq(self.valid),
            self.busy.eq(processor.busy),
        ]
        wiring.connect(m, receiver.requests, processor.requests)
        wiring.connect(m, processor.replies, sender.replies)
        wiring.connect(m, sender.bytes, wiring.flipped(self.bytes))
        wiring.connect(m, processor.machine, wiring.flipped(self.machine))
        # For the latencies only.
        m.d.comb += [self.request.eq(receiver.requests.valid), self.reply.eq(sender.replies.bytes.valid)]
        return m


@pytest.mark.parametrize("name", ["lanes_do_not_divide", "one_lane", "more_lanes_than_neurons"])
def test_commands(name):
    """Every reply is the golden device's, byte for byte."""
    parameters = {"machine": SPECS[name].to_toml(), "latency": CommandProcessor.latency}
    run_bench(Link(SPECS[name]), f"commands_{name}", "tests.hw.link.tb_commands", parameters)
