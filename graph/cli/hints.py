"""Hints: what a person probably meant who typed a command that is none, or a request without quotes."""

from difflib import get_close_matches
from typing import Any

import typer

# What people type for a command that has another name here.
_OTHER_NAMES = {"list": "runs", "ls": "runs", "history": "runs", "continue": "resume", "retry": "resume ID --retry",
                "delete": "rm", "remove": "rm", "config": "settings", "check": "doctor", "version": "--version"}  # fmt: skip


_OWN_OPTIONS = ("--help", "-h", "--version", "--install-completion", "--show-completion")


class Misused(Exception):
    """The command line was given something that it cannot take; says what, and what would be right."""


class Commands(typer.core.TyperGroup):
    """`orchestrate "a request"` is `orchestrate run "a request"`; one bare word is no request, but a slip."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Find the command that the words mean."""
        first = args[0] if args else "--help"
        if first == "help":
            args = [*args[1:2], "--help"]
        elif first not in self.commands and first not in _OWN_OPTIONS:
            if first.replace("_", "").isalnum():
                raise Misused(self._slip(args))
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def _slip(self, args: list[str]) -> str:
        near = get_close_matches(args[0], self.commands, n=1, cutoff=0.6)
        meant = _OTHER_NAMES.get(args[0].lower()) or (near[0] if near else None)
        words = [word for word in args if not word.startswith("-")]
        if meant and len(words) <= 2:  # noqa: PLR2004 - a command and what it is about
            return f"there is no command {args[0]!r}; did you mean: orchestrate {meant}"
        if len(words) > 1:
            return quote_hint(words)
        return f"there is no command {args[0]!r}; `orchestrate --help` lists them. A request of one word: orchestrate run {args[0]}"


def quote_hint(words: list[str]) -> str:
    """Say how a request of several words is given."""
    return f'a request is one argument: put it in quotes, as in orchestrate "{" ".join(words)}"'
