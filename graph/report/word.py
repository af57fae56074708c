"""Word: the answer as a .docx file."""

import io

from graph.report.page import answer_alone
from graph.sanitise import one_line
from nodes.errors import BadSettings, install_command
from nodes.state import State


def docx(state: State) -> bytes:
    """Write the answer, under the request, as Word reads it.

    Raises:
        BadSettings: the extra is not installed.
    """
    try:
        from docx import Document
        from html4docx import HtmlToDocx
    except ImportError:
        how = install_command("orchestrator-workers[docx]")
        raise BadSettings(f"a .docx file needs the extra docx: {how}") from None
    document = Document()
    document.add_heading(one_line(state["request"])[:200], level=0)
    HtmlToDocx().add_html_to_document(answer_alone(state), document)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()
