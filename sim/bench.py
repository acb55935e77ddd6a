"""Runs a cocotb test bench against one component: Verilator always, Icarus as well where it is installed."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: The environment variable that carries the parameters into the simulation.
VARIABLE = "OHMPROP_BENCH"


def bench_parameters() -> dict[str, Any]:
    """What the caller of ``run_bench`` passed as ``parameters``; for use inside the test bench."""
    return dict(json.loads(os.environ.get(VARIABLE, "{}")))


def run_bench(component: Any, name: str, testbench: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Run all cocotb tests of a module on a component.

    Parameters
    ----------
    component : an Amaranth ``wiring.Component``; its ports, ``clk`` and ``rst`` are on cocotb's ``dut``.
    name : the build directory below ``build/benches``; one for each component and set of parameters.
    testbench : the Python module with the cocotb tests, for instance ``tests.hw.parallel.tb_crossbar``.
    parameters : anything JSON can carry; the bench reads it with ``bench_parameters()``.

    Raises AssertionError if a test fails, the simulator stops early or there is no test.
    """
    from amaranth.back import verilog

    from ohmprop.sim.verilator import writable_directory

    text = verilog.convert(component, name="top", emit_src=False)
    directory = writable_directory(Path("build").absolute()) / "benches" / name
    _build_with_verilator(text, directory / "verilator")
    _test("verilator", directory / "verilator", testbench, parameters or {})
    if shutil.which("iverilog"):
        _build_with_icarus(text, directory / "icarus")
        _test("icarus", directory / "icarus", testbench, parameters or {})
        print(f"{name}: passed with Verilator and with Icarus")
    else:
        print(f"{name}: passed with Verilator; Icarus is not installed")


def _unchanged(directory: Path, key: str) -> bool:
    """Whether the directory was built from the same text; if not, it is emptied."""
    stamp = directory / "built-from"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return True
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return False


def _visible_ports(text: str) -> str:
    """Verilator's configuration that shows cocotb the top's ports; all signals would take minutes to compile."""
    top = text[text.index("module top(") :]
    names = re.findall(r"^  (?:input|output) (?:\[[^]]*\] )?([^;]+);", top[: top.index("endmodule")], re.MULTILINE)
    # A name that is a word of Verilog is written with a backslash before it and a blank behind.
    rules = ['public_flat_rw -module "top" -var "' + name.strip("\\ ") + '"' for name in names]
    return "\n".join(["`verilator_config", *rules, ""])


def _build_with_verilator(text: str, directory: Path) -> None:
    import cocotb_tools.config as cocotb

    from ohmprop.sim.verilator import compile_design, find_tools

    main = cocotb.share_dir / "lib" / "verilator" / "verilator.cpp"
    ports = _visible_ports(text)
    key = hashlib.sha256(f"{text}{ports}{find_tools()}{main}{main.read_text()}".encode()).hexdigest()
    if not _unchanged(directory, key):
        (directory / "ports.vlt").write_text(ports, encoding="utf-8")
        compile_design(
            text,
            directory,
            [directory / "ports.vlt", main],
            options=["--vpi", "--timescale", "1ns/1ps"],
            compiler_options=["-O1"],
            libraries=[f"-Wl,-rpath,{cocotb.libs_dir}", f"-L{cocotb.libs_dir}", "-lcocotbvpi_verilator"],
        )
        (directory / "built-from").write_text(key, encoding="utf-8")


def _build_with_icarus(text: str, directory: Path) -> None:
    from cocotb_tools.runner import get_runner

    key = hashlib.sha256(text.encode()).hexdigest()
    if not _unchanged(directory, key):
        (directory / "top.v").write_text(text, encoding="utf-8")
        # With a newer standard, combinational outputs stay unknown.
        get_runner("icarus").build(
            sources=[directory / "top.v"],
            hdl_toplevel="top",
            build_dir=directory,
            build_args=["-g2005"],
            timescale=("1ns", "1ps"),
        )
        (directory / "built-from").write_text(key, encoding="utf-8")


def _test(simulator: str, directory: Path, testbench: str, parameters: Mapping[str, Any]) -> None:
    """Run the tests; cocotb's own exit code is 0 outside pytest even if one fails, so its report is read here."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    report = directory / "results.xml"
    try:
        get_runner(simulator).test(
            test_module=testbench,
            hdl_toplevel="top",
            hdl_toplevel_lang="verilog",
            build_dir=directory,
            results_xml=str(report),
            seed=1,
            extra_env={VARIABLE: json.dumps(dict(parameters))},
        )
    except SystemExit as stop:
        raise AssertionError(f"{testbench} failed with {simulator} (exit code {stop.code})") from None
    tests, failed = get_results(report)
    assert tests and not failed, f"{testbench} with {simulator}: {failed} of {tests} tests failed"
