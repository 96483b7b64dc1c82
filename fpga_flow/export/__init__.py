"""Export: a trained network becomes integers, exactly.

From here on everything is integers and bit-exact. `reader` brings QONNX files up to date (`rewrite` what
needs no integers), `walk` turns one into an `IntegerNetwork`, one operator after the other by `readers`,
and `logits` ends it. It is written twice: by `network` for FINN (with thresholds) and by `golden` for
onnxruntime (with arithmetic), and the two must agree, with each other and with the float network.
"""
