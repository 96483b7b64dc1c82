import numpy as np

from fpga_flow.data import digits


def test_pictures_have_the_shape_and_range_of_mnist() -> None:
    images, labels = digits.pictures()
    assert images.shape == (1797, 1, 28, 28)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_pictures_show_the_scan_enlarged_and_nothing_else() -> None:
    from sklearn.datasets import load_digits

    images, _ = digits.pictures()
    scans = load_digits().images
    assert np.array_equal(images[:, 0, 3:27:3, 3:27:3] * 16, scans)
    assert np.array_equal(images.sum(axis=(1, 2, 3)) * 16, 9 * scans.sum(axis=(1, 2)))


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
