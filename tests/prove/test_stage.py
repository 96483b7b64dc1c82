"""A fault that no frame shows, in a whole build: the verification ends with it."""

import json
import re
from pathlib import Path

import numpy as np

from fpga_flow.design import claims
from fpga_flow.design.claims import Product
from fpga_flow.design.design import load_design
from tests import digits_run as digits
from tests.made_otherwise import made_otherwise


def layers_of(run: Path) -> dict[str, dict[str, object]]:
    table = json.loads((run / "report.json").read_text())
    assert table["verify"]["mismatches"] == 0
    return {layer["name"]: layer for layer in table["hardware"]["layers"]}


def test_an_adder_that_loses_an_input_which_is_0_in_all_frames_is_found(tmp_path: Path) -> None:
    run = digits.build(tmp_path, "--set", "hardware.implementation=constant", zeros=0.9)
    layer = next(one for one in load_design(run / "rtl").layers if one.op == "ConstantMatrix_rtl")
    claim = claims.load(run / "rtl" / layer.claim)
    assert isinstance(claim, Product)
    frames = np.load(run / "export" / "vectors.npz")["x"].reshape(digits.FRAMES, -1)
    idle = np.flatnonzero(~frames.any(axis=0) & claim.matrix.any(axis=0))
    column = int(idle[0])
    assert layers_of(run)[layer.name]["proved"] is True

    (unit,) = [path for path in layer.sources if path.endswith("_unit.sv")]
    text = (run / "rtl" / unit).read_text()
    changed = re.sub(rf"assign v{column} = digits_i\[\d+:\d+\];", f"assign v{column} = '0;", text)
    assert changed != text
    with made_otherwise(run / "rtl", unit, changed):
        done = digits.flow("verify", str(run))
    assert done.returncode == 3, done.stderr
    assert re.search(
        rf"layer {layer.name}: input {column} = 1: output \d+: expected -?\d+, found 0", done.stderr
    )
    assert "Traceback" not in done.stderr
    found = layers_of(run)[layer.name]
    assert (found["proved"], found["equal"]) == (False, False)
    (wrong,) = [
        one for one in json.loads((run / "report.json").read_text())["verify"]["proofs"] if one["reason"]
    ]
    assert wrong["counterexample"]["inputs"] == {str(column): 1}
    assert "Not proved" in (run / "report.html").read_text()
