"""Every combination of rule, order, eps, nudge and fine bits: the golden machine's loops compiled and not."""

import json
import os
import subprocess
import sys
from itertools import product

import pytest

from tests.kit.options import KINDS, digest, everything, settings_of
from tests.kit.paths import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fine_bits"), list(product(KINDS, (0, 1, 4, 8))))
def test_uncompiled_loops_give_the_same(kind: str, fine_bits: int) -> None:
    code = f"import json; from tests.kit.options import digest; print(json.dumps(digest({kind!r}, {fine_bits})))"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == digest(kind, fine_bits)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pairs_are_fewer_and_cover_all(kind: str) -> None:
    spec = everything(kind, 4)
    chosen = settings_of(spec)
    for name in ("rule", "order", "free_eps", "nudged_eps", "nudge", "beta"):
        values = {getattr(settings, name) for settings in chosen}
        assert values >= {getattr(settings, name) for settings in [spec.settings]}
    assert 9 <= len(chosen) < 25
