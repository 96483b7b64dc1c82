"""HGQ2, which has no exporter to QONNX of its own, through Keras' ONNX export.

python3.11 -m venv V && V/bin/pip install hgq2==0.2.0 torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2
V/bin/python make_hgq2.py
"""

import os
from importlib.metadata import version

os.environ["KERAS_BACKEND"] = "torch"

import keras
from exported import FOLDER, frames, save_outputs, training_frames
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.layers import QDense

MADE_WITH = f"HGQ2 {version('hgq2')}, Keras {version('keras')}, torch {version('torch').partition('+')[0]}"


def main():
    keras.utils.set_random_seed(1)
    rounding = {"round_mode": "RND_CONV", "overflow_mode": "SAT", "heterogeneous_axis": ()}
    with (
        QuantizerConfigScope(place=("weight", "bias"), default_q_type="kbi", b0=4, i0=0, **rounding),
        QuantizerConfigScope(place="datalane", default_q_type="kif", i0=0, f0=3, **rounding),
        LayerConfigScope(enable_ebops=False),
    ):
        network = keras.Sequential([keras.Input((8,)), QDense(5, name="fc")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss, jit_compile=False)
    network.fit(*training_frames((8,)), epochs=5, verbose=0)
    save_outputs("hgq2-dense", MADE_WITH, keras.ops.convert_to_numpy(network(frames((8,)))))
    network.export(str(FOLDER / "hgq2-dense.onnx"), format="onnx")


main()
