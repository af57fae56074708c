"""Text plan: plans that are not JSON, each form turned by its own reader into the value that JSON would have given."""

import re
from dataclasses import replace

from prompts.reading import bullet_plan, labelled_plan, table_plan, xml_plan
from prompts.reading.json_plan import JsonPlanReader, ParsedPlan

CAP = 32_000  # characters
LINES = 800
FENCE = re.compile(r"(?m)^(?:```|~~~)[\w.+-]{0,40}[ \t]{0,40}$\n?")


def read(text: str, *, cut: bool) -> ParsedPlan | None:
    """Read a plan that is not JSON; None where nothing clearly is one.

    Where the endpoint said that the reply was cut, what may be half-written at its end is left out.
    """
    if len(text) > CAP or text.count("\n") > LINES:
        return None
    text = text.replace("\r\n", "\n")
    bare = FENCE.sub("", text)  # but a fence in an element is part of a task
    for form in (xml_plan, table_plan, labelled_plan, bullet_plan):
        value = form.read(text if form is xml_plan else bare, cut=cut)
        if plan := JsonPlanReader().read_any(value):
            return replace(plan, source="repaired", single=False)
    return None
