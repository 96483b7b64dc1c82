import numpy as np

from fpga_flow.data import digits


def test_pictures_have_the_shape_and_range_of_mnist() -> None:
    images, labels = digits.pictures()
    assert images.shape == (1797, 1, 28, 28)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_pictures_show_the_scan_enlarged_within_a_border() -> None:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    images, _ = digits.pictures()
    scans = load_digits().images / 16
    inner = images[:, 0, 4:24, 4:24]
    assert np.count_nonzero(images) == np.count_nonzero(inner)
    assert np.allclose(inner[:, 0, 0], scans[:, 0, 0])
    assert np.allclose(inner[:, 19, 19], scans[:, 7, 7])
    column = 0.9 * scans[:, :, 2] + 0.1 * scans[:, :, 3]  # pixel 6: 6.5 * 8 / 20 - 0.5 = 2.1
    assert np.allclose(inner[:, 6, 6], 0.9 * column[:, 2] + 0.1 * column[:, 3], atol=1e-6)


def test_splits_are_disjoint_complete_and_hold_every_class_alike() -> None:
    splits = {split: digits.frames(split, 0.1, 1) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in splits.items()} == {
        "train": 1072,
        "validation": 123,
        "test": 602,
    }
    for part in splits.values():
        counts = np.bincount(part.labels, minlength=10)
        assert counts.max() - counts.min() <= 6
        assert part.snr_db is None
        assert part.shape == (1, 28, 28)
        assert not part.generated
    shown = np.concatenate([part.read(np.arange(len(part))) for part in splits.values()])
    assert np.array_equal(
        np.sort(shown.sum(axis=(1, 2, 3))), np.sort(digits.pictures()[0].sum(axis=(1, 2, 3)))
    )


def test_labels_belong_to_their_pictures() -> None:
    images, labels = digits.pictures()
    part = digits.frames("test", 0.1, 1)
    for index in (0, 300, 601):
        same = (images == part.read(np.array([index]))).all(axis=(1, 2, 3))
        assert same.any()
        assert set(labels[same]) == {part.labels[index]}


def test_test_split_depends_on_no_seed() -> None:
    one, other = digits.frames("test", 0.1, 1), digits.frames("test", 0.3, 2)
    assert np.array_equal(one.read(np.arange(602)), other.read(np.arange(602)))
    assert not np.array_equal(
        digits.frames("validation", 0.1, 1).labels, digits.frames("validation", 0.1, 2).labels
    )
