"""How the agent meets the world. `text`: one turn, actions in tags."""
