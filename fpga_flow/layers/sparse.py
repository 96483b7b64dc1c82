"""Product of a constant matrix with each vector at the cost of its nonzero weights (`hdl/df_sparse_matrix.sv`).

A third way to build the layers of the kind in `matrix.py`: it is a folding over lists, with so many lanes.
"""

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn import constants
from fpga_flow.finn.backend import replaces
from fpga_flow.finn.datatypes import range_of, smallest
from fpga_flow.finn.weights import RAM_STYLES, Kind, Weighted
from fpga_flow.layers.base import Attributes, Counts, Folding, Timing, Weights, divisors, fold
from fpga_flow.layers.schedules import Pattern, Schedule
from fpga_flow.layers.sparse_lists import address_bits, compile_lists, cycles, part_range, steps, work
from fpga_flow.target.families import family_of
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, bram18_of, memory
from fpga_flow.target.resources import Resources

SPARSE = "SparseMatrixVector_rtl"
"""Its operator."""
MOST_LANES = 128
"""Beyond, a matrix as logic takes less."""
SHARES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)
"""Lanes that may have the rows of a position among them."""
MOST_BITS = 8
"""Of an operand."""
DSP_BITS = 9
"""Of both operands together, from which Yosys takes a DSP for a product on every family here."""
BLOCK_IN_LUTS = 190
"""LUTs that a block RAM is worth, as the xc7z020 has them: 53,200 to 280."""


@replaces(None)
class SparseMatrixVector_rtl(Weighted, MVAU):  # type: ignore[misc]
    """FINN's `MVAU` with `df_sparse_matrix` for a body."""

    modules = ("df_sequence.sv", "df_sparse_product.sv", "df_sparse_lane.sv", "df_sparse_matrix.sv")

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of FINN's layer, of an RTL backend, and those of the lists."""
        return {
            **MVAU.get_nodeattr_types(self),
            **RTLBackend.get_nodeattr_types(self),
            "Lanes": ("i", False, 1),
            "nonzero": ("s", False, ""),
        }

    def computes(self) -> bool:
        """See `OwnRtl.computes`."""
        return True

    def get_exp_cycles(self) -> int:
        """Return the cycles per frame, exactly."""
        return counts({name: self.get_nodeattr(name) for name in self.get_nodeattr_types()})[0]

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """See `OwnRtl.generate_hdl`; where the lists stand depends on the part."""
        self._family = family_of(fpgapart)
        super().generate_hdl(model, fpgapart, clk)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the lists."""
        get, node = self.get_nodeattr, self.onnx_node
        weights = self.integer_weights(model).T
        rows, columns = weights.shape
        simd, pe, lanes = (int(get(name)) for name in ("SIMD", "PE", "Lanes"))
        if columns % simd or rows % pe or lanes % (simd * pe) or get("TH") != 1:
            raise UnsupportedError(
                node.name,
                f"SIMD={simd} PE={pe} Lanes={lanes} TH={get('TH')}",
                f"use a divisor of {columns}, one of {rows}, a multiple of both together, and 1",
            )
        self.check(weights.T)
        act, weight = self.coded(self.kinds(model)[0]), self.coded(self.kinds(model)[1])
        lists = compile_lists(weights, simd, pe, lanes)
        words, share = columns // simd, lanes // (simd * pe)
        entries = lists.entries(address_bits(words), weight.bits)
        order = lists.order(address_bits(share))
        entry_bits = 1 + weight.bits + address_bits(words)
        files = {
            "ListFile": ("lists", entries, entry_bits, lanes),
            "OrderFile": ("order", order, address_bits(lists.places) + address_bits(share), pe * simd),
        }
        parameters: dict[str, object] = {}
        for parameter, (name, values, bits, count) in files.items():
            file = f"{self.get_verilog_top_module_name()}_{name}.dat"
            constants.write(values.reshape(-1), bits, count, folder / file)
            parameters[parameter] = f'"./{file}"'
        block = lists_in_block(self._family, get("ram_style"), lanes * entry_bits, lists.steps)
        return "df_sparse_matrix", {
            "MW": columns,
            "MH": rows,
            "SIMD": simd,
            "PE": pe,
            "Lanes": lanes,
            "Steps": lists.steps,
            "Places": lists.places,
            "ActWidth": act.bits,
            "ActSigned": int(act.signed),
            "WeightWidth": weight.bits,
            "WeightSigned": int(weight.signed),
            "InLuts": int(get("resType") == "lut"),
            "SumWidth": self.sum_bits(weights, act.signed or weight.signed),
            "OutWidth": self.get_output_datatype().bitwidth(),
            "RamStyle": '"block"' if block else '"distributed"',
            **parameters,
        }

    @staticmethod
    def coded(kind: Kind) -> Kind:
        """Return how the module has an operand of `kind`: -1 and 1 in two bits."""
        return Kind(2, True, False) if kind.bipolar else kind

    def sum_bits(self, weights: NDArray[np.int64], signed: bool) -> int:
        """Return the bits of a lane's sums for `weights` (MH, MW)."""
        low, high = part_range(weights, int(self.get_nodeattr("SIMD")), *range_of(self.get_input_datatype(0)))
        return max(high, -low - 1, 0).bit_length() + signed or 1

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python; two BIPOLAR operands are multiplied."""
        node = self.onnx_node
        vectors = context[node.input[0]].reshape(self.get_normal_input_shape())
        products = np.matmul(vectors.astype(np.int64), context[node.input[1]].astype(np.int64))
        context[node.output[0]] = products.reshape(self.get_normal_output_shape()).astype(np.float32)


def suits(layer: Any) -> bool:
    """Return whether the module takes the layer: operands of at most eight bits, and no counting of equal ones."""
    small = all(layer.get_input_datatype(i).bitwidth() <= MOST_BITS for i in (0, 1))
    return bool(small and not layer.get_nodeattr("binaryXnorMode"))


def has_dsps(layer: Any) -> bool:
    """Return whether products in DSPs are another matter: smaller ones Yosys leaves to LUTs."""
    return suits(layer) and sum(layer.get_input_datatype(i).bitwidth() for i in (0, 1)) >= DSP_BITS


def derives(weights: Weights) -> Mapping[str, Any]:
    """Return which of `weights` (MW, MH) are not zero: rows of the matrix, a bit each, as hexadecimal digits."""
    if weights is None:
        raise ValueError("a matrix unit needs constant weights")
    return {"nonzero": np.packbits(weights.T != 0).tobytes().hex()}


@functools.lru_cache(maxsize=64)
def _nonzero(digits: str, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return (MH, MW) what `derives` wrote; all of them where it has not."""
    if not digits:
        return np.ones((rows, columns), np.bool_)
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=rows * columns)
    return bits.reshape(rows, columns).astype(np.bool_)


