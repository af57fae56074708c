"""Fetch: a document that is attached by its address. Bounded in size, type and time; no address inside a network."""

import ipaddress
import re
import socket
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from nodes.documents import FILE_LIMIT, Document, document_of
from nodes.errors import BadSettings
from nodes.models import begun

SECONDS = 30.0  # for all of it, redirects included
REDIRECTS = 4
KINDS = {"application/pdf": ".pdf", "text/csv": ".csv", "text/tab-separated-values": ".tsv", "text/markdown": ".md"}

TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address stands in its end (NAT64)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_address(given: object) -> bool:
    """Tell whether something attached is a web address."""
    return isinstance(given, str) and re.match(r"https?://", given, re.IGNORECASE) is not None


def is_public(address: IpAddress) -> bool:
    """Tell whether an address is on the open internet, and not this machine or a network's own, in IPv6's disguise too."""
    inner = None if address.version == 4 else address.sixtofour  # noqa: PLR2004 - its name
    if address in TRANSLATED:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)


def fetch_document(url: str, allowed: Callable[[IpAddress], bool] = is_public) -> Document:
    """Fetch a page, PDF, text or table.

    Args:
        url: http:// or https://.
        allowed: which addresses may be asked. Each is looked up once and then asked itself, so that a name cannot
            point elsewhere a moment later.

    Raises:
        BadSettings: it cannot be had; says why.
    """
    try:  # nothing else bounds a look-up, and a server that drips out its headers
        return begun(lambda: _followed(url, allowed)).result(SECONDS)
    except TimeoutError:
        raise BadSettings(f"cannot attach {url}: not here within {SECONDS:g} s") from None


def _followed(url: str, allowed: Callable[[IpAddress], bool]) -> Document:
    here = url
    for _ in range(REDIRECTS + 1):
        try:
            response = _get(url, here, allowed)
            if isinstance(response, Document):
                return response
            here = urljoin(here, response)
        except BadSettings:
            raise
        except (ValueError, httpx.InvalidURL) as error:  # a port or a bracket that is none
            raise BadSettings(f"cannot attach {url}: {here[:200]!r} is no address ({error})") from None
    raise BadSettings(f"cannot attach {url}: it leads on more than {REDIRECTS} times")


def _get(url: str, here: str, allowed: Callable[[IpAddress], bool]) -> Document | str:
    """Send one request; give the document, or where it is to be had instead."""
    parts = urlsplit(here)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadSettings(f"cannot attach {url}: {here[:200]!r} is no http:// or https:// address")
    address = _looked_up(url, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), allowed)
    target = httpx.URL(here).copy_with(host=str(address))
    headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "orchestrator-workers", "Accept": "*/*"}
    try:
        with (
            httpx.Client(timeout=10, trust_env=False) as client,
            client.stream("GET", target, headers=headers, extensions={"sni_hostname": parts.hostname}) as response,
        ):
            if response.has_redirect_location:
                return response.headers["location"]
            if response.status_code != httpx.codes.OK:
                raise BadSettings(f"cannot attach {url}: the server answered with HTTP {response.status_code}")
            return _document_from(url, here, response)
    except httpx.HTTPError as error:
        raise BadSettings(f"cannot attach {url}: {str(error) or type(error).__name__}") from None


def _looked_up(url: str, host: str, port: int, allowed: Callable[[IpAddress], bool]) -> IpAddress:
    try:
        resolved = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise BadSettings(f"cannot attach {url}: {host} is not to be found ({error.strerror})") from None
    addresses = [ipaddress.ip_address(str(address).partition("%")[0]) for address in sorted(map(str, resolved))]
    if not addresses or not all(map(allowed, addresses)):
        raise BadSettings(
            f"cannot attach {url}: {host} is an address inside a network; download it and attach the file"
        )
    return addresses[0]


def _document_from(url: str, here: str, response: httpx.Response) -> Document:
    mime = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    ending = KINDS.get(mime) or (".txt" if mime.startswith("text/") else "")
    if not ending:
        raise BadSettings(
            f"cannot attach {url}: {mime or 'a file of no known type'} is not read; PDF, pages and text are"
        )
    parts, size = list[bytes](), 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > FILE_LIMIT:
            raise BadSettings(f"cannot attach {url}: more than {FILE_LIMIT:,} bytes")
    raw = b"".join(parts)
    if mime == "text/html":
        raw = _page_text(raw.decode(response.encoding or "utf-8", "replace")).encode()
    name = unquote(urlsplit(here).path.rstrip("/").rpartition("/")[2]) or urlsplit(here).hostname or "page"
    return document_of(f"{urlsplit(url).hostname}-{name}"[:120], raw, ending)


class _Page(HTMLParser):
    """Collects what a page shows as text."""

    HIDDEN = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav"})
    BLOCKS = frozenset(
        {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "table"}
    )

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        """Begin an element."""
        self._hidden = 0 if tag == "body" else self._hidden + (tag in self.HIDDEN)  # "</head>" may be left out
        self.text += ["\n"] * (tag in self.BLOCKS)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        self._hidden -= tag in self.HIDDEN and self._hidden > 0
        self.text += ["\n"] * (tag in self.BLOCKS)

    def handle_data(self, data: str) -> None:
        """Take a piece of text."""
        if not self._hidden:
            self.text.append(data)


def _page_text(html: str) -> str:
    page = _Page()
    page.feed(html)
    lines = (" ".join(line.split()) for line in "".join(page.text).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
