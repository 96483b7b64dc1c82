"""The key under which a CI keeps the cache of compiled simulators and synthesised layers.

Every entry of that cache knows by itself what it was made of, so an old cache is never wrong. The key tells
when there may be new entries to keep.
"""

from pathlib import Path

from fpga_flow.core import artifact, toolchain
from fpga_flow.core.digests import code_digest, file_digest, recipe_digest
from fpga_flow.pipeline import flow

TOOLS = ("verilator", "g++", "yosys", "finn-plus")
"""What entries are made with."""
PARTS = ("board", "hardware")
"""Parts of the recipe that the RTL depends on, besides the network."""
PREFIX = "fpga-flow"
DIGITS = 16
"""Hexadecimal digits of a digest."""


def cache_key(run: flow.Run, network: Path) -> str:
    """Return the prefix, a digest of code and tools, and one of the network's file and its recipe.

    A CI that finds no cache of the whole key takes the latest one of the same beginning. Raises `ToolError`
    where a tool is missing.
    """
    made_with = artifact.digest_json([code_digest(folders=["fpga_flow"]), toolchain.versions(TOOLS)])
    made_of = artifact.digest_json([file_digest(network), recipe_digest(run.recipe, PARTS)])
    return "-".join([PREFIX, made_with[:DIGITS], made_of[:DIGITS]])
