"""Floor 3: predictors that learn from one task. Importing a module that needs torch imports torch, this does not."""
