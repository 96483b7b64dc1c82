import numpy as np
import pytest

from fpga_flow.data.constellations import CLASSES, LINEAR, constellation

# mean of |x|^4 at unit power; (7M - 13) / (5M - 5) for square QAM
KURTOSIS = {
    "BPSK": 1.0,
    "QPSK": 1.0,
    "8PSK": 1.0,
    "32PSK": 1.0,
    "16QAM": 1.32,
    "64QAM": 1.381,
    "256QAM": 1.395,
}


def test_classes_stand_in_the_order_of_the_file() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 24
    assert (CLASSES[0], CLASSES[3], CLASSES[11], CLASSES[17], CLASSES[23]) == (
        "OOK",
        "BPSK",
        "128APSK",
        "AM-SSB-WC",
        "OQPSK",
    )
    assert set(CLASSES) - set(LINEAR) == {"AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM", "GMSK"}


@pytest.mark.parametrize("name", LINEAR)
def test_points_are_as_many_as_the_name_says_and_of_unit_variance(name: str) -> None:
    order = {"OOK": 2, "BPSK": 2, "QPSK": 4, "OQPSK": 4}.get(name) or int(
        "".join(c for c in name if c.isdigit())
    )
    points = constellation(name)
    distances = np.abs(points[:, None] - points[None, :]) + 9 * np.eye(order)
    assert points.shape == (order,)
    assert distances.min() > 0.05
    assert np.var(points) == pytest.approx(1)


@pytest.mark.parametrize("name", [name for name in LINEAR if not name.endswith("ASK") and name != "OOK"])
def test_points_are_centred(name: str) -> None:
    assert abs(constellation(name).mean()) < 1e-12


@pytest.mark.parametrize(
    ("name", "mean"), [("OOK", 1), ("4ASK", 1.5 / np.sqrt(1.25)), ("8ASK", 3.5 / np.sqrt(5.25))]
)
def test_amplitude_keying_is_unipolar(name: str, mean: float) -> None:
    points = constellation(name)
    assert np.all(points.imag == 0)
    assert points.real.min() == 0
    assert points.mean() == pytest.approx(mean)


@pytest.mark.parametrize(("name", "value"), KURTOSIS.items())
def test_kurtosis_is_that_of_the_books(name: str, value: float) -> None:
    assert np.mean(np.abs(constellation(name)) ** 4) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize(("name", "side"), [("32QAM", 6), ("128QAM", 12)])
def test_cross_has_no_corners(name: str, side: int) -> None:
    points = constellation(name)
    for axis in (points.real, points.imag):
        assert len(np.unique(axis.round(6))) == side
    corner = points.real.max() + 1j * points.imag.max()
    assert np.abs(points - corner).min() > 0.1


@pytest.mark.parametrize(
    ("name", "rings"),
    [
        ("16APSK", {1.0: 4, 2.7: 12}),
        ("32APSK", {1.0: 4, 2.84: 12, 5.27: 16}),
        ("64APSK", {1.0: 4, 2.73: 12, 4.52: 20, 6.31: 28}),
        ("128APSK", {1.0: 16, 1.715: 16, 2.118: 16, 2.681: 16, 2.75: 16, 3.819: 48}),
    ],
)
def test_rings_hold_their_points(name: str, rings: dict[float, int]) -> None:
    radii = np.abs(constellation(name))
    found, counts = np.unique((radii / radii.min()).round(6), return_counts=True)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == rings


def test_128apsk_has_its_points_on_a_ring_about_as_far_apart_as_the_standard_says() -> None:
    points = constellation("128APSK")
    outer = points[np.abs(points) > 0.99 * np.abs(points).max()]
    steps = np.diff(np.sort(np.angle(outer))) / (2 * np.pi / 48)
    assert steps.min() > 0.9
    assert steps.max() < 1.1
    for image in (points.conj(), -points):
        assert np.abs(points[:, None] - image[None, :]).min(axis=1).max() < 1e-12
