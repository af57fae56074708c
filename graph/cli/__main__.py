"""Main: `python -m graph.cli` is `orchestrate`."""

from graph.cli.app import main

if __name__ == "__main__":
    main()
