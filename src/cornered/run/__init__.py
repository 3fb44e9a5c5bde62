"""Experiments on Inspect's `eval_set`: tasks, run folders, resume."""
