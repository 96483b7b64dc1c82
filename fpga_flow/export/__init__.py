"""Export: a trained network becomes integers, exactly.

From here on everything is integers and bit-exact. `reader` brings QONNX files up to date,
`walk` turns one into an `IntegerNetwork`, which is written twice: by `network` for FINN (with
thresholds) and by `golden` for onnxruntime (with arithmetic), and the two must agree.
"""
