"""Our RTL backends for FINN's layers, a file each; importing this package registers them all with FINN."""

import importlib
import pkgutil

GRAPH = "hardware.onnx"
"""The file with a graph of layers, in the artifact of the stage `hardware`."""

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
