"""Proofs of matrix layers made of adders: what is right is proved, and no fault is."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpga_flow.core.errors import ToolError
from fpga_flow.design import claims
from fpga_flow.design.claims import Product
from fpga_flow.prove import netlist, search
from tests.layers.constant_units import Weights, operands, weights
from tests.layers.one_layer import OneLayer
from tests.layers.test_constant_matrix import layer
from tests.prove.designs import Built, replaced
from tests.rtl.operands import Operand

UNIT = "_unit.sv"


SERIAL = ("UINT4", "INT4", (12, 6, 4, 2, 1))
WIDER = ("INT4", "INT5", (8, 6, 8, 3, 3))
PARALLEL = ("UINT3", "INT4", (10, 6, 10, 6, 32))
CASES = [
    SERIAL,
    WIDER,
    PARALLEL,
    ("INT8", "UINT8", (6, 4, 6, 4, 32)),
    ("BIPOLAR", "BIPOLAR", (20, 6, 10, 2, 1)),
    ("BIPOLAR", "INT4", (12, 4, 12, 2, 32)),
    ("BIPOLAR", "INT3", (6, 4, 6, 2, 2)),
    ("TERNARY", "TERNARY", (6, 2, 6, 1, 3)),
]
Shape = tuple[int, int, int, int, int]
Settings = tuple[str, str, Shape]


@pytest.mark.parametrize("case", CASES)
def test_layers_are_proved(case: Settings, tmp_path: Path, cache: Path) -> None:
    proof = Built.of(layer(*case), tmp_path, cache).proof()
    assert (proof.how, proof.reason, proof.counterexample) == ("netlist", "", None)


@settings(max_examples=8, deadline=None)
@given(kind=weights(most=8), act=operands(), digit=st.sampled_from([1, 2, 3, 32]), narrow=st.booleans())
def test_any_layer_is_proved(
    kind: Weights, act: Operand, digit: int, narrow: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    simd, pe = (1, 1) if narrow else (kind.columns, kind.rows)
    shape = (kind.columns, kind.rows, simd, pe, digit)
    case = layer(act.name, kind.operand.name, shape, values=kind.draw().T)
    proof = Built.of(case, folder, folder / "cache").proof()
    assert proof.counterexample is None
    # Of inputs of -1 and 1, in whole numbers, what is right cannot always be followed.
    assert proof.proved or (act.bipolar and digit == 32), proof.reason


def test_a_design_in_a_folder_named_from_here_is_proved(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Built.of(layer(*SERIAL), Path("run"), cache).proof().proved


def test_a_layer_of_zeros_is_proved(tmp_path: Path, cache: Path) -> None:
    case = layer("UINT4", "INT4", (4, 3, 4, 3, 1), values=np.zeros((4, 3), np.int64))
    assert Built.of(case, tmp_path, cache).proof().proved


def with_a_lone_column() -> OneLayer:
    """A layer whose last input goes into the first output alone."""
    values = np.random.default_rng(5).integers(-7, 8, (12, 6))
    values[-1] = [3, 0, 0, 0, 0, 0]
    return layer("UINT4", "INT4", (12, 6, 4, 2, 1), values=values)


def test_a_changed_shift_of_one_input_is_found_with_its_vector(tmp_path: Path, cache: Path) -> None:
    built = Built.of(with_a_lone_column(), tmp_path, cache)
    built.change(UNIT, replaced(r"assign v11 = digits_i\[11:11\]", r"assign v11 = digits_i[10:10]"))
    proof = built.proof()
    assert not proof.proved
    assert proof.reason.startswith("output 0: takes input 10 ")
    assert proof.counterexample is not None
    assert set(proof.counterexample.inputs) == {10}
    assert proof.counterexample.expected != proof.counterexample.found
    assert "input 10 = 1: output 0: expected" in proof.words()


ADDER = r"(df_digit_adder #\(\.Width\(\d\), \.Subtract\()(\d)"
FAULTS = {
    "a sum is a difference": (SERIAL, replaced(ADDER, r"\g<1>1", 3)),
    "a carry begins anew a cycle early": (SERIAL, replaced(r"more_i\(keep_1\[(\d)\]\)", "more_i(1'b0)", 2)),
    "zeros are not put in": (WIDER, replaced(r"keep_\d\[\d\] \? (v\w+) : '0", r"\1", 0)),
    "a bit of a wide sum is cut off": (
        PARALLEL,
        replaced(r"assign (v1\d)(\[\d:\d\])? = (.*[+-].*);", r"assign \1\2 = (\3) & ~'d8;", -1),
    ),
    "an adder stands still where others do not": (
        SERIAL,
        replaced(r"\.enable_i, \.more", ".enable_i(1'b1), .more", 1),
    ),
    "a delay is missing": (SERIAL, replaced(r"v(\d+)_2 <= v\1_1;", r"v\1_2 <= v\1;", 0)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault: str, tmp_path: Path, cache: Path) -> None:
    case, change = FAULTS[fault]
    built = Built.of(layer(*case), tmp_path, cache)
    built.change(UNIT, change)
    proof = built.proof()
    assert not proof.proved
    assert proof.counterexample is not None, proof.reason


def test_a_carry_that_is_always_0_at_the_end_must_begin_anew_all_the_same(
    tmp_path: Path, cache: Path
) -> None:
    built = Built.of(layer(*SERIAL), tmp_path, cache)
    built.change(UNIT, replaced(r"more_i\(keep_1\[(\d)\]\)", "more_i(1'b1)", 2))
    proof = built.proof()
    assert "depends on something else than the vector" in proof.reason
    assert proof.counterexample is None, "after a reset of registers that start at 0"


def test_a_handshake_that_sees_data_is_not_proved(tmp_path: Path, cache: Path) -> None:
    built = Built.of(layer(*PARALLEL), tmp_path, cache)
    built.change(UNIT, replaced(r"assign ready_o = enable;", "assign ready_o = enable || &data_i;"))
    assert "must not depend on data" in built.proof().reason


def test_another_adder_under_its_name_is_not_proved(tmp_path: Path, cache: Path) -> None:
    built = Built.of(layer(*SERIAL), tmp_path, cache)
    built.change("df_digit_adder.sv", lambda text: text + "// mine\n")
    proof = built.proof()
    assert proof.reason == "df_digit_adder.sv is not the module whose proof is in the tests"
    assert proof.counterexample is None
    assert "no input was found for which it differs" in proof.words()


def mutated(text: str, draw: random.Random) -> str:
    """Return `text` of a network with one name, number, constant or sign of its data another one."""
    start = text.index("digits_o\n);")
    end = text.index("endmodule")
    names = sorted(set(re.findall(r"\bv\d+(?:_\d+)?\b", text[start:end])))
    found = [
        match
        for match in re.finditer(
            r"\bv\d+(?:_\d+)?\b|\+|'d0\b|(?<=Subtract\()\d|(?<=\[)\d+(?=\])", text[start:end]
        )
        if not re.search(
            r"(logic .*|assign |begin|<= )$", text[start : start + match.start()].rsplit("\n")[-1]
        )
    ]
    match = draw.choice(found)
    old = match.group()
    if old.startswith("v"):
        new = draw.choice([name for name in names if name != old])
    else:
        new = {"+": "-", "'d0": "'d1", "0": "1"}.get(old, "0")
    return text[: start + match.start()] + new + text[start + match.end() :]


@pytest.mark.parametrize("case", [SERIAL, PARALLEL])
def test_whatever_is_changed_in_a_network_is_proved_only_where_it_changes_nothing(
    case: Settings, tmp_path: Path, cache: Path
) -> None:
    whole = Built.of(layer(*case), tmp_path, cache)
    path = whole.file(UNIT)
    text, draw = path.read_text(), random.Random(3)
    (made,) = whole.prover.distinct.values()
    claim = claims.load(whole.folder / made.claim)
    assert isinstance(claim, Product)
    found = 0
    for _ in range(5):
        path.write_text(mutated(text, draw))
        prover = whole.prover
        try:
            (proof,) = prover.prove_all(lambda step, name: None)
        except ToolError:  # it is no SystemVerilog any more
            continue
        if proof.proved:
            assert search.find(prover.simulated(made), claim) is None
        found += proof.counterexample is not None
    assert found >= 2


def test_what_was_proved_is_kept_until_something_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Built.of(layer(*PARALLEL), tmp_path, cache)
    assert built.proof().proved

    def again(*arguments: object) -> None:
        raise AssertionError("proved again")

    monkeypatch.setattr(netlist, "read", again)
    assert built.proof().proved
    built.change(UNIT, lambda text: text + "// another\n")
    with pytest.raises(AssertionError, match="proved again"):
        built.proof()
