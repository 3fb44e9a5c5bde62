"""Verdicts on trials: facts by code, meaning by a judge, both from executed actions only."""
