"""Text plan: plans that are not JSON, each form by its own reader."""

import re

from prompts.reading import bullet_plan, labelled_plan, table_plan, xml_plan, yaml_plan
from prompts.reading.listing import Listing

CAP = 32_000  # characters
LABELLED = 16_000  # characters; a YAML reader is slow
LINES = 800
FENCE = re.compile(r"(?m)^(?:```|~~~)[\w.+-]{0,40}[ \t]{0,40}$\n?")


def read(text: str, *, cut: bool) -> Listing | None:
    """Read a plan that is not JSON; None where nothing clearly is one.

    Where the endpoint said that the reply was cut, what may be half-written at its end is left out.
    """
    if len(text) > CAP or text.count("\n") > LINES:
        return None
    text = text.replace("\r\n", "\n")
    listing = xml_plan.read(text)
    if listing is not None:
        return listing
    text = FENCE.sub("", text)
    listing = table_plan.read(text)
    if listing is None and len(text) <= LABELLED:
        listing = yaml_plan.read(text, cut=cut) or labelled_plan.read(text)
    return listing or bullet_plan.read(text, cut=cut)
