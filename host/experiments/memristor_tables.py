"""``ohmprop device list`` and ``plot``: devices' integer tables beside their equations."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from ohmprop.host.show.console import print_table, show
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import save
from ohmprop.model.formats import Format
from ohmprop.model.memristors.curves import Device
from ohmprop.model.memristors.fitted import device_named
from ohmprop.model.memristors.presets import PRESETS
from ohmprop.model.memristors.tables import COMPARED, equation, step_tables, table_errors

#: Where the pictures of `ohmprop device` are if the user names no folder.
FOLDER = Path("runs/device")


def _figures(device: Device, scheme: str | None, bits: int, levels: int | None) -> dict[str, Any]:
    """A device's table and how far it is from the equations, by the names that the JSON uses."""
    weight = Format(True, bits, bits - 1)
    tables, exact = step_tables(device, weight, scheme, levels), equation(device, weight, scheme, levels)
    step, curve = table_errors(tables, exact)
    means = [tables.mean_curve(COMPARED, rising) for rising in (True, False)]
    return {
        "source": device.source,
        "scheme": tables.scheme,
        "rails": f"{tables.low} to {tables.high}",
        "scale": tables.scale,
        "step_error": step,
        "curve_error": curve,
        "rounding_spread": max(float(deviations.max()) for _, deviations in means),
    }


def run_list(json_file: Path | None) -> None:
    """All presets and their table errors with weights of 8 bits."""
    check_writable(json_file)
    figures = {name: _figures(device, None, 8, None) for name, device in PRESETS.items()}
    table = Table("device", "scheme", "rails", "step error", "curve error", "source")
    for name, row in figures.items():
        errors = (f"{row['step_error']:.4f}", f"{row['curve_error']:.3f}")
        table.add_row(name, row["scheme"], row["rails"], *errors, row["source"])
    if json_file:
        write_json(json_file, figures)
    print_table(table)


def run_plot(
    name: str, scheme: str | None, bits: int, levels: int | None, json_file: Path | None, out: Path | None
) -> None:
    """Pulse curves of a device: equation, table, and the mean of whole levels rounded at random."""
    device, folder = device_named(name), out or FOLDER
    weight = Format(True, bits, bits - 1)
    exact, tables = equation(device, weight, scheme, levels), step_tables(device, weight, scheme, levels)
    check_writable(json_file)
    check_writable(folder, folder=True)
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, rising in zip(figure.subplots(1, 2, sharey=True), (True, False), strict=True):
        pulses = np.arange(COMPARED + 1)
        mean, spread = tables.mean_curve(COMPARED, rising)
        axes.fill_between(pulses, mean - spread, mean + spread, alpha=0.25, label="whole levels, mean and deviation")
        axes.plot(pulses, exact.curve(COMPARED, rising), label="equation", linewidth=3, alpha=0.5)
        axes.plot(pulses, tables.curve(COMPARED, rising), "--", color="black", label="integer table", linewidth=1)
        axes.set(xlabel=f"pulses {'up' if rising else 'down'}", title=f"{name}, {tables.scheme}")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("level")
    figure.axes[0].legend()
    path = folder / f"{Path(name).stem}.png"
    save(figure, path)
    figures = {"device": name, **_figures(device, scheme, bits, levels), "picture": str(path)}
    if json_file:
        write_json(json_file, figures)
    show("Pulse curves, errors and spread in levels", figures)
