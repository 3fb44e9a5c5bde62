"""Logs to one table, statistics, and the report."""
