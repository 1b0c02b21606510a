"""`python -m workers` is `livevec`."""

from workers.cli import main

main()
