"""Other people's prompts and results, brought in."""
