"""Compiles `kernels.cpp` for this processor and calls it on torch tensors.

Where no C++ compiler works, the same layers run as torch operations, several times slower.
"""

import ctypes
import functools
import hashlib
import math
import os
import subprocess
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from fpga_flow.core.errors import ToolError
from fpga_flow.core.kept import find_file, keep_file
from fpga_flow.core.progress import warn
from fpga_flow.core.toolchain import CPU_COUNT, SECONDS, Tool, compiler, processor

SOURCE = Path(__file__).with_name("kernels.cpp")
HEADERS = [
    Path(__file__).with_name(name)
    for name in ("conv_f32.h", "conv_bf16.h", "norm.h", "conv_planes.h", "norm_planes.h")
]
FLAGS = (
    "-std=c++20",
    "-O3",
    "-march=native",
    "-mprefer-vector-width=512",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp",
    "-shared",
    "-fPIC",
)
FRAMES_PER_CHUNK = 16
ROWS_PER_CHUNK = 4096
WORK_PER_THREAD = 2_000_000
"""Multiplications that are worth waking a thread for."""
KEPT_BYTES = 1 << 30
LANES = 16
"""Channel counts that the compiled layers take are multiples of this."""


def thread_limit() -> int:
    """Return how many threads training may take: all processors, or fewer where `OMP_NUM_THREADS` says so."""
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(CPU_COUNT, int(given)) if given.isdigit() and int(given) else CPU_COUNT


_folder = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "fpga_flow"


def set_cache(folder: Path) -> None:
    """Keep compiled kernels in `folder` from now on."""
    global _folder
    _folder = folder


