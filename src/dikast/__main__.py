"""`python -m dikast`."""

from dikast.cli import main

main()
