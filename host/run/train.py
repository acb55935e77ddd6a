"""The training loop, one for patterns and images, golden machine and boards."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ohmprop.host.run.learner import Learner
from ohmprop.host.run.run import Run
from ohmprop.model.rules import RULES

#: Free phases that are cut off in more than this share of a run's first patterns count as unsettled. Only the first, since a
#: machine whose outputs are dead settles soon; in sound runs it was up to three quarters.
UNSETTLED = 0.9
FIRST_PATTERNS = 100


@dataclass
class Training:
    """What a training run has come to; means and rates are over the patterns learnt in it.

    Members
    -------
    learnt : patterns learnt since the initial weights, those before this run included.
    patterns : patterns learnt in this run.
    free_steps, nudged_steps : mean Euler steps of the two phases.
    steps_per_pattern : mean Euler steps of both phases.
    clocks_per_pattern : mean clocks, by the machine's replies.
    bound_per_pattern : mean clocks at one multiply-accumulate per lane and clock, without skipped rows and updates.
    clocks_over_bound : their ratio.
    rows_skipped, updates_skipped : by the machine's counters.
    cut_off : most of the first free phases took all their steps, and the states had not settled.
    unsettled : patterns whose free phase took all its steps, epoch by epoch; with ``settled_only`` they taught nothing.
    seconds : wall time of learning, without what is done between the epochs.
    patterns_per_second, updates_per_second : learnt patterns and connection updates per second of it.
    """

    learnt: int
    patterns: int = 0
    free_steps: float = 0.0
    nudged_steps: float = 0.0
    steps_per_pattern: float = 0.0
    clocks_per_pattern: float = 0.0
    bound_per_pattern: float = 0.0
    clocks_over_bound: float = 0.0
    rows_skipped: int = 0
    updates_skipped: int = 0
    cut_off: bool = False
    unsettled: list[int] = field(default_factory=list)
    seconds: float = 0.0
    patterns_per_second: float = 0.0
    updates_per_second: float = 0.0


def train(
    run: Run,
    learner: Learner,
    advance: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
    after_epoch: Callable[[int, Training], bool | None] = lambda epoch, training: None,
    every: int | None = None,
    keep: Callable[[], None] = lambda: None,
    check_epochs: int = 1,
) -> Training:
    """Learn a task, epoch after epoch, up to the run's last.

    Parameters
    ----------
    learner : has what the run's start has learnt.
    advance, after_epoch : called after each pattern; after each whole epoch with its number, from 1, and if it answers true the
        run ends.
    stopped : asked before patterns are learnt; true ends the run after those already sent.
    every, keep : at each multiple of ``every`` patterns learnt in all the learner stops and ``keep`` is called.
    check_epochs : the learner compares all it holds each time that this number of epochs is done, and at the end.
    """
    task, spec, start, count = run.task, run.start.spec, run.start, len(run.task.inputs)
    every = every or count
    training, totals, checked = Training(start.learnt), np.zeros(3, np.int64), -1
    cut_off = 0
    if learner.machine:
        # No pattern: the loops are compiled before the first one's time is taken.
        learner.machine.learn_many(task.inputs[:0], task.targets[:0])
    while training.learnt < run.last and not stopped():
        epoch, first = divmod(training.learnt, count)
        learner.use(task.settings(spec, epoch))
        last = min(count, first + every - training.learnt % every)
        rest = task.order(epoch)[first:last]
        names = [f"epoch {epoch + 1}, pattern {number}" for number in range(first + 1, last + 1)]
        if first == 0 or not training.unsettled:
            training.unsettled.append(0)
        begin = time.monotonic()
        for reply in learner.learn(names, task.inputs[rest], task.targets[rest], stopped):
            totals += (reply.free_steps, reply.nudged_steps, reply.clocks)
            if training.patterns < FIRST_PATTERNS:
                cut_off += reply.free_steps >= spec.settings.free_steps
            training.unsettled[-1] += reply.free_steps >= spec.settings.free_steps
            training.learnt += 1
            training.patterns += 1
            advance()
        training.seconds += time.monotonic() - begin
        if training.learnt % every == 0:
            keep()
        if training.learnt == (epoch + 1) * count:
            looked_at = min(FIRST_PATTERNS, training.patterns)
            training.cut_off = spec.settings.stop_when_settled and cut_off > UNSETTLED * looked_at
            if (epoch + 1) % check_epochs == 0:
                learner.check(f"after {training.learnt} patterns")
                checked = training.learnt
            if after_epoch(epoch + 1, training):
                break
    if checked != training.learnt:
        learner.check(f"after {training.learnt} patterns")
    if training.patterns:
        _rates(training, run, totals.tolist(), learner.state().counters)
    return training


def _rates(training: Training, run: Run, totals: list[int], counters: dict[str, int]) -> None:
    """Fill in means and rates, from the sums of the replies and what the counters have grown by."""
    spec, layout, patterns = run.start.spec, run.start.spec.layout, training.patterns
    training.free_steps, training.nudged_steps, training.clocks_per_pattern = (total / patterns for total in totals)
    training.steps_per_pattern = training.free_steps + training.nudged_steps
    training.rows_skipped, training.updates_skipped = counters["rows_skipped"], counters["updates_skipped"]
    possible = totals[1] if RULES[spec.settings.rule].every_step else patterns
    updates = possible - training.updates_skipped if spec.settings.nudged_steps else 0
    # Rows are read once per pattern and programmed once per update; those left out are counted in words.
    rows = layout.inputs - training.rows_skipped / max(1, layout.words_per_input) / (patterns + updates)
    training.bound_per_pattern = spec.timing.bound(training.steps_per_pattern, updates / patterns, rows)
    # Of machines without hardware there are no clocks.
    training.clocks_over_bound = training.clocks_per_pattern / (training.bound_per_pattern or 1.0)
    training.patterns_per_second = patterns / training.seconds
    training.updates_per_second = training.patterns_per_second * spec.synapses
