"""The kind of the machine's processor."""

from pathlib import Path

import pytest

from fpga_flow.core import toolchain

X86 = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC 9654
cpu MHz\t\t: 2400.000
flags\t\t: fpu sse4_2 avx2 fma avx512f arat

processor\t: 1
flags\t\t: fpu
"""
ARM = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd sve
CPU implementer\t: 0x41
CPU part\t: 0xd40
"""


def version(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = folder / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr(toolchain, "CPU_INFO", path)
    return toolchain.processor().version


def test_processor_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert version(X86, tmp_path, monkeypatch).startswith("AMD EPYC 9654 (")


@pytest.mark.parametrize(
    ("old", "new"), [("2400.000", "3100.000"), ("arat", "arat ibpb"), ("processor\t: 1", "x")]
)
def test_speed_and_kernel_are_not_its_kind(
    old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert version(X86.replace(old, new), tmp_path, monkeypatch) == version(X86, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (X86, "avx512f", "avx512f avx512_bf16"),
        (X86, "model\t\t: 17", "model\t\t: 97"),
        (X86, "AuthenticAMD", "GenuineIntel"),
        (ARM, "sve", "sve bf16"),
        (ARM, "0xd40", "0xd4f"),
    ],
)
def test_instructions_and_model_are_its_kind(
    text: str, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert old in text
    assert version(text.replace(old, new), tmp_path, monkeypatch) != version(text, tmp_path, monkeypatch)


def test_without_linux_it_is_what_python_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(toolchain.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(toolchain.platform, "processor", lambda: "arm")
    assert toolchain.processor().version == "arm64 arm"
