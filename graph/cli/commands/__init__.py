"""Commands: what each command of the command line takes, by noun.

running: run, demo, follow, resume; history: runs, show, report, rm, rate; steering: write-up, steer; serve: the page;
setup: models, settings, specialists, doctor, assistants. graph/cli/app.py lists them.
A command is a function: its docstring is its help, what it returns is the exit code, a foreseen error ends it with its text.
"""
