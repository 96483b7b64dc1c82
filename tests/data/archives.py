"""Small archives in the layout of CIFAR's, pickles as Python 2 wrote them included."""

import io
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np


def python2(value: Any) -> bytes:
    """Pickle `value` with the operations of Python 2's cPickle, protocol 2."""
    return b"\x80\x02" + _put(value) + b"."


def _put(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        head = (
            b"cnumpy.core.multiarray\n_reconstruct\nq\x10cnumpy\nndarray\nq\x11K\x00\x85U\x01bq\x12\x87Rq\x13"
        )
        kind = f"{value.dtype.kind}{value.dtype.itemsize}"
        type_state = b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        described = b"cnumpy\ndtype\nq\x14" + _put(kind) + b"K\x00K\x01\x87Rq\x15" + type_state
        shape = b"".join(map(_put, value.shape))
        return head + b"(K\x01(" + shape + b"t" + described + b"\x89" + _put(value.tobytes()) + b"tb"
    if isinstance(value, dict):
        return b"}q\x01(" + b"".join(_put(key) + _put(item) for key, item in value.items()) + b"u"
    if isinstance(value, list):
        return b"]q\x02(" + b"".join(map(_put, value)) + b"e"
    if isinstance(value, int):
        return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)
    text = value.encode("latin-1") if isinstance(value, str) else value
    short = len(text) < 256
    return b"U" + bytes([len(text)]) + text if short else b"T" + struct.pack("<i", len(text)) + text


def pictures(count: int, classes: int, seed: int) -> tuple[np.ndarray, list[int]]:
    """Return random pictures, uint8 (count, 3072), and labels that go round the classes."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
    return images, [(k + seed) % classes for k in range(count)]


def cifar10_python(batch: int = 20) -> dict[str, bytes]:
    """Return the files of cifar-10-python.tar.gz, with batches of so many pictures."""
    names = [f"class{k}" for k in range(10)]
    files = {"batches.meta": python2({"num_cases_per_batch": batch, "label_names": names, "num_vis": 3072})}
    for k, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        images, labels = pictures(batch, 10, k)
        held = {"batch_label": name, "labels": labels, "data": images, "filenames": ["x.png"] * batch}
        files[name] = python2(held)
    return {f"cifar-10-batches-py/{name}": content for name, content in files.items()} | {
        "cifar-10-batches-py/readme.html": b"<a>"
    }


def cifar10_binary(batch: int = 20) -> dict[str, bytes]:
    """Return the files of cifar-10-binary.tar.gz, of the same pictures."""
    files = {"batches.meta.txt": "".join(f"class{k}\n" for k in range(10)).encode() + b"\n"}
    for k, name in enumerate([*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]):
        images, labels = pictures(batch, 10, k)
        files[name] = np.concatenate([np.array(labels, np.uint8)[:, None], images], axis=1).tobytes()
    return {f"cifar-10-batches-bin/{name}": content for name, content in files.items()}


def cifar100_python(count: int = 200) -> dict[str, bytes]:
    """Return the files of cifar-100-python.tar.gz."""
    files = {
        "meta": python2({"fine_label_names": [f"fine{k}" for k in range(100)], "coarse_label_names": []})
    }
    for k, name in enumerate(["train", "test"]):
        images, labels = pictures(count, 100, k)
        files[name] = python2({"data": images, "fine_labels": labels, "coarse_labels": [0] * count})
    return {f"cifar-100-python/{name}": content for name, content in files.items()}


def cifar100_binary(count: int = 200) -> dict[str, bytes]:
    """Return the files of cifar-100-binary.tar.gz, of the same pictures."""
    files = {"fine_label_names.txt": "".join(f"fine{k}\n" for k in range(100)).encode()}
    for k, name in enumerate(["train.bin", "test.bin"]):
        images, labels = pictures(count, 100, k)
        heads = np.stack([np.zeros(count, np.uint8), np.array(labels, np.uint8)], axis=1)
        files[name] = np.concatenate([heads, images], axis=1).tobytes()
    return {f"cifar-100-binary/{name}": content for name, content in files.items()}


def archive(path: Path, files: dict[str, bytes]) -> Path:
    """Write `files` as a compressed archive at `path` and return it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path
