"""One method per file: its paper, its definition, its recipe of parts. Importing this registers all, without torch."""

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(iter_modules(__path__), key=lambda found: found.name):
    import_module(f"{__name__}.{_module.name}")
