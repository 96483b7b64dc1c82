"""Writes vectors.npz: frames, and what onnxruntime gives for them with net.onnx."""

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("net.onnx")
(source,) = session.get_inputs()
x = np.random.default_rng(1).normal(size=(24, 16)).astype(np.float32)
out = np.concatenate([session.run(None, {source.name: frame[None]})[0] for frame in x])
np.savez_compressed("vectors.npz", x=x, out=out)
