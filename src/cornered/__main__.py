"""`python -m cornered`."""

from cornered.cli import main

main()
