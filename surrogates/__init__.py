"""Floor 3: predictors that learn from one task. Importing a module that needs torch imports torch, this does not.

* ``predictors``: values of architectures, one interface, a method per file (``trees``, ``gp``, ``bananas``, ...).
* ``curves``: final values from partial learning curves (``lc-pfn``, ``domhan``, ...).
* ``proxies``: scores of untrained networks (``naswot``, ``zen``, ``az-nas``, ...).
* ``gp``, ``nao``, ``nao_network``: models that optimizers build on, for many runs at once.
* ``acquisition``: expected improvement; ``batched``: layers for many independent networks.
* ``estimator``: scikit-learn's manners.
"""
