"""Markdown: a model's texts as plain lines, and the place before a closing checklist."""

import pytest

from nodes.synthesis.markdown import LINE, shortened, with_sections, without_markdown

PLAIN = {
    "### Costs\n\n**£415**, or `£319`": "Costs £415, or £319",
    "| Tables | 14 | £84 |": "Tables, 14, £84",
    "| a | b |\n|---|---|\n| 1 | 2 |": "a, b, 1, 2",
    "- [ ] ask the *council*": "ask the council",
    "> see [the form](http://x.example/y) [S1]": "see the form [S1]",
    "![alt](http://x.example/pixel.png) <b>now</b>": "alt now",
    "5 * 3 = 15 and snake_case": "5 * 3 = 15 and snake_case",
    "第一，*音乐*": "第一，音乐",
    "": "",
}


@pytest.mark.parametrize("text", PLAIN)
def test_plain(text: str) -> None:
    """Headings, tables, lists, links and stress become one line of plain words; marks of subtasks stay."""
    assert without_markdown(text) == PLAIN[text]


def test_shortened() -> None:
    """A long text is cut at a word, and says so; a text without spaces is cut all the same."""
    assert shortened("one two three", 9) == "one two…"
    assert shortened("x" * 20, 9) == "xxxxxxxx…"
    assert len(without_markdown("word " * 9_000)) <= LINE


LISTS = {
    "a heading": ("Text.\n\n", "## Checklist\n\n- [ ] one\n- [ ] two"),
    "a heading, groups and an end": ("# T\n\nText.\n\n", "## Checkliste\n\n**Vorher**\n\n1. eins\n\nAnnahme: x."),
    "a line that leads in": ("Text.\n\n", "To do:\n\n* one\n  more\n* two"),
    "a bold line": ("Text.\n\n", "**Liste :**\n- un\n- deux"),
    "a table": ("Text.\n\n", "## Dates\n\n| a | b |\n|---|---|\n| c | d |"),
    "the title alone": ("# Title\n\nText.\n\n", "- one\n- two"),
    "no list": ("# Title\n\nText.\n\n## More\n\nText.", ""),
}


@pytest.mark.parametrize("case", LISTS)
def test_before_the_closing_list(case: str) -> None:
    """A section is put before the list that an answer ends with, its heading included; else at the end."""
    text, closing = LISTS[case]
    expected = "\n\n".join(part for part in (text.rstrip(), "NEW", closing) if part)

    assert with_sections(text + closing, ["NEW"]) == expected


def test_nothing_to_put_in() -> None:
    """Where there is nothing to add, the answer stays as it was written."""
    assert with_sections("a\n\n- b\n", []) == "a\n\n- b\n"
