"""How simulators are compiled, chosen by measuring (`tests/bench/bench_simulation.py`).

What pays is RTL that is simple to simulate: our core of the matrix unit doubles the speed of a VGG10 with
64 filters and halves its C++. All options together give 15 %. These do not pay:

- Verilator's threads: they meet several times in a cycle, which is 5 microseconds, and wait for each other
  busily. The stage `verify` gives every processor frames of its own instead.
- Profile-guided optimisation: 2 % for compiling twice. Link-time optimisation: 1 %, and nothing is cached.
- `-march=native`: a few per cent, and what is cached would be this processor's only.
- Leaving out the RTL's assertions: nothing, since those in the inner loops are cheap.
- `-Os`: a fifth slower, and hardly smaller. Larger functions: slower to compile.

Units are cached by their content, so networks share the objects of the runtime, and a network with other
weights all of them. Layers of two networks share none, even where they are equal: all layers are one piece of
C++, optimised across. Verilator's hierarchical mode would compile them apart; they would then talk through
calls and copies, in every cycle of each of some hundred layers.
"""

from dataclasses import dataclass
from typing import Literal

Effort = Literal["quick", "fast"]
COMMON = ("-std=gnu++17", "-fcf-protection=none", "-pthread", "-w")
"""g++ options of everything."""
UNITS = 4
"""Least units of hot code that a large design is grouped into."""
UNIT_BYTES = 3_000_000
"""Most hot code in a unit, about: g++ takes some hundred bytes of memory for each of it."""
SMALL_BYTES = 200_000
"""A design with less C++ than this is compiled in one unit."""
SPLIT = 20_000
"""Verilator's output-split: nodes of its tree per C++ file, about."""
SPLIT_FUNCTIONS = 1_000
"""The same per function: g++ takes more than linear time in them."""


@dataclass(frozen=True)
class Tuning:
    """Options of Verilator, the compiler and the linker."""

    hot: tuple[str, ...]
    """g++ options of code that runs every cycle."""
    cold: tuple[str, ...] = ("-O0",)
    """The same of code that runs once."""
    link: tuple[str, ...] = ()
    verilator: tuple[str, ...] = ()
    """Options beside those of every simulator."""
    split_functions: int = SPLIT_FUNCTIONS


TUNING: dict[Effort, Tuning] = {"quick": Tuning(hot=("-O1",)), "fast": Tuning(hot=("-O3",))}