class Kernels:
    """The compiled functions; all tensors are contiguous, float32 unless said otherwise."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        _keep_freed_memory()

    def call(self, name: str, *arguments: Tensor | int | float | None, work: int) -> None:
        """Run the function `name` of `kernels.cpp` on as many threads as `work` multiplications are worth."""
        converted: list[object] = []
        for argument in arguments:
            if isinstance(argument, Tensor):
                assert argument.is_contiguous()
                converted.append(ctypes.c_void_p(argument.data_ptr()))
            elif isinstance(argument, bool):
                converted.append(ctypes.c_int(argument))
            elif isinstance(argument, float):
                converted.append(ctypes.c_float(argument))
            elif argument is None:
                converted.append(ctypes.c_void_p(None))
            else:
                converted.append(ctypes.c_long(argument))
        threads = max(1, min(thread_limit(), work // WORK_PER_THREAD))
        getattr(self._library, name)(*converted, ctypes.c_int(threads))

    def conv_pool_forward(self, x: Tensor, w: Tensor, codes: bool) -> tuple[Tensor, Tensor]:
        """Convolve and max-pool by 2.

        x (N, L, C) float32 or int8, w (K, C, O) -> (N, L/2, O), and which of each two was larger (uint8).
        `codes` says that x and w are integers of at most 8 bits; the result is the same, but sooner there.
        """
        frames, length, channels = x.shape
        kernel, _, outputs = w.shape
        assert outputs % LANES == 0 and length % 2 == 0 and kernel % 2
        y = torch.empty(frames, length // 2, outputs)
        winner = torch.empty(y.shape, dtype=torch.uint8)
        kind = "i8" if x.dtype == torch.int8 else "f32"
        sizes = (frames, length, channels, outputs, kernel)
        self.call(f"conv_pool_forward_{kind}", x, w, y, winner, *sizes, codes, work=math.prod(sizes))
        return y, winner

    def conv_pool_backward(
        self, gradient: Tensor, winner: Tensor, x: Tensor, w: Tensor, codes: bool
    ) -> tuple[Tensor | None, Tensor]:
        """Return the gradients of x (None where x is int8: the network's input) and w.

        With `codes`, `gradient` may be rounded to bfloat16 before it is multiplied.
        """
        frames, length, channels = x.shape
        kernel, _, outputs = w.shape
        chunks = -(-frames // FRAMES_PER_CHUNK)
        dw = torch.empty(1 + chunks, kernel, channels, outputs)
        sizes = (frames, FRAMES_PER_CHUNK, length, channels, outputs, kernel)
        work = 2 * frames * length * w.numel()
        if x.dtype == torch.int8:
            self.call("conv_pool_backward_i8", gradient, winner, x, dw, *sizes, codes, work=work)
            return None, dw[0]
        flipped = w.flip(0).transpose(1, 2).contiguous()
        dx = torch.empty_like(x)
        self.call("conv_pool_backward_f32", gradient, winner, x, flipped, dx, dw, *sizes, codes, work=work)
        return dx, dw[0]

    def norm_sums(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sums of x and of its squares over all rows of x (rows, C), float64."""
        rows, channels = _whole_lanes(x)
        sums = torch.empty(2, channels, dtype=torch.float64)
        self.call("norm_sums", x, sums, rows, ROWS_PER_CHUNK, channels, work=16 * x.numel())
        return sums[0], sums[1]

    def norm_quant(self, x: Tensor, a: Tensor, b: Tensor, top: float, rounded: bool) -> Tensor:
        """Return clamp(a*x + b, 0, top), rounded where asked, of x (rows, C)."""
        y = torch.empty_like(x)
        rows, channels = _whole_lanes(x)
        self.call("norm_quant", x, a, b, y, rows, channels, float(top), rounded, work=16 * x.numel())
        return y

    def norm_gradient_sums(
        self, g: Tensor, x: Tensor, a: Tensor, b: Tensor, top: float
    ) -> tuple[Tensor, Tensor]:
        """Return the sums of g and g*x over the rows where 0 <= a*x + b <= top, float64 (C,)."""
        rows, channels = _whole_lanes(x)
        sums = torch.empty(2, channels, dtype=torch.float64)
        sizes = (rows, ROWS_PER_CHUNK, channels)
        self.call("norm_gradient_sums", g, x, a, b, sums, *sizes, float(top), work=16 * x.numel())
        return sums[0], sums[1]

    def norm_gradient(
        self, g: Tensor, x: Tensor, a: Tensor, b: Tensor, p: Tensor, q: Tensor, r: Tensor, top: float
    ) -> Tensor:
        """Return p*g + q*x + r, with g taken as 0 outside 0 <= a*x + b <= top."""
        dx = torch.empty_like(x)
        rows, channels = _whole_lanes(x)
        self.call("norm_gradient", g, x, a, b, p, q, r, dx, rows, channels, float(top), work=16 * x.numel())
        return dx


def _whole_lanes(x: Tensor) -> tuple[int, int]:
    rows, channels = x.shape
    assert channels % LANES == 0
    return rows, channels


def _keep_freed_memory() -> None:
    # Every step frees and asks again for the same few megabytes. By default glibc gives them back to the
    # system in between, and a quarter of the time goes into page faults. Other C libraries lack the call.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3
        mallopt(trim_threshold, KEPT_BYTES)
        mallopt(mmap_threshold, KEPT_BYTES)


def kernels() -> Kernels | None:
    """Return the compiled kernels, or None (said to the user) where they cannot be had."""
    return _kernels_in(_folder)


@functools.cache
def _kernels_in(folder: Path) -> Kernels | None:
    try:
        return Kernels(_library_in(folder))
    except (ToolError, OSError) as error:
        warn(f"training with plain torch operations, several times slower: {error}")
        return None


_libraries: dict[str, Path] = {}
"""Those that this process has loaded, by their keys."""


def _library_in(folder: Path) -> Path:
    """Return the compiled library in `folder`; it is compiled there unless it, or one like it, is at hand."""
    tool = compiler()
    digest = hashlib.sha256()
    for text in (" ".join(FLAGS), tool.version, processor().version):
        digest.update(text.encode() + b"\0")
    for path in (SOURCE, *HEADERS):
        digest.update(path.read_bytes() + b"\0")
    key = f"kernels-{digest.hexdigest()[:16]}"
    library = find_file(folder, key, ".so")
    if library is None and key in _libraries and _libraries[key].is_file():
        library = keep_file(_libraries[key], folder, key, ".so")
    if library is None:
        with tempfile.TemporaryDirectory(prefix="fpga_flow_kernels_") as scratch:
            made = Path(scratch) / "kernels.so"
            _compile(tool, made)
            _check(tool, made)
            library = keep_file(made, folder, key, ".so")
    _libraries[key] = library
    return library


def _compile(tool: Tool, library: Path) -> None:
    command = [*tool.command, *FLAGS, str(SOURCE), "-o", str(library)]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ToolError(
            f"{tool.name} was stopped after {SECONDS:g} s without an end on {SOURCE.name}"
        ) from None
    if result.returncode:
        raise ToolError(f"{tool.name} cannot compile {SOURCE.name}: {result.stderr.strip()[:300]}")


def _check(tool: Tool, library: Path) -> None:
    """Raise `ToolError` where what the compiler called a library cannot be loaded, or does not calculate."""
    try:
        right = Kernels(library).norm_sums(torch.ones(2, LANES))[0].tolist() == [2.0] * LANES
    except (OSError, AttributeError) as error:
        raise ToolError(f"{tool.name} wrote a library that cannot be loaded: {error}") from None
    if not right:
        raise ToolError(f"{tool.name} wrote a library that does not calculate")
