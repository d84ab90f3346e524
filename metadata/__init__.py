"""Floor 2: image tasks, the training recipe, the store of experiments and what fills it."""
