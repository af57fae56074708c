"""Main: `python -m graph.cli` is `orchestrate`."""

from graph.cli.app import main

main()
