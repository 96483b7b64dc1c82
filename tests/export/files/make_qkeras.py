"""QKeras through the converter of qonnx, which 0.4.0 has and 1.0.0 no longer.

python3.11 -m venv V
V/bin/pip install tensorflow-cpu==2.15.1 qkeras==0.9.0 qonnx==0.4.0 tf2onnx==1.16.1 pyparsing
V/bin/python make_qkeras.py
"""

import os
from importlib.metadata import version

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import onnx
import tensorflow as tf
from exported import FOLDER, frames, save_outputs, training_frames
from qkeras import QActivation, QConv2D, QDense, quantized_bits, quantized_relu
from qonnx.converters.keras import from_keras
from tensorflow.keras.layers import BatchNormalization, Flatten, Input, MaxPooling2D

MADE_WITH = f"QKeras {version('qkeras')}, qonnx {version('qonnx')}, tf2onnx {version('tf2onnx')}"


def bits():
    return quantized_bits(4, 0, alpha=1)


def relu(name):
    return QActivation(quantized_relu(3, 1), name=name)


def dense(outputs, name, bias=False):
    biased = {"bias_quantizer": bits()} if bias else {"use_bias": False}
    return QDense(outputs, kernel_quantizer=bits(), name=name, **biased)


NETWORKS = {
    "dense": [QActivation(bits(), name="first"), dense(8, "fc1", True), relu("act1"), dense(5, "fc2")],
    "dense-relu": [relu("first"), dense(8, "fc1", True), relu("act1"), dense(5, "fc2")],
    "conv": [
        QActivation(bits(), name="first"),
        QConv2D(4, 3, kernel_quantizer=bits(), use_bias=False, name="conv"),
        BatchNormalization(name="norm"), relu("act1"), MaxPooling2D(2), Flatten(), dense(5, "fc"),
    ],
}  # fmt: skip


def main():
    for name, layers in NETWORKS.items():
        shape = (8, 8, 2) if name == "conv" else (8,)
        tf.keras.utils.set_random_seed(1)
        network = tf.keras.Sequential([Input(shape, name="x"), *layers])
        network.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        network.fit(*training_frames(shape), epochs=20, verbose=0)
        model, _ = from_keras(network, name)
        onnx.save(model, FOLDER / f"qkeras-{name}.onnx")
        save_outputs(f"qkeras-{name}", MADE_WITH, network(frames(shape)).numpy())


main()
