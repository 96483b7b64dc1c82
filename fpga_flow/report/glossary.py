"""The words of the page that not everyone knows."""

TERMS = {
    "BRAM18": "Block RAM of 18 Kibit, a memory of the FPGA.",
    "bit operations": "Multiplications with a weight that is not zero, each times the bits of weight and "
    "activation.",
    "bottleneck": "The layer that takes most cycles for a frame; it sets the frames per second of the whole.",
    "built as": "The implementation of a layer: adders for its constant weights (constant), only the weights "
    "that are not zero one after another (sparse), or lanes that multiply.",
    "cycle": "One tick of the accelerator's clock; at 100 MHz 10 ns.",
    "DSP": "Slice of the FPGA that multiplies and adds.",
    "FF": "Flip-flop: holds one bit from one cycle to the next.",
    "FIFO": "Buffer between two layers, first in, first out; its depth is in words of the stream.",
    "folding": "How much of a layer is computed at once: PE outputs of SIMD inputs each. Less of it takes "
    "less area and more cycles.",
    "frame": "One input of the network: one signal, one image.",
    "golden": "The network in integers, run by onnxruntime: what the hardware must give, bit for bit.",
    "II": "Initiation interval: cycles from the start of one frame to that of the next; cycles per frame.",
    "lane use": "Of the products that a layer's lanes have time for in its own cycles of a frame, the share "
    "whose weight is not zero; a layer of adders has no lanes.",
    "latency": "From the first word of a frame in to its last word out.",
    "logic, ns": "The longest path of a layer in its logic alone, without wires.",
    "LUT": "Look-up table: the FPGA's piece of logic, here with six inputs.",
    "MACs": "Multiplications, each with an addition.",
    "n": "The number of frames an accuracy was measured on. Accuracies of different frames differ by chance.",
    "PE": "Processing elements: outputs of a layer that are computed at once.",
    "RTL": "The hardware as Verilog. A layer's is proved right for every input that can come, or its numbers "
    "were compared with onnxruntime's on the frames that were simulated layer by layer.",
    "score": "Cost score of the ITU challenge, from bit operations and weight bits; less is better.",
    "SIMD": "Inputs of a layer that each processing element takes at once.",
    "SNR": "Signal-to-noise ratio of a frame, in dB.",
    "stalls": "Cycles, chosen at random, in which the simulation holds words back at input or output.",
    "stream": "The words that one layer sends to the next, at most one a cycle.",
    "width": "Converter between two streams whose words differ in bits.",
}
"""By term: the head of a column, or a word that the page uses."""
