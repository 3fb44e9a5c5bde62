"""The office for agents that are not ours: over MCP, as commands, and through Inspect's bridge."""
