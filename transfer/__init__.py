"""Floor 4: predictors that learn from several tasks. No benchmark's or task's name occurs here.

* ``pooling``: source tasks as all of these read them, checked.
* ``source_ranking``: the mean rank on the sources, which learns nothing; the rival of all others.
* ``xfernas``: a network of all tasks and a residual per task; ``rgpe``: an ensemble of Gaussian processes;
  ``copula``: quantiles; ``deep_kernel``: a meta-learned kernel.
* ``warm``: the project's own warm start, with its guard.
* ``rapidnas``: architectures for a data set, from its images; ``lcranknet``: an order of partial learning curves.
"""
