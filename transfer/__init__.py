"""Floor 4: predictors that learn from several tasks."""
