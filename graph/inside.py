"""Inside: a client of the very server that asks, in its own process, with the rights of whoever asked it."""

import httpx
from langgraph_sdk.client import LangGraphClient
from starlette.requests import Request

WHO = ("authorization", "x-api-key", "cookie")  # headers that say who asks


def client_inside(request: Request) -> LangGraphClient:
    """Give a client that asks for whoever sent a request: the server decides what they may do, as everywhere.

    The SDK's own (`get_client(url=None)`) is let past the server's auth, whatever headers it has.
    """
    from langgraph_api.asgi_transport import ASGITransport  # there on a LangGraph server alone

    who = {name: value for name, value in request.headers.items() if name in WHO}
    transport = ASGITransport(app=request.app, raise_app_exceptions=False)
    return LangGraphClient(httpx.AsyncClient(transport=transport, base_url="http://inside", headers=who, timeout=None))  # noqa: S113 - a run takes as long as it takes
