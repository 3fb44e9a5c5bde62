"""Import of logs, transcripts and results of other tools."""
