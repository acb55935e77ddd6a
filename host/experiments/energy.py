"""What ``ohmprop device energy`` does: count a training's pulses and reads, and estimate what they take."""

from pathlib import Path

from rich.table import Table

from ohmprop.host.experiments.study.parameters import Value, parse
from ohmprop.host.experiments.study.plan import EPOCHS, IMAGES
from ohmprop.host.experiments.study.trial import LAYERS, Trial
from ohmprop.host.show.console import note_uncompiled, print_table, show
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.errors import UserError
from ohmprop.model.memristors.energy import programming
from ohmprop.model.memristors.fitted import device_named
from ohmprop.model.spec import MachineSpec

#: pJ in a uJ.
MICRO = 1e6


def run_energy(
    name: str,
    data: str,
    fix: tuple[str, ...],
    pulse_pj: float | None,
    read_pj: float | None,
    seed: int,
    json_file: Path | None,
) -> None:
    """Train once with a device, and show counters and energy of each matrix."""
    device_named(name)
    check_writable(json_file)
    note_uncompiled()
    values: dict[str, Value] = {"rate": MachineSpec(layers=LAYERS[data]).settings.eta_shifts[0], "device": name}
    for parameter, given in (parse("--set", text) for text in fix):
        if parameter == "device" or len(given) > 1:
            raise UserError(f"--set {parameter} does not go here; name one device, and one value of each parameter.")
        values[parameter] = given[0]
    trial = Trial(data, tuple(sorted(values.items())), EPOCHS[data][1], IMAGES[1], seed, choosing=False)
    scheme = trial.machine()[1].tables.scheme
    result = trial.compute()
    whose, published = programming(name)
    up_pj, down_pj, cell_pj = published.picojoules()
    if pulse_pj is not None:
        up_pj = down_pj = pulse_pj
    elif scheme == "one-sided":
        # A weight falls by a pulse up on the other cell.
        down_pj = up_pj
    elif scheme == "pair":
        # A weight moves by a pulse up on one cell or a pulse down on the other.
        up_pj = down_pj = (up_pj + down_pj) / 2
    cell_pj = cell_pj if read_pj is None else read_pj
    matrices = []
    for (up, down, lost), reads in zip(result["pulses"], result["reads"], strict=True):
        micro = ((up * up_pj + down * down_pj) / MICRO, reads * cell_pj / MICRO)
        matrices.append(
            {
                "pulses_up": up,
                "pulses_down": down,
                "pulses_lost": lost,
                "reads": reads,
                "pulses_uj": micro[0],
                "reads_uj": micro[1],
            }
        )
    table = Table("matrix", "pulses up", "down", "lost at a rail", "reads", "pulses, uJ", "reads, uJ")
    for index, row in enumerate(matrices):
        counts = (f"{row[key]:,}" for key in ("pulses_up", "pulses_down", "pulses_lost", "reads"))
        table.add_row(str(index), *counts, *(f"{row[key]:,.3g}" for key in ("pulses_uj", "reads_uj")))
    total = sum(row["pulses_uj"] + row["reads_uj"] for row in matrices)
    figures = {
        "device": name,
        "data": data,
        "settings": {key: value for key, value in trial.point if key != "device"},
        **result["scores"],
        "patterns": result["learnt"],
        "pj_per_pulse_up": up_pj,
        "pj_per_pulse_down": down_pj,
        "pj_per_read": cell_pj,
        "pulses_from": whose if pulse_pj is None else "given",
        "reads_from": whose if read_pj is None else "given",
        "uj_of_training": total,
        "nj_per_pattern": 1000 * total / result["learnt"],
    }
    if json_file:
        write_json(json_file, {**figures, "matrices": matrices})
    print_table(table)
    show("Estimated energy of the cells in learning, without drivers, wires and converters", figures)
