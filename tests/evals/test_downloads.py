"""Published sets: fetched from loopback in their publishers' forms, and held to their checksums."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from evals import downloads
from evals.downloads import BadData, fetch, fetched

RAMDOCS: dict[str, Any] = {
    "question": "When was the mill built?",
    "documents": [
        {"text": "It was built in 1801.", "type": "correct", "answer": "1801"},
        {"text": "It was built in 1820.", "type": "misinfo", "answer": "1820"},
        {"text": "It has four floors.", "type": "noise", "answer": "unknown"},
    ],
    "disambig_entity": ["The mill"],
    "gold_answers": ["1801"],
    "wrong_answers": ["1820"],
}
AGREED = {**RAMDOCS, "documents": RAMDOCS["documents"][::2], "wrong_answers": []}
HIDDEN = {**AGREED, "wrong_answers": ["1820 people"]}  # its noise tells a wrong answer, in other words
WIKI = {
    "question_ID": "3",
    "question": "Who?",
    "context1": "By Ann.",
    "context2": "By Bea.",
    "answer1": "Ann",
    "answer2": "Bea",
    "contradictType": "Explicit",
}
UNTOLD = [{**WIKI, "answer1": "Yes"}, {**WIKI, "answer1": ""}, {**WIKI, "context2": "By Bea, not Ann."}]
SITES = [{"content": "It is blue. " * 999, "index": 0}, {"content": "Blue.", "index": 1}, {"content": None, "index": 2}]
CONFRAG = {
    "id": 4,
    "question": "Which colour?",
    "websites": SITES,
    "contradicts": False,
    "answers": [{"answer": "blue"}],
}
SPLIT = {**CONFRAG, "contradicts": True}
RUBRIC = {
    "sections": [{"criteria": [{"requirement": "names a date", "weight": 5}, {"requirement": "invents", "weight": -5}]}]
}
DRACO = {"id": "a1", "domain": "Law", "problem": "What changed?", "answer": json.dumps(RUBRIC)}
DEEP = {"id": 7, "topic": "x", "language": "zh", "prompt": "研究"}


def lines(*rows: dict[str, Any]) -> bytes:
    """Write JSON lines."""
    return "\n".join(json.dumps(row) for row in rows).encode()


def table(*rows: dict[str, str]) -> bytes:
    """Write CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


FILES = {
    "ramdocs": lines(RAMDOCS, AGREED, HIDDEN),
    "wikicontradict": table(WIKI, *UNTOLD),
    "confrag": lines(CONFRAG, SPLIT),
    "draco": lines(DRACO),
    "deepresearch": lines(DEEP),
}


@pytest.fixture
def hub() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve the files on loopback; what is put into the dictionary is served next."""
    files = dict(FILES)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(files[self.path[1:]])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", files
    server.shutdown()
    thread.join()
    server.server_close()


def got(hub: tuple[str, dict[str, bytes]], name: str, folder: Path) -> list[Any]:
    """Fetch a set and read it."""
    fetch(name, f"{hub[0]}/{name}", folder)
    return fetched(name, folder)


def test_disputes(hub: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """What documents say against each other word for word is taken, and what agrees; what code could not tell is not."""
    read = {name: got(hub, name, tmp_path) for name in ("ramdocs", "wikicontradict", "confrag")}

    assert [each.golds for each in read["ramdocs"]] == [("1801", "1820"), ()]
    assert [(each.id, each.golds) for each in read["wikicontradict"]] == [("wikicontradict-3", ("Ann", "Bea"))]
    assert [(each.golds, len(each.documents)) for each in read["confrag"]] == [((), 2)]
    assert len(read["confrag"][0].documents[0].text) == downloads.LONGEST


def test_requests(hub: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """Requests come with their rubric, without what it takes points off for; or with none."""
    read = [got(hub, name, tmp_path)[0] for name in ("draco", "deepresearch")]

    assert [(each.request, each.criteria) for each in read] == [("What changed?", ("names a date",)), ("研究", ())]


def test_another_than_the_first(hub: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """The first download is written down with its hash and licence; another one is refused, and the first stays."""
    got(hub, "ramdocs", tmp_path)
    hub[1]["ramdocs"] = lines({**RAMDOCS, "question": "Another?"})

    with pytest.raises(BadData, match="SHA-256 is"):
        fetch("ramdocs", f"{hub[0]}/ramdocs", tmp_path)
    assert json.loads((tmp_path / "checksums.json").read_text())["ramdocs"]["licence"] == "MIT"
    assert fetched("ramdocs", tmp_path)[0].request == RAMDOCS["question"]


def test_known_checksum(hub: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """A checksum that was put there beforehand holds for the first download too."""
    (tmp_path / "checksums.json").write_text(json.dumps({"ramdocs": {"sha256": "0" * 64}}))

    with pytest.raises(BadData, match="0000 is known of it"):
        fetch("ramdocs", f"{hub[0]}/ramdocs", tmp_path)


def test_pinned_checksum(hub: tuple[str, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set with a pinned checksum is held to it from the first download on."""
    known = replace(downloads.SOURCES["draco"], url=f"{hub[0]}/draco")
    monkeypatch.setitem(downloads.SOURCES, "draco", known)

    with pytest.raises(BadData, match=f"{known.sha256} is known of it"):
        fetch("draco", folder=tmp_path)


def test_changed_on_disk(hub: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """A file that was changed after it was fetched is not used."""
    fetch("ramdocs", f"{hub[0]}/ramdocs", tmp_path).write_bytes(lines(RAMDOCS, RAMDOCS))

    with pytest.raises(BadData, match="has changed"):
        fetched("ramdocs", tmp_path)


def test_not_there(tmp_path: Path) -> None:
    """What was not fetched says how it is."""
    with pytest.raises(BadData, match=r"python -m evals\.downloads draco"):
        fetched("draco", tmp_path)


def test_nothing_in_it(hub: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """A page instead of a set is refused, and not written down."""
    hub[1]["ramdocs"] = b"<html>Log in</html>"

    with pytest.raises(BadData, match="no item in it"):
        fetch("ramdocs", f"{hub[0]}/ramdocs", tmp_path)
    assert not (tmp_path / "checksums.json").exists()


def test_every_source_has_a_licence() -> None:
    """Each set says where it is from and under which licence, and where it is pinned, which revision that is."""
    for source in downloads.SOURCES.values():
        assert source.url.startswith("https://")
        assert source.licence
        assert not source.sha256 or ("/resolve/main/" not in source.url and len(source.sha256) == 64)
