"""The command ``ohmprop study``."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common, pool_of


@click.command()
@click.option("--data", type=click.Choice(("glyphs", "digits")), default="glyphs", show_default=True,
              help="What is learnt: the glyphs by 100 units, or scikit-learn's digits by 64-32-10.")  # fmt: skip
@click.option("--vary", metavar="NAME=VALUES", multiple=True, required=True,
              help="A parameter and its values, separated by commas; given twice, all pairs.")  # fmt: skip
@click.option("--set", "fix", metavar="NAME=VALUE", multiple=True, help="A parameter and its one value.")
@click.option("--tune", metavar="NAME=VALUES", multiple=True,
              help="Values to choose from at each point, by one training each with a seed of their own [default: rate=4,5,6,"
              "7,8,9; with digits 2,3,4,5,6].")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 1000), default=3, show_default=True,
              help="Trainings per point, with seeds 1 to this number.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Fewer epochs and corrupted images: a third of the time.")
@common("workers", "cluster")
@common("json", "report")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/study"), show_default=True,
              help="Folder of the results; what it already holds of the same study is not computed again.")  # fmt: skip
def study(**options: Any) -> None:
    """Sweep device properties and report the accuracy.

    One or two properties vary, on the golden machine.

    \b
    device         NAME, FILE, or all          levels        of a conductance
    scheme         reference|pair|one-sided    nonlinearity  of the pulse curves, NeuroSim's NL
    rule           ep|rbp                      noise         from pulse to pulse, in steps
    rate           2^-N, of the first matrix   spread        from device to device, in steps
    pulses         most of an update, 1 to 7   stuck         share of cells at an end of their range
    bits           of a weight, 2 to 8         frozen        share of cells stuck at their first weight
    on_off         ratio of conductances       read_noise    of each current; a full cell's is 1
    adc            bits of currents            adc_range     its ends, in units
    dac            bits of activities
    ideal          none|noise|spread|symmetry|levels|all: what is idealised in the device
    training       array|copied: on the array with its faults and wires, or on one without and then copied; array+gain|
                   copied+gain: with a gain of all currents that makes up for the wires
    wire           a segment of wire over a cell          wire_every     patterns between two looks at the wires

    Writes study.csv, study.json, study.png and report.html, a page with all of it, into --out. Ctrl-C loses nothing: the
    same command continues, also with more values or seeds.

    \b
    Example: ohmprop study --vary stuck=0,0.05,0.1,0.2 --vary training=array,copied --out runs/faults
             ohmprop study --data digits --vary device=all --tune scheme=reference,pair,one-sided
    """
    from ohmprop.host.experiments.study.command import plan_of, run_study

    plan = plan_of(*(options.pop(name) for name in ("data", "vary", "fix", "tune", "seeds", "quick")))
    run_study(plan, pool_of(options), **options)
