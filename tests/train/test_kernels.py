"""The compiled layers equal torch's own operations, values and gradients."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fpga_flow.core.errors import ToolError
from fpga_flow.train import kernels as library
from fpga_flow.train.fast import NormQuant
from fpga_flow.train.kernels import kernels, thread_limit


def integers(low: int, high: int, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(seed)).float()


@settings(deadline=None, max_examples=30)
@given(
    frames=st.integers(1, 40),
    half=st.integers(1, 20),
    channels=st.sampled_from([16, 32, 48]),
    outputs=st.sampled_from([16, 32, 48, 64]),
    kernel=st.sampled_from([1, 3, 5]),
    seed=st.integers(0, 1000),
    codes=st.booleans(),
)
def test_conv_pool_equals_torch(
    frames: int, half: int, channels: int, outputs: int, kernel: int, seed: int, codes: bool
) -> None:
    compiled = kernels()
    assert compiled is not None
    x = integers(0, 16, (frames, 2 * half, channels), seed).requires_grad_()
    w = integers(-7, 8, (kernel, channels, outputs), seed + 1).requires_grad_()
    y = F.conv1d(x.transpose(1, 2), w.permute(2, 1, 0), padding=kernel // 2)
    y = F.max_pool1d(y, 2).transpose(1, 2)
    g = integers(-3, 4, tuple(y.shape), seed + 2)
    y.backward(g)
    found, winner = compiled.conv_pool_forward(x.detach(), w.detach(), codes)
    dx, dw = compiled.conv_pool_backward(g, winner, x.detach(), w.detach(), codes)
    # All sums are integers that float32 holds and the gradients fit bfloat16, so there is no tolerance.
    assert torch.equal(found, y)
    assert dx is not None and x.grad is not None and w.grad is not None
    assert torch.equal(dx, x.grad)
    assert torch.equal(dw, w.grad)


@pytest.mark.parametrize("small", [False, True])
def test_conv_pool_of_input_codes_equals_torch(small: bool) -> None:
    compiled = kernels()
    assert compiled is not None
    x = integers(-128, 128, (33, 24, 2), 1)
    w = integers(-7, 8, (3, 2, 16), 2).requires_grad_()
    y = F.max_pool1d(F.conv1d(x.transpose(1, 2), w.permute(2, 1, 0), padding=1), 2).transpose(1, 2)
    g = integers(-3, 4, tuple(y.shape), 3)
    y.backward(g)
    codes = x.to(torch.int8)
    found, winner = compiled.conv_pool_forward(codes, w.detach(), small)
    dx, dw = compiled.conv_pool_backward(g, winner, codes, w.detach(), small)
    assert torch.equal(found, y)
    assert dx is None
    assert w.grad is not None and torch.equal(dw, w.grad)


def test_norm_quant_without_rounding_is_batch_norm_and_clamp() -> None:
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(9000, 16, generator=generator) * 50 + 20).requires_grad_()
    gamma = (torch.rand(16, generator=generator) + 0.5).requires_grad_()
    beta = torch.randn(16, generator=generator).requires_grad_()
    scale, act_scale, top = 2.0**-5, 0.25, 15.0
    y, mean, var = NormQuant.apply(x, gamma, beta, scale, act_scale, top, False)  # type: ignore[no-untyped-call]
    g = torch.randn(y.shape, generator=generator)
    y.backward(g)
    found = [t.grad.clone() for t in (x, gamma, beta) if t.grad is not None]
    for t in (x, gamma, beta):
        t.grad = None
    wide = x.double() * scale
    normal = F.batch_norm(wide, None, None, gamma.double(), beta.double(), True, 0.0, 1e-5)
    expected = (normal / act_scale).clamp(0, top)
    expected.backward(g.double())
    torch.testing.assert_close(y.double(), expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(mean.double(), x.double().mean(0), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(var.double(), x.double().var(0, unbiased=False), rtol=1e-4, atol=1e-4)
    for value, tensor in zip(found, (x, gamma, beta), strict=True):
        assert tensor.grad is not None
        torch.testing.assert_close(value, tensor.grad, rtol=1e-3, atol=1e-3)


def test_norm_quant_rounds_half_to_even() -> None:
    compiled = kernels()
    assert compiled is not None
    x = torch.tensor([[-1.0], [0.5], [1.5], [2.5], [99.0]]).repeat(1, 16)
    y = compiled.norm_quant(x, torch.ones(16), torch.zeros(16), 15.0, True)
    assert y[:, 7].tolist() == [0, 0, 2, 2, 15]
    y = compiled.norm_quant(x, torch.ones(16), torch.zeros(16), 15.0, False)
    assert y[:, 7].tolist() == [0, 0.5, 1.5, 2.5, 15]


@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_do_not_depend_on_the_number_of_threads(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = kernels()
    assert compiled is not None
    x = torch.randn(70, 32, 16, generator=torch.Generator().manual_seed(4))
    w = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(5))
    g = torch.randn(70, 16, 16, generator=torch.Generator().manual_seed(6))
    _, winner = compiled.conv_pool_forward(x, w, False)
    monkeypatch.setattr("fpga_flow.train.kernels.WORK_PER_THREAD", 1)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("fpga_flow.train.kernels.CPU_COUNT", 3)
    _, expected = compiled.conv_pool_backward(g, winner, x, w, False)
    monkeypatch.setattr("fpga_flow.train.kernels.CPU_COUNT", threads)
    _, found = compiled.conv_pool_backward(g, winner, x, w, False)
    assert torch.equal(found, expected)


def test_a_folder_set_later_gets_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_folder", library._folder)  # as it was, after the test
    assert kernels() is not None
    monkeypatch.setattr(library, "_compile", lambda *_: pytest.fail("compiled again"))
    library.set_cache(tmp_path / "cache")
    x = torch.ones(2, 16)
    compiled = kernels()
    assert compiled is not None
    assert compiled.norm_sums(x)[0].tolist() == [2.0] * 16
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".so"]


def test_a_damaged_library_is_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = library._library_in(library._folder)
    (tmp_path / path.name).write_bytes(b"garbage")
    monkeypatch.setattr(library, "_libraries", {})
    compiled: list[Path] = []
    monkeypatch.setattr(library, "_compile", lambda _, made: compiled.append(shutil.copyfile(path, made)))
    assert library._library_in(tmp_path).read_bytes() == path.read_bytes()
    assert len(compiled) == 1


def test_a_compiler_that_wrote_garbage_once_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library._library_in(library._folder)
    monkeypatch.setattr(library, "_libraries", {})
    monkeypatch.setattr(library, "_compile", lambda _, made: made.write_bytes(b"garbage"))
    with pytest.raises(ToolError, match=r"^g\+\+ wrote a library that cannot be loaded: "):
        library._library_in(tmp_path)
    monkeypatch.setattr(library, "_compile", lambda _, made: shutil.copyfile(path, made))
    assert library._library_in(tmp_path).is_file()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_folder", library._folder)
    said: list[str] = []
    monkeypatch.setattr(library, "warn", said.append)
    (tmp_path / "file").touch()
    library.set_cache(tmp_path / "file")
    assert kernels() is None
    assert "several times slower" in said[0]


def test_wrong_compiler_is_said_and_torch_takes_over() -> None:
    program = (
        "import torch; from fpga_flow.train.fast import conv_pool, kernels;"
        "x, w = torch.ones(1, 4, 16), torch.ones(3, 16, 16);"
        "assert kernels() is None; print(conv_pool(x, w, 2, True)[0, :, 0])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "CXX": "no-such-compiler"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "several times slower" in result.stderr and "no-such-compiler" in result.stderr
    assert result.stdout.strip() == "tensor([48., 48.])"


@pytest.mark.parametrize(("given", "limit"), [("1", 1), ("2,4", 2), ("9", 4), ("", 4), ("0", 4), ("many", 4)])
def test_openmp_variable_limits_the_threads(given: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.train.kernels.CPU_COUNT", 4)
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert thread_limit() == limit
