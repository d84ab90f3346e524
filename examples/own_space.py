"""A search space of your own: width and depth of a multilayer perceptron, and a search over real evaluations of it.

``python examples/own_space.py``
"""

import numpy as np

from warmnas.bench import SPACES, CategoricalSpace, space


class PerceptronSpace(CategoricalSpace):
    """Three columns of choices. Sampling, mutation, neighbours, strings and encodings come with them."""

    name = "perceptron"

    def canonical(self, genotypes, level="function"):
        """Without hidden layers the rest does not matter: such networks are one function class."""
        return np.where(self.values(genotypes)[..., :1] == 0, 0, genotypes).astype(np.int8)


SPACES["perceptron"] = PerceptronSpace(
    [("depth", ["0", "1", "2"]), ("width", ["16", "32", "64", "128"]), ("activation", ["relu", "tanh"])]
)
mine = space("perceptron")
drawn = mine.sample(5, np.random.default_rng(0))
for genotype, child in zip(drawn, mine.mutate(drawn, np.random.default_rng(1)), strict=True):
    print(f"{mine.to_string(genotype)}  ->  {mine.to_string(child)}")
print(f"{mine.size} architectures, {len(np.unique(mine.class_keys(mine.all_genotypes())))} function classes")
