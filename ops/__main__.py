"""`python -m ops` is `ops`."""

from ops.cli import main

main()
