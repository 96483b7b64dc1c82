"""A layer alone in Verilator: integers in, integers out."""

from dataclasses import replace
from pathlib import Path

from fpga_flow.design.design import LayerRtl, Stream
from fpga_flow.sim.packing import Integers, pack, unpack
from fpga_flow.sim.simulator import Port, Simulator

IN, OUT = "in0_V", "out0_V"


class Simulated:
    """The simulated RTL of a layer with a stream in and a stream out."""

    def __init__(self, layer: LayerRtl, taken: Stream, folder: Path, cache: Path, log: Path) -> None:
        """Build (or take from `cache`) the simulator of `layer`, whose sources are in `folder`."""
        self.taken, self.given, self.folder = taken, layer.outputs[0], folder
        self.simulator = Simulator.build(
            layer.module,
            [folder / source for source in layer.sources],
            inputs=[_port(IN, taken)],
            outputs=[_port(OUT, self.given)],
            cache=cache,
            log=log,
        )

    def run(self, values: Integers, outputs: int, stall: float = 0.0) -> Integers:
        """Return (vectors, `outputs`) for `values` (vectors, inputs), which come back to back.

        With `stall` both sides rest with that chance in a cycle. Raises as `Simulator.run`.
        """
        words = outputs // self.given.lanes
        result = self.simulator.run(
            {IN: pack(values, self.taken)},
            {OUT: len(values) * words},
            stall_in=stall,
            stall_out=stall,
            folder=self.folder,
        )
        return unpack(result.outputs[OUT], replace(self.given, folded_shape=(words, self.given.lanes)))


def _port(name: str, stream: Stream) -> Port:
    return Port(name, stream.width, (f"{name}_TDATA", f"{name}_TVALID", f"{name}_TREADY"))
