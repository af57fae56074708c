"""Commands: what each command of the command line takes, by noun.

run: run, demo, resume; history: runs, show, report, rm; steering: write-up, steer; setup: models, settings, specialists, doctor. graph/cli/app.py lists them.
A command is a function: its docstring is its help, what it returns is the exit code, a foreseen error ends it with its text.
"""
