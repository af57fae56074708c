"""Report: a run's state as a file worth keeping. What programs and the command line call.

page: one HTML page that loads nothing (page.html, page.css, words.yaml), with charts, and quotes in their place; text:
Markdown; word: a .docx file of the answer; marks: what [S1] and [D1] lead to.
"""

from graph.report.files import FORMATS, written
from graph.report.marks import PREFIX, linked
from graph.report.page import html
from graph.report.quotes import marked
from graph.report.text import markdown
