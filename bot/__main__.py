"""`python -m bot` is `ops`."""

from bot.cli import main

main()
