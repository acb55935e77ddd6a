"""The virtual board: the design compiled by Verilator behind a serial port, so that a driver takes it for a board."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import astuple
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ohmprop.model.errors import UserError
from ohmprop.model.link.cable import Cable
from ohmprop.model.spec import MachineSpec
from ohmprop.model.timing import SETTLING
from ohmprop.sim.cache import cache_directory, publishing
from ohmprop.sim.verilator import compile_design, compiler_version, find_tools

MAIN = Path(__file__).with_name("board.cpp")
SDRAM_MODEL = MAIN.with_name("sdram.h")
#: The chip that is modelled, of those that boards carry.
CHIP = "IS42S16160G-7"
#: The design's registers have initial values and no X, so these only remove work.
VERILATOR_OPTIONS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert"]
COMPILER_OPTIONS = ["-O2"]


#: Where the folders of the rooms are.
ROOMS = MAIN.parent.parent


def sources() -> list[str]:
    """Name and text of every source that the compiled machine is made from, the spec apart.

    The Python sources stand for the Verilog, since to make that takes longer than the start of a board should.
    """
    files = [
        *ROOMS.glob("sim/*.cpp"),
        *ROOMS.glob("sim/*.h"),
        *(file for room in ("hw", "model", "sim") for file in ROOMS.glob(f"{room}/**/*.py")),
    ]
    return [f"{file.relative_to(ROOMS).as_posix()}\0{file.read_text(encoding='utf-8')}" for file in sorted(files)]


def program_path(spec: MachineSpec) -> Path:
    """Where the compiled machine is, or will be; another place as soon as anything that it depends on has changed.

    Raises UserError if Amaranth or a tool is missing.
    """
    tools = find_tools()
    try:
        amaranth = version("amaranth")
    except PackageNotFoundError:
        raise UserError(
            "The virtual board needs the Python package amaranth; install it with `pip install 'ohmprop[sim]'`."
        ) from None
    # The whole spec and not its hash alone, since the settings are what the registers reset to.
    made_from = [spec.to_toml(), *sources(), amaranth, str(tools), compiler_version(tools)]
    made_from += [*VERILATOR_OPTIONS, *COMPILER_OPTIONS]
    key = hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:16]
    return cache_directory() / f"board-{spec.spec_hash}-{key}"


def board_verilog(spec: MachineSpec) -> str:
    """The board as a module ``top`` with the ports ``clk``, ``core_clk``, ``rx``, ``tx`` and ``busy``, and the SDRAM's pins."""
    # Only here, since a board from the cache starts in a moment and Amaranth does not.
    from amaranth.back import verilog
    from amaranth.hdl import ClockDomain, Module

    from ohmprop.hw.top import Top

    module = Module()
    # Power-up gives every register its initial value; logic for a reset as well would cost a third of the speed.
    module.domains.sync = clock = ClockDomain(reset_less=True)
    # The learning machine is most of the work, so its clock stands still while it has nothing to do.
    module.domains.core = core = ClockDomain(reset_less=True)
    ports = [clock.clk, core.clk, *add_board(module, Top(spec))]
    return str(verilog.convert(module, ports=ports, name="top", emit_src=False))


def add_board(module: Any, top: Any) -> list[Any]:
    """Add the design to a module; its ports but the clocks: those of the line, and of an SDRAM, whose names begin with it."""
    from amaranth.hdl import Shape, Signal
    from amaranth.lib.wiring import Out, connect

    from ohmprop.hw.store.sdram import PinRegisters, sdram_pins

    module.submodules.board = top
    ports = [top.rx, top.tx, top.busy]
    if top.spec.sdram:
        module.submodules.pins = registers = PinRegisters()
        connect(module, top.sdram, registers.fabric)
        for name, member in sdram_pins().members.items():
            pin, ours = Signal(Shape.cast(member.shape), name=f"sdram_{name}"), getattr(registers.pins, name)
            module.d.comb += pin.eq(ours) if member.flow is Out else ours.eq(pin)
            ports.append(pin)
    return ports


def headers(spec: MachineSpec, chip: str = CHIP) -> dict[str, str]:
    """Headers of the C++ program: the model of an SDRAM and the chip's times, if the machine has one."""
    if not spec.sdram:
        return {}
    from ohmprop.hw.store.chips import CHIPS

    bits, times = astuple(CHIPS[chip])[:2], astuple(CHIPS[chip])[2:]
    numbers = ", ".join(map(str, [*bits, *(round(1000 * time) for time in times)]))
    period = round(1e12 / spec.clock_hz)
    text = f'#include "sdram.h"\nconstexpr Chip CHIP{{{numbers}}};\nconstexpr int64_t PERIOD = {period};\n'
    return {"chip.h": text, SDRAM_MODEL.name: SDRAM_MODEL.read_text(encoding="utf-8")}


def compile_board(spec: MachineSpec, progress: Callable[[str], None] = lambda line: None) -> Path:
    """The compiled machine, from the cache if it is there.

    ``progress`` gets one line before a compilation. Raises UserError if Amaranth or a tool is missing, MachineError
    if a tool fails.
    """
    program = program_path(spec)
    if not program.exists():
        progress("building the virtual board, about 30 s")
        compile_into_cache(board_verilog(spec), MAIN, program, headers(spec))
    return program


