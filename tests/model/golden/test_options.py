"""Every combination of rule, order, eps, nudge and fine bits: the golden machine's loops compiled and not."""

import json
import os
import subprocess
import sys
from itertools import product

import pytest

from tests.kit.options import KINDS, OPTIONS, all_of, digest, everything, settings_of
from tests.kit.paths import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_uncompiled_loops_give_the_same(kind: tuple[str, bool, int]) -> None:
    code = f"import json; from tests.kit.options import digest; print(json.dumps(digest(*{kind!r})))"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == digest(*kind)


def test_pairs_are_fewer_and_leave_no_value_out() -> None:
    assert len(OPTIONS) < 14
    for topology, asymmetric in product(("recurrent", "layered"), (False, True)):
        spec = everything(topology, asymmetric, 4)
        chosen, every = settings_of(spec), settings_of(spec, all_of)
        assert len(chosen) < 25 < len(every)
        for name in ("rule", "order", "free_eps", "nudged_eps", "nudge", "beta"):
            assert {getattr(settings, name) for settings in chosen} == {getattr(settings, name) for settings in every}
