"""Our RTL backends for FINN's layers, a file each; importing this package registers them all with FINN."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