def compile_into_cache(text: str, main: Path, program: Path, beside: Mapping[str, str] = MappingProxyType({})) -> None:
    """Compile a design in Verilog with its main program in C++, and put what comes of it in its place, all at once.

    ``beside`` are the program's headers.
    """
    with tempfile.TemporaryDirectory(prefix="ohmprop-") as scratch, publishing(program) as made:
        directory = Path(scratch) / "board"
        options = VERILATOR_OPTIONS, COMPILER_OPTIONS
        shutil.copy(compile_design(text, directory, [main], *options, headers=beside), made)


class VirtualBoard:
    """A running virtual board; a context manager that starts it on entry and ends it on exit.

    Parameters
    ----------
    spec : the machine.
    listen : ``HOST:PORT`` for a TCP socket (port 0: any free one) instead of a pty; the default where there are no
        ptys. One host at a time is served; the machine keeps its weights from one to the next.
    baud_error : the far end's clock is off by this fraction, for tests of the receiver.
    progress : gets one line before a compilation.
    cable : the chip that the bytes to the host pass through.

    Members
    -------
    port : what pyserial opens: the pty's path or ``socket://HOST:PORT``.
    process_id : of the simulation.
    """

    def __init__(
        self,
        spec: MachineSpec,
        listen: str | None = None,
        baud_error: float = 0.0,
        progress: Callable[[str], None] = lambda line: None,
        cable: Cable | None = None,
    ) -> None:
        self.spec = spec
        self.port = ""
        self._listen = listen if listen or hasattr(os, "openpty") else "127.0.0.1:0"
        self._baud_error = baud_error
        self._progress, self._cable = progress, cable
        self.process_id = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._cleanup = ExitStack()

    def __enter__(self) -> "VirtualBoard":
        with ExitStack() as cleanup:
            # Before the compilation: a mistake should show before the wait.
            server = cleanup.enter_context(_listen_on(self._listen)) if self._listen else None
            program = compile_board(self.spec, self._progress)
            if server:
                process = self._start(program, cleanup, subprocess.PIPE, subprocess.PIPE)
                cleanup.callback(_Relay(server, process).close)
                host, number = server.getsockname()[:2]
                self.port = f"socket://{host}:{number}"
            else:
                self._start_on_pty(program, cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def ended(self) -> bool:
        """Whether the simulation has ended, as it does by itself only if somebody kills it."""
        return self._process is not None and self._process.poll() is not None

    def _start(self, program: Path, cleanup: ExitStack, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
        clocks_per_bit = self.spec.clock_hz / self.spec.baud * (1 + self._baud_error)
        # In a session of its own a Ctrl-C at the terminal reaches the host only, which saves its work and then ends us.
        process = subprocess.Popen(
            [program, repr(clocks_per_bit), str(SETTLING), *self._chip()],
            stdin=stdin,
            stdout=stdout,
            start_new_session=True,
            bufsize=0,
        )
        cleanup.callback(_stop, process)
        self.process_id, self._process = process.pid, process
        return process

    def _chip(self) -> list[str]:
        """The arguments of the simulation that the cable's chip stands for."""
        chip, hz = self._cable, self.spec.clock_hz
        return [str(chip.packet), str(round(chip.timer * hz)), str(round(chip.poll * hz))] if chip else []

    def _start_on_pty(self, program: Path, cleanup: ExitStack) -> None:
        import tty

        board_end, host_end = os.openpty()
        # Our own hold on the host's end lets a host close the port and come back without a hang-up at the board.
        cleanup.callback(os.close, host_end)
        try:
            tty.setraw(host_end)
            self._start(program, cleanup, board_end, board_end)
        finally:
            os.close(board_end)
        self.port = os.ttyname(host_end)


def _listen_on(address: str) -> socket.socket:
    """A listening socket on ``HOST:PORT``."""
    host, _, number = address.rpartition(":")
    if not host or not number.isdecimal() or int(number) > 65535:
        raise UserError(f"{address!r} is not an address to listen on; write HOST:PORT, for instance 127.0.0.1:4000.")
    try:
        return socket.create_server((host, int(number)), backlog=1)
    except OSError as error:
        raise UserError(
            f"The virtual board cannot listen on {address} ({error.strerror or error}); choose another port, or 0 for "
            "any free one."
        ) from None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


class _Relay:
    """Carries bytes between the board's pipes and one host after another."""

    def __init__(self, server: socket.socket, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin and process.stdout
        self._server, self._process = server, process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._host: socket.socket | None = None
        self._closing = False
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._to_board, self._to_host)]
        for thread in self._threads:
            thread.start()

    def _to_board(self) -> None:
        with suppress(OSError):
            while not self._closing:
                host, _ = self._server.accept()
                host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._host = host
                with host, suppress(ConnectionError):
                    while data := host.recv(4096):
                        self._stdin.write(data)
                self._host = None

    def _to_host(self) -> None:
        while data := self._stdout.read(4096):
            host = self._host
            # Without a host, or with one that has just left, the bytes are lost, as at an unplugged cable.
            if host:
                with suppress(OSError):
                    host.sendall(data)

    def close(self) -> None:
        """End the process and both threads."""
        self._closing = True
        self._process.kill()
        host = self._host
        for end in (host, self._server):
            if end:
                # A shutdown wakes a thread that waits in accept or recv; closing alone does not.
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(1)
