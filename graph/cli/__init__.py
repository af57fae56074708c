"""Command line: `orchestrate`. Nothing heavy is imported before a command runs.

app: all commands, and how the process ends; commands/: what each one takes, by noun (a run, those that are kept, what is
set up here); session, kept, inventory, doctor: what they do; application, readiness: with which graph and model;
screen, drawing, keyboard, decision: a person at the terminal; output, summary: what is written; hints: what was meant.

Exit codes: 0 complete, 3 answered but incomplete, 2 wrong input or configuration, 1 anything else, 130 interrupted.
"""

from graph.cli.app import app, main
