"""Floor 2: image tasks, the training recipe, the store of experiments and what fills it.

* ``tasks``: built-in image sets, an ``.npz``, a folder per class, and subsets of their classes.
* ``training``: the recipe, and the trainers of one network or a stack of them.
* ``experiments``: plans, the store, the generator that fills it, and its export to a table.
* ``plans``: plans that come with warmnas, as TOML files.
* ``descriptors``: what a task is like, from its training images alone.
* ``shipped``: the tables in ``data`` that come with warmnas; ``quality``: what such a table is worth.

Only what trains imports torch.
"""
