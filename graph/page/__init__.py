"""Page: `orchestrate serve`: one screen in a browser to begin runs, watch and steer them, and keep what came of them.

serve: the server; guard: who may speak to it; live: runs under way; screen, run_view: what is shown (page.css).
"""

from graph.page.serve import serve
