"""Runs a cocotb test bench against one component: by Verilator, or by Icarus as well where it is installed."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

#: The environment variable that carries the parameters and the names of the inputs into the simulation.
VARIABLE = "OHMPROP_BENCH"
#: What runs a bench that is quick with both. Icarus looks for what is unknown, but is a hundred times slower.
BOTH = ("verilator", "icarus")
#: How long a build is kept that no text of today has; another process may still use it.
SECONDS_KEPT = 86_400


def bench_parameters() -> dict[str, Any]:
    """What the caller of ``run_bench`` passed as ``parameters``; for use inside the test bench."""
    return dict(_passed()["parameters"])


def bench_inputs() -> list[str]:
    """Names of all inputs of the component but the clock; for use inside the test bench."""
    return list(_passed()["inputs"])


def _passed() -> dict[str, Any]:
    return dict(json.loads(os.environ.get(VARIABLE, '{"parameters": {}, "inputs": []}')))


def run_bench(
    component: Any,
    name: str,
    testbench: str,
    parameters: Mapping[str, Any] | None = None,
    simulators: Sequence[str] = ("verilator",),
) -> None:
    """Run all cocotb tests of a module on a component.

    Parameters
    ----------
    component : an Amaranth ``wiring.Component``; its ports, ``clk`` and ``rst`` are on cocotb's ``dut``.
    name : the folder of its builds below ``build/benches``; one for each component and set of parameters.
    testbench : the Python module with the cocotb tests, for instance ``tests.hw.parallel.tb_crossbar``.
    parameters : anything JSON can carry; the bench reads it with ``bench_parameters()``.
    simulators : which run it; Icarus where it is installed only.

    Raises AssertionError if a test fails, the simulator stops early or there is no test.
    """
    from amaranth.back import verilog

    from ohmprop.sim.cache import writable_directory

    text = verilog.convert(component, name="top", emit_src=False)
    benches = writable_directory(Path("build").absolute()) / "benches" / name
    passed = {"parameters": dict(parameters or {}), "inputs": [port for port in _ports(text, "input") if port != "clk"]}
    simulators = [simulator for simulator in simulators if simulator != "icarus" or shutil.which("iverilog")]
    for simulator in simulators:
        build = _with_icarus if simulator == "icarus" else _with_verilator
        _test(simulator, build(text, benches), testbench, json.dumps(passed))
    print(f"{name}: passed with {' and '.join(simulators) or 'nothing, as Icarus is not installed'}")


def _forget_old(benches: Path) -> None:
    """Take away what was built for earlier texts and not in the last day."""
    for built in benches.iterdir():
        with suppress(FileNotFoundError):  # another process was faster
            if time.time() - built.stat().st_mtime > SECONDS_KEPT:
                shutil.rmtree(built, ignore_errors=True)


def _ports(text: str, directions: str) -> list[str]:
    """Names of the top's ports of these directions, a regular expression."""
    top = text[text.index("module top(") :]
    top = top[: top.index("endmodule")]
    names = re.findall(rf"^  (?:{directions}) (?:\[[^]]*\] )?([^;]+);", top, re.MULTILINE)
    # A name that is a word of Verilog is written with a backslash before it and a blank behind.
    return [name.strip("\\ ") for name in names]


def _visible_ports(text: str) -> str:
    """Verilator's configuration that shows cocotb the top's ports; all signals would take minutes to compile."""
    rules = [f'public_flat_rw -module "top" -var "{name}"' for name in _ports(text, "input|output")]
    return "\n".join(["`verilator_config", *rules, ""])


def _of_2005(text: str) -> str:
    """The design without ``assert``, which Verilog of 2005 does not know: the simulation ends there instead."""
    return re.sub(r"\bassert \((.*)\);", r"if ((\1) !== 1'h1) $finish;", text)


def _with_verilator(text: str, benches: Path) -> Path:
    """The folder with the compiled design, which is built if it is not there."""
    import cocotb_tools.config as cocotb

    from ohmprop.sim.cache import publishing
    from ohmprop.sim.verilator import compile_design, find_tools

    main = cocotb.share_dir / "lib" / "verilator" / "verilator.cpp"
    ports = _visible_ports(text)
    target = benches / f"verilator-{_key(text, ports, str(find_tools()), str(main), main.read_text())}"
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix="ohmprop-") as scratch, publishing(target) as made:
            visible = Path(scratch) / "ports.vlt"
            visible.write_text(ports, encoding="utf-8")
            program = compile_design(
                text,
                Path(scratch) / "bench",
                [visible, main],
                options=["--vpi", "--timescale", "1ns/1ps"],
                compiler_options=["-O1"],
                libraries=[f"-Wl,-rpath,{cocotb.libs_dir}", f"-L{cocotb.libs_dir}", "-lcocotbvpi_verilator"],
            )
            made.mkdir()
            shutil.copy(program, made)
        _forget_old(benches)
    return target


def _with_icarus(text: str, benches: Path) -> Path:
    """The folder with the compiled design, which is built if it is not there."""
    from cocotb_tools.runner import get_runner

    from ohmprop.sim.cache import publishing

    target = benches / f"icarus-{_key(_of_2005(text))}"
    if not target.exists():
        with publishing(target) as made:
            made.mkdir()
            (made / "top.v").write_text(_of_2005(text), encoding="utf-8")
            # With a newer standard, combinational outputs stay unknown.
            get_runner("icarus").build(
                sources=[made / "top.v"],
                hdl_toplevel="top",
                build_dir=made,
                build_args=["-g2005"],
                timescale=("1ns", "1ps"),
            )
        _forget_old(benches)
    return target


def _key(*made_from: str) -> str:
    return hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:16]


def _test(simulator: str, directory: Path, testbench: str, passed: str) -> None:
    """Run the tests; cocotb's own exit code is 0 outside pytest even if one fails, so its report is read here."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    with tempfile.TemporaryDirectory(prefix="ohmprop-") as scratch:
        report = Path(scratch) / "results.xml"
        try:
            get_runner(simulator).test(
                test_module=testbench,
                hdl_toplevel="top",
                hdl_toplevel_lang="verilog",
                build_dir=directory,
                test_dir=scratch,
                results_xml=str(report),
                seed=1,
                extra_env={VARIABLE: passed},
            )
        except (SystemExit, RuntimeError) as stop:
            raise AssertionError(f"{testbench} failed with {simulator} ({stop})") from None
        tests, failed = get_results(report)
    assert tests and not failed, f"{testbench} with {simulator}: {failed} of {tests} tests failed"
