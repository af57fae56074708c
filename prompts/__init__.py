"""Prompts: what we say to a model, and the shapes we must hear back.

*.md: what is said, with named holes; replies: the shapes we must hear; parsing: from a reply's text to such a shape;
reading/: how we listen, for each way in which models write a plan or a synthesis.
"""

import hashlib
from functools import cache
from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined, Template

_FOLDER = Path(__file__).parent
# Prompts are plain text for a model, not HTML: escaping would put entities into them.
_ENVIRONMENT = Environment(
    # Read at import: a first read inside an event loop would block it. Compiled at first use.
    loader=DictLoader({path.name: path.read_text(encoding="utf-8") for path in _FOLDER.glob("*.md")}),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701
    trim_blocks=True,
    keep_trailing_newline=False,
)


@cache
def _template(name: str) -> Template:
    return _ENVIRONMENT.get_template(f"{name}.md")


def render(name: str, **values: object) -> str:
    """Fill the holes of prompts/<name>.md.

    Raises:
        jinja2.UndefinedError: a hole has no value.
        jinja2.TemplateNotFound: there is no such prompt.
    """
    return _template(name).render(**values).strip()


def fence(label: str, text: str) -> str:
    """Put text from outside between markers that it cannot close.

    The marker carries a hash of the text itself, so no text can hold its own end marker.
    """
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    return f"<<<{label} {mark}\n{text}\n{label} {mark}>>>"
