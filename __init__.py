"""warmnas: neural architecture search that remembers what was measured on earlier tasks.

The rooms, each importing only from those before it: :mod:`warmnas.bench`, :mod:`warmnas.surrogates`,
:mod:`warmnas.transfer`, :mod:`warmnas.search`, :mod:`warmnas.cli`.
"""

__version__ = "0.1.0"
