"""The driver alone, before an accelerator that gives back what it gets."""

import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fpga_flow.deploy.package import DRIVER, SHARED

ECHO = Path(__file__).with_name("echo_pynq.py")
DIGEST = "5eed" * 16
Make = Callable[..., Any]


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, ModuleType]]:
    """Import the driver as a board does, with the stand-in beside it."""
    package = tmp_path / "accelerator"
    package.mkdir()
    for file in (*DRIVER.glob("*.py"), *SHARED):
        shutil.copyfile(file, package / file.name)
    (package / "accelerator.bit").touch()
    (tmp_path / "pynq").mkdir()
    shutil.copyfile(ECHO, tmp_path / "pynq" / "__init__.py")
    (tmp_path / "pynq" / "ps.py").write_text("from pynq import Clocks\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield importlib.import_module("accelerator.driver"), importlib.import_module("pynq")
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("accelerator", "pynq"):
            del sys.modules[name]


@pytest.fixture
def make(modules: tuple[ModuleType, ModuleType]) -> Make:
    """Return what makes an accelerator with `values` integers of `bits` bits on both sides."""
    driver, pynq = modules

    def made(
        values: int = 5, bits: int = 8, *, signed: bool = True, bipolar: bool = False, **more: Any
    ) -> Any:
        port = {"values": values, "bits": bits, "signed": signed, "bipolar": bipolar}
        description = {
            "digest": DIGEST, "ip": "shell_0", "clock_mhz": 100.0, "cycles_per_frame": 10,
            "latency_cycles": 20, "top_k": 0, "input": port, "output": port, "host": {},
        } | more  # fmt: skip
        (Path(driver.HERE) / "accelerator.json").write_text(json.dumps(description))
        pynq.STATE.digest = DIGEST
        pynq.STATE.bytes_in = pynq.STATE.bytes_out = driver.Port(**port).bytes
        return driver.Accelerator()

    return made


@pytest.mark.parametrize(("bits", "signed"), [(bits, signed) for bits in range(1, 9) for signed in (0, 1)])
def test_integers_of_every_width_come_back(make: Make, bits: int, signed: bool) -> None:
    accelerator = make(7, bits, signed=bool(signed))
    low, high = accelerator.input.range
    frames = np.random.default_rng(bits).integers(low, high + 1, (33, 7))
    np.testing.assert_array_equal(accelerator.run(frames), frames)


def test_bipolar_values_come_back(make: Make) -> None:
    accelerator = make(13, 1, signed=False, bipolar=True)
    frames = np.random.default_rng(1).choice([-1, 1], (20, 13)).astype(np.int8)
    found = accelerator.run(frames)
    np.testing.assert_array_equal(found, frames)
    with pytest.raises(ValueError, match=r"must hold -1 and 1 only"):
        accelerator.run(np.zeros((1, 13), np.int8))


def test_frames_of_floats_are_quantised_as_in_training_and_sent_channels_last(make: Make) -> None:
    host = {
        "frame_shape": [2, 3], "steps": [["mul", [2.0]]], "scale": 0.5, "rounding": "ROUND",
        "low": -128, "high": 127, "shape": [2, 3], "zero": 0, "shift": 0,
    }  # fmt: skip
    spec = {"shape": [2, 3], "scale": 1.0, "offset": 0.0, "steps": []}
    accelerator = make(6, 8, host=host, numbers=spec)
    frames = np.array([[[0.1, 0.2, 0.3], [1.0, 100.0, -100.0]]], np.float32)
    assert accelerator.run_float(frames).tolist() == [[[0, 1, 1], [4, 127, -128]]]


def test_numbers_come_out_as_the_network_s_own_and_indices_as_they_are(make: Make) -> None:
    steps = [["sigmoid", []], ["reshape", [2, 3]]]
    spec = {"shape": [2, 3, 1], "scale": 0.5, "offset": -1.0, "steps": steps}
    outputs = np.array([[0, 4, 1, 127, 1, -128]], np.int8)  # channels last
    numbers = 0.5 * np.array([[[0, 1, 1], [4, 127, -128]]]) - 1
    found = make(6, 8, numbers=spec).values(outputs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-numbers)), rtol=1e-6)
    np.testing.assert_array_equal(make(6, 8, numbers=spec, top_k=6).values(outputs), outputs)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 4), np.int8), r"a frame must have 5 integers, not 4"),
        (np.full((2, 5), 4), r"integers from -4 to 3, not 4 to 4"),
        (np.full((2, 5), -5), r"integers from -4 to 3, not -5 to -5"),
        (np.full((2, 5), 0.5), r"whole numbers; run_float quantises"),
        (np.full((2, 5), np.nan), r"integers from -4 to 3"),
    ],
)
def test_frames_that_do_not_fit_are_refused(make: Make, frames: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(5, 3).run(frames)


def test_no_frames_are_no_outputs(make: Make) -> None:
    accelerator = make()
    assert accelerator.run(np.zeros((0, 5), np.int8)).shape == (0, 5)


def test_many_frames_go_in_chunks_from_two_buffers_in_turn(
    make: Make, modules: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, pynq = modules
    monkeypatch.setattr(driver, "CHUNK_BYTES", 50)
    accelerator = make(5, 8)
    frames = np.random.default_rng(2).integers(-128, 128, (47, 5)).astype(np.int8)
    np.testing.assert_array_equal(accelerator.run(frames), frames)
    assert [count for _, _, count in pynq.STATE.starts] == [10, 10, 10, 10, 7]
    places = [place[:2] for place in pynq.STATE.starts]
    assert places[0] == places[2] == places[4] != places[1] == places[3]
    assert (accelerator.timing.frames, accelerator.timing.cycles) == (47, 470)


@pytest.mark.parametrize(("source", "found"), [(1000.0, 100.0), (1066.0, 96.9090909), (650.0, 92.857142)])
def test_the_clock_is_the_next_one_that_is_not_above(
    make: Make, modules: tuple[ModuleType, ModuleType], source: float, found: float
) -> None:
    modules[1].Clocks.source_mhz = source
    assert make().clock_mhz == pytest.approx(found)


def test_a_clock_that_cannot_be_set_is_told(make: Make, modules: tuple[ModuleType, ModuleType]) -> None:
    modules[1].Clocks.source_mhz = 30.0
    with pytest.raises(modules[0].AcceleratorError, match=r"must be 100 MHz or a little less, it is 30 MHz"):
        make()


def test_an_accelerator_that_hangs_is_given_up_and_reset(
    make: Make, modules: tuple[ModuleType, ModuleType]
) -> None:
    driver, pynq = modules
    accelerator = make()
    accelerator.timeout = 0.02
    pynq.STATE.hangs = True
    frames = np.ones((9, 5), np.int8)
    with pytest.raises(driver.AcceleratorError, match=r"did not end: 3 of 9 frames came out; it was reset"):
        accelerator.run(frames)
    pynq.STATE.hangs = False
    np.testing.assert_array_equal(accelerator.run(frames), frames)


def test_a_bus_that_does_not_let_it_reset_is_told(make: Make, modules: tuple[ModuleType, ModuleType]) -> None:
    driver, pynq = modules
    accelerator = make()
    pynq.STATE.never_resets = True
    with pytest.raises(driver.AcceleratorError, match=r"does not reset: memory does not answer it"):
        accelerator.reset(0.02)


@pytest.mark.parametrize(("bit", "side"), [(4, "reading the frames"), (8, "writing the results")])
def test_an_error_of_the_bus_is_told(
    make: Make, modules: tuple[ModuleType, ModuleType], bit: int, side: str
) -> None:
    driver, pynq = modules
    accelerator = make()
    pynq.STATE.error = bit
    with pytest.raises(driver.AcceleratorError, match=side):
        accelerator.run(np.ones((2, 5), np.int8))


def test_logic_without_our_shell_is_refused(make: Make, modules: tuple[ModuleType, ModuleType]) -> None:
    driver, pynq = modules

    class Other(pynq.Overlay):  # type: ignore[name-defined,misc]
        def __init__(self, bitfile_name: str) -> None:
            super().__init__(bitfile_name)
            pynq.STATE.registers[0] = 0xDEADBEEF

    driver.Overlay = Other
    with pytest.raises(driver.AcceleratorError, match=r"its identity reads 0xdeadbeef"):
        make()