@functools.lru_cache(maxsize=4096)
def _walk(digits: str, rows: int, columns: int, simd: int, pe: int, lanes: int) -> tuple[int, int]:
    """Return the steps, and the cycles, of a vector."""
    units = work(_nonzero(digits, rows, columns), simd)
    return steps(units, pe, lanes), cycles(units, columns // simd, pe, lanes)


def _walk_of(a: Attributes) -> tuple[int, int]:
    return _walk(a["nonzero"], a["MH"], a["MW"], a["SIMD"], a["PE"], a["Lanes"])


def counts(a: Attributes) -> Counts:
    """See `LayerKind.counts`."""
    return _walk_of(a)[1] * math.prod(a["numInputVectors"]), (a["SIMD"],), (a["PE"],)


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings over outputs (PE), inputs (SIMD) and lists (Lanes).

    Left out is where words in or out take half as long again as the lists: fewer lanes do there.
    """
    get = layer.get_nodeattr
    rows, columns = get("MH"), get("MW")
    weights = int(_nonzero(get("nonzero"), rows, columns).sum())
    found = []
    for pe in divisors(rows):
        for simd in divisors(columns):
            words = max(rows // pe, columns // simd)
            for share in SHARES:
                lanes = pe * simd * share
                fits = lanes <= MOST_LANES and share <= rows // pe
                if lanes == 1 or (fits and (share == 1 or 2 * words * lanes <= 3 * weights)):
                    found.append(fold(PE=pe, SIMD=simd, Lanes=lanes))
    return found


def adder_stages(simd: int) -> int:
    """Return the registers in which the parts of a row are added, four at a time."""
    return 0 if simd == 1 else 1 + adder_stages(-(-simd // 4))


INNER = 3
"""Registers between the end of a step in the lists and its sum in a lane's memory, and one to count them."""


def timing(a: Attributes, cycles: int) -> Timing:
    """See `Implementation.timing`: a vector is there before it is walked."""
    walk = _walk_of(a)[0]
    depth = INNER + 2 + adder_stages(a["SIMD"])
    return Timing(cycles, 1 / math.prod(a["numInputVectors"]), walk, depth, walk + depth + a["MH"] // a["PE"] - 1)


def schedule(layer: Any) -> Schedule:
    """`df_sparse_matrix.sv`: words in, steps, words out, and the registers behind."""
    get = layer.get_nodeattr
    a = {name: get(name) for name in ("nonzero", "MH", "MW", "SIMD", "PE", "Lanes")}
    simd = a["SIMD"]
    return Schedule(
        Pattern.LISTS, (a["MW"] // simd, _walk_of(a)[0], a["MH"] // a["PE"], adder_stages(simd))
    )


def lists_in_block(family: Family, style: str, width: int, length: int) -> bool:
    """Return whether lists of `length` words of `width` bits stand in block RAM; `style` is FINN's `ram_style`."""
    if RAM_STYLES[style] != "auto":
        return RAM_STYLES[style] == "block"
    return BLOCK_IN_LUTS * int(bram18_of(family, width, length)) < _rom_luts(family, width, length)


def _rom_luts(family: Family, width: int, length: int) -> int:
    """Return the LUTs of a constant memory: four of them have multiplexers of their own."""
    luts = math.ceil(length / family.lut_memory.rom_bits)
    return width * (luts + math.ceil((math.ceil(luts / 4) - 1) / 3))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    rows, columns, simd, pe, lanes = (int(a[name]) for name in ("MH", "MW", "SIMD", "PE", "Lanes"))
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    w, x = max(w, 2) if a["weightDataType"] == "BIPOLAR" else w, max(x, 2) if a["inputDataType"] == "BIPOLAR" else x
    words, results, share = columns // simd, rows // pe, lanes // (simd * pe)
    length = _walk_of(a)[0]
    width = lanes * (1 + w + address_bits(words))
    if lists_in_block(family, a["ram_style"], width, length):
        lists = Resources(bram18=int(bram18_of(family, width, length)))
    else:
        lists = Resources(lut=_rom_luts(family, width, length), ff=width)
    places = math.ceil(results / share)
    sums = max(1, out - math.ceil(math.log2(simd) / 2))  # of a part of a row
    source = pe * simd * (address_bits(places) + (address_bits(share) if share > 1 else 0))
    order = Resources(lut=_rom_luts(family, source, results), ff=source)
    copies = _vectors(family, x, 2 * words, pe * share).times(simd)
    lane = _lane(family, a, w, x, sums, places)
    gathered = pe * simd * sums * math.ceil((share - 1) / 3)
    added = pe * (simd - 1) * out
    output = Resources(lut=gathered + added, ff=pe * simd * sums + pe * out * math.ceil(simd / 3) * (simd > 1))
    control = Resources(lut=45, ff=40)
    return lists + order + copies + lane.times(lanes) + output + control


def _vectors(family: Family, bits: int, depth: int, readers: int) -> Resources:
    """Return the copies of a position of `depth` words that `readers` lanes share three at a time."""
    luts = family.lut_memory
    tall = math.ceil(depth / (2 * luts.words))
    three = luts.luts * (math.ceil(bits / 2) if depth <= luts.words else bits * tall)
    one = memory(family, bits, depth, writable=True).lut if depth <= luts.words else (
        luts.luts * math.ceil(2 * bits / luts.bits) * tall
    )
    alone = readers % 3
    select = readers * bits * math.ceil((tall - 1) / 3)
    return Resources(lut=readers // 3 * three + min(alone * one, three if alone else 0) + select, ff=readers * bits)


def _lane(family: Family, a: Attributes, w: int, x: int, sums: int, places: int) -> Resources:
    """Return a lane without its list: product, sum and the memory of its sums."""
    if a["resType"] == "lut":
        product = Resources(lut=_product_luts(min(w, x), max(w, x)))
    else:
        product = Resources(dsp=1)
    store = memory(family, sums, 2 * places, writable=True)
    counter = address_bits(places) + 2
    return product + store + Resources(lut=sums + counter, ff=2 + x + 2 * w + (w + x) + sums + counter)


def _product_luts(narrow: int, wide: int) -> int:
    """Return the LUTs of `df_sparse_product.sv`: a table for each piece of the narrower operand, and their sums."""
    if wide <= 3:
        return narrow + wide
    pieces = math.ceil(narrow / 2)
    partial = wide + min(narrow, 2)
    return pieces * (partial if wide <= 4 else 2 * partial) + (pieces - 1) * partial
