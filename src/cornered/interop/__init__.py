"""Import of other people's logs, transcripts and results."""
