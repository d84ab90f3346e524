"""The parts that methods are made of, by axis; importing one imports torch.

sampling: mixed, paths, gumbel, dirichlet, gates, controller; update: first_order, unrolled, reinforce, importance;
reading: reading, candidates, perturbation; the rest regularises.
"""
