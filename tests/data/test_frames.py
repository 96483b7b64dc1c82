import numpy as np
import pytest

from fpga_flow.data.frames import Frames


def frames(classes: int, ratios: int | None, block: int) -> Frames:
    """Return frames of which each holds its own number."""
    groups = classes * (ratios or 1)
    labels = np.repeat(np.arange(classes), (ratios or 1) * block)
    snr_db = None if ratios is None else np.tile(np.repeat(2 * np.arange(ratios), block), classes)
    return Frames(
        classes=tuple(map(str, range(classes))),
        labels=labels,
        snr_db=snr_db,
        shape=(1, 1),
        generated=True,
        source="a test",
        fetch=lambda indices: np.arange(groups * block, dtype=np.float32)[indices, None, None],
    )


@pytest.mark.parametrize(
    ("classes", "ratios", "block"), [(24, 26, 13), (24, 3, 5), (5, 8, 2), (10, None, 20)]
)
def test_a_sample_is_even_over_class_and_snr(classes: int, ratios: int | None, block: int) -> None:
    data = frames(classes, ratios, block)
    groups = classes * (ratios or 1)
    for n in (1, 7, classes, 32, groups, groups + 3, len(data), len(data) + 5):
        chosen = data.sample(n, 1)
        assert len(chosen) == len(np.unique(chosen)) == min(n, len(data))
        counts = np.bincount(data.labels[chosen], minlength=classes)
        assert counts.max() - counts.min() <= 1
        if data.snr_db is not None and ratios is not None:
            counts = np.bincount(data.snr_db[chosen] // 2, minlength=ratios)
            assert counts.max() - counts.min() <= 1
            pairs = np.bincount(data.labels[chosen] * ratios + data.snr_db[chosen] // 2, minlength=groups)
            assert pairs.max() - pairs.min() <= 1


def test_a_smaller_sample_begins_a_larger_one() -> None:
    data = frames(24, 26, 13)
    assert np.array_equal(data.sample(500, 3)[:40], data.sample(40, 3))
    assert not np.array_equal(data.sample(40, 4), data.sample(40, 3))
    assert len(data.sample(0, 3)) == 0


def test_frames_are_read_where_the_sample_points() -> None:
    data = frames(5, 8, 2)
    chosen = data.sample(20, 1)
    assert np.array_equal(data.read(chosen)[:, 0, 0], chosen)
