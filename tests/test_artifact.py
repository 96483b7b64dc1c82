import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError


def depends(word: str) -> dict[str, Any]:
    """What an artifact depends on, another thing for each `word`."""
    return {"inputs": {}, "recipe": word, "board": None, "files": {}, "tools": {}, "code": "c"}


def digest(word: str) -> str:
    return artifact.digest_json(depends(word))


class Text(BaseModel):
    """A stage's result."""

    text: str


def make(final: Path, word: str, text: str) -> artifact.Manifest:
    partial = artifact.open_partial(final, digest(word))
    (partial / "weights.txt").write_text(text)
    return artifact.finish(partial, final, Text(text=text), depends=depends(word), seconds=1.0)


def test_finished_artifact_has_result_and_manifest(tmp_path: Path) -> None:
    made = make(tmp_path / "train", "d1", "one")
    assert artifact.read_manifest(tmp_path / "train") == made
    assert artifact.read_result(tmp_path / "train") == {"text": "one"}
    assert [p.name for p in tmp_path.iterdir()] == ["train"]


def test_content_digest_ignores_log_and_follows_files(tmp_path: Path) -> None:
    first = make(tmp_path / "a" / "train", "d", "one")
    partial = artifact.open_partial(tmp_path / "b" / "train", "d")
    (partial / "weights.txt").write_text("one")
    (partial / artifact.LOG).write_text("it was late")
    second = artifact.finish(
        partial, tmp_path / "b" / "train", Text(text="one"), depends=depends("d"), seconds=1.0
    )
    assert first.content == second.content
    assert make(tmp_path / "c" / "train", "d", "two").content != first.content


def test_content_digest_counts_a_log_in_a_subfolder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    before = artifact.digest_content(tmp_path)
    (tmp_path / "sub" / artifact.LOG).write_text("x")
    assert artifact.digest_content(tmp_path) != before


def test_speeds_and_logs_of_tools_are_no_content(tmp_path: Path) -> None:
    before = artifact.digest_content(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "verilator.log").write_text("in /tmp/1234, 3 s")
    artifact.write_json(tmp_path / artifact.EFFORT, {"cycles_per_second": 1234.5})
    assert artifact.digest_content(tmp_path) == before
    assert artifact.read_effort(tmp_path) == {"cycles_per_second": 1234.5}
    assert artifact.read_effort(tmp_path / "sub") == {}


def test_partial_of_same_digest_is_found_again(tmp_path: Path) -> None:
    partial = artifact.open_partial(tmp_path / "train", "d1")
    (partial / "epoch3.npz").write_text("state")
    assert (artifact.open_partial(tmp_path / "train", "d1") / "epoch3.npz").read_text() == "state"


def test_partial_of_other_digest_is_emptied(tmp_path: Path) -> None:
    partial = artifact.open_partial(tmp_path / "train", "d1")
    (partial / "epoch3.npz").write_text("state")
    assert not (artifact.open_partial(tmp_path / "train", "d2") / "epoch3.npz").exists()


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("survivors", range(6))
def test_kill_at_any_step_of_finish_leaves_a_whole_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survivors: int
) -> None:
    """`finish` is killed after `survivors` renames and removals: the old or the new artifact stands."""
    final = tmp_path / "train"
    make(final, "d1", "old")
    partial = artifact.open_partial(final, digest("d2"))
    (partial / "weights.txt").write_text("new")
    left = survivors

    def counted(real):  # type: ignore[no-untyped-def]
        def step(*args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(artifact.os, "replace", counted(os.replace))
        patch.setattr(artifact.shutil, "rmtree", counted(artifact.shutil.rmtree))
        patch.setattr(Path, "replace", counted(Path.replace))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        with contextlib.suppress(Killed):
            artifact.finish(partial, final, Text(text="new"), depends=depends("d2"), seconds=1.0)
    artifact.recover(final)
    standing = artifact.read_manifest(final)
    assert standing is not None
    text = {digest("d1"): "old", digest("d2"): "new"}[standing.digest]
    assert (final / "weights.txt").read_text() == text
    assert artifact.read_result(final) == {"text": text}
    assert artifact.digest_content(final) == standing.files
    assert artifact.damage(final) is None
    assert not (tmp_path / "train.old").exists()


def test_recover_puts_a_finished_partial_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = tmp_path / "train"
    partial = artifact.open_partial(final, "d1")
    with monkeypatch.context() as patch:
        patch.setattr(artifact, "_put_in_place", lambda *_: None)
        artifact.finish(partial, final, Text(text=""), depends=depends("d1"), seconds=1.0)
    assert not final.exists()
    artifact.recover(final)
    assert artifact.read_manifest(final)
    assert not (final / artifact.DIGEST).exists()


def test_interrupted_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    artifact.write_json(path, 1)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        artifact.write_json(path, 2)
    assert artifact.read_json(path) == 1


def test_broken_manifest_is_none(tmp_path: Path) -> None:
    assert artifact.read_manifest(tmp_path) is None
    for text in ("", "{}", "[1]", '{"stage": "train"}'):
        (tmp_path / artifact.MANIFEST).write_text(text)
        assert artifact.read_manifest(tmp_path) is None


def test_wrong_json_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with pytest.raises(InputError, match=f"^{path}: no such file$"):
        artifact.read_json(path)
    path.write_text("{")
    with pytest.raises(InputError, match=f"^{path}: Expecting property name"):
        artifact.read_json(path)
    path.write_text("[]")
    with pytest.raises(InputError, match=f"^{path}: must be a JSON object, not list$"):
        artifact.read_result(tmp_path)
