"""READ and WRITE: parses and checks the request, then goes through its cells one by one."""

from collections.abc import Iterable
from typing import Any

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.hdl import Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, Signature

from ohmprop.hw.link.frames import reply_token
from ohmprop.model.layout import bits_for
from ohmprop.model.link.frames import ACCESS_BYTES, CRC_BYTES, Status
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.link.spaces import READ_ONLY, WIDE, WRITE_ONLY, Space, space_words
from ohmprop.model.spec import MachineSpec


def cells_signature(spec: MachineSpec) -> Signature:
    """One byte at a time of any space, seen from the requester."""
    return Signature(
        {
            #: One clock: read or write one cell; the rest holds until ``done``.
            "access": Out(1),
            "space": Out(Space),
            "write": Out(1),
            "address": Out(16),
            "lane": Out(range(max(2, spec.lanes))),
            "data": Out(8),
            #: One clock, at least one after ``access``; ``read`` is valid in it.
            "done": In(1),
            "read": In(8),
        }
    )


def _among(space: Value, spaces: Iterable[Space]) -> Value:
    """Whether the space is one of these."""
    return Cat(space == one for one in sorted(spaces)).any()


class CellAccess(wiring.Component):
    """Executes the payload of a READ or WRITE, after all of it has been checked.

    Latency: ``done`` comes ``latency`` clocks after ``start`` for a READ and for whatever is refused, and one clock
    after the last cell of a WRITE. Throughput: one cell every two clocks, plus the access itself and the
    stalls of ``reply``. Reset drops the request.
    """

    #: Two clocks per byte of space, address and count; then measure, compare, judge, report.
    latency = 2 * ACCESS_BYTES + 4

    def __init__(self, spec: MachineSpec):
        self.spec = spec
        payload = range(frame_bytes(spec))
        super().__init__(
            {
                "start": In(1),  #: one clock: there is a request
                "writing": In(1),  #: it is a WRITE; holds to the end, as does ``length``
                "length": In(payload),  #: bytes of its payload
                "position": Out(payload),  #: where in the payload to read
                "byte": In(8),  #: the payload there, one clock later
                "done": Out(1),  #: one clock: reply with ``status``
                "status": Out(Status),  #: holds until the next ``start``
                "reply": Out(stream.Signature(reply_token())),  #: the cells of a READ that is DONE
                "cells": Out(cells_signature(spec)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec, cells = self.spec, self.cells
        request = Signal(data.StructLayout({"space": 8, "address": 16, "count": 16}), reset_less=True)
        lane = Signal.like(cells.lane, reset_less=True)
        known = space_words(spec)
        wide = _among(request.space, set(WIDE) & set(known))
        # Registers, since a cell takes more clocks than one.
        last_lane, last_cell = Signal(reset_less=True), Signal(reset_less=True)
        lane_is_last = ~wide | (lane == spec.lanes - 1)
        m.d.sync += [last_lane.eq(lane_is_last), last_cell.eq(lane_is_last & (request.count == 1))]
        value = Signal(8, reset_less=True)
        m.d.comb += [
            cells.space.eq(request.space),
            cells.write.eq(self.writing),
            cells.address.eq(request.address),
            cells.lane.eq(lane),
            cells.data.eq(self.byte),
            self.reply.p.data.eq(value),
            self.reply.p.last.eq(last_cell),
        ]

        def next_cell() -> None:
            m.d.sync += [self.position.eq(self.position + 1), lane.eq(lane + 1)]
            with m.If(last_lane):
                m.d.sync += [lane.eq(0), request.address.eq(request.address + 1), request.count.eq(request.count - 1)]

        behind = Signal(signed(len(self.length) + 1), reset_less=True)  # bytes behind them
        m.d.sync += behind.eq(self.length - ACCESS_BYTES)

        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [self.position.eq(0), lane.eq(0)]
                with m.If(self.start):
                    m.next = "Fetch"
            with m.State("Fetch"):
                m.next = "Take"
            with m.State("Take"):
                m.d.sync += self.position.eq(self.position + 1)
                m.d.sync += request.eq(Cat(request.as_value()[8:], self.byte))
                m.next = "Fetch"
                with m.If(self.position == ACCESS_BYTES - 1):
                    m.next = "Measure"
            self._check(m, request, wide, behind)

            with m.State("FetchCell"):
                m.next = "Write"
            with m.State("Write"):
                m.d.comb += cells.access.eq(1)
                m.next = "Written"
            with m.State("Written"), m.If(cells.done):
                next_cell()
                m.next = "FetchCell"
                with m.If(last_cell):
                    m.next = "Tell"

            with m.State("Tell"):
                m.d.comb += self.done.eq(1)
                m.next = "Read"
                with m.If(self.writing | (self.status != Status.DONE)):
                    m.next = "Idle"
            with m.State("Read"):
                m.d.comb += cells.access.eq(1)
                m.next = "Await"
            with m.State("Await"), m.If(cells.done):
                m.d.sync += value.eq(cells.read)
                m.next = "Offer"
            with m.State("Offer"):
                m.d.comb += self.reply.valid.eq(1)
                with m.If(self.reply.ready):
                    next_cell()
                    m.next = "Read"
                    with m.If(last_cell):
                        m.next = "Idle"
        return m

    def _check(self, m: Module, request: data.View, wide: Value, behind: Value) -> None:
        """The states Measure, Compare and Judge: whether there are such cells, and as many bytes as they need."""
        known = space_words(self.spec)
        sizes = Array(known.values())
        read_only = _among(request.space, set(READ_ONLY) & set(known))
        write_only = _among(request.space, set(WRITE_ONLY) & set(known))
        longest_read = frame_bytes(self.spec) - 3 - CRC_BYTES
        carried = Signal(16 + bits_for(self.spec.lanes + 1), reset_less=True)  # bytes of all the cells
        end = Signal(17, reset_less=True)
        bad_length, bad_address = Signal(reset_less=True), Signal(reset_less=True)
        with m.State("Measure"):
            m.d.sync += end.eq(request.address + request.count)
            # Shifted and added, since a product would take one of a small board's few multipliers.
            shifts = [bit for bit in range(bits_for(self.spec.lanes + 1)) if self.spec.lanes >> bit & 1]
            m.d.sync += carried.eq(Mux(wide, sum(request.count << bit for bit in shifts), request.count))
            m.next = "Compare"
        with m.State("Compare"):
            beyond = end > sizes[request.space[: bits_for(len(known))]]
            m.d.sync += [
                bad_length.eq(
                    (behind != Mux(self.writing, carried, 0)) | (request.count == 0) | (carried > longest_read)
                ),
                bad_address.eq((request.space >= len(known)) | beyond | Mux(self.writing, read_only, write_only)),
            ]
            m.next = "Judge"
        with m.State("Judge"):
            m.d.sync += self.status.eq(Status.DONE)
            m.next = "Tell"
            with m.If(bad_length):
                m.d.sync += self.status.eq(Status.BAD_LENGTH)
            with m.Elif(bad_address):
                m.d.sync += self.status.eq(Status.BAD_ADDRESS)
            with m.Elif(self.writing):
                m.next = "FetchCell"
