"""Sends requests on one kept-alive connection. Arguments: the library, the scenario, the URL, how many."""
import asyncio
import io
import sys

from answers import LARGE, PIECES

SMALL = b'{"on": true, "pad": "' + b"x" * 177 + b'"}'
library, scenario, url, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
body = LARGE if scenario == "large" else SMALL


def via_urllib():
    import urllib.request

    for _ in range(count):
        data = None if scenario == "get" else iter(PIECES) if scenario == "chunked" else body
        urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=20).read()


def via_requests():
    import requests

    session = requests.Session()
    for _ in range(count):
        arguments = {"form": {"files": {"file": ("small", io.BytesIO(SMALL))}}, "json": {"json": {"on": True}},
                     "chunked": {"data": iter(PIECES)}}.get(scenario, {"data": body})
        session.post(url, timeout=20, **arguments).raise_for_status()


def via_urllib3():
    import urllib3

    pool = urllib3.PoolManager()
    for _ in range(count):
        pool.request("POST", url, body=iter(PIECES) if scenario == "chunked" else body, timeout=20)


def via_httpx():
    import httpx

    with httpx.Client(timeout=20) as client:
        for _ in range(count):
            arguments = {"form": {"files": {"file": ("small", io.BytesIO(SMALL))}}, "json": {"json": {"on": True}},
                         "chunked": {"content": iter(PIECES)}}.get(scenario, {"content": body})
            client.post(url, **arguments).raise_for_status()


def via_httplib2():
    import httplib2

    http = httplib2.Http(timeout=20)
    for _ in range(count):
        http.request(url, "POST", body=body)


def via_pycurl():
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.UPLOAD, 1)
    curl.setopt(pycurl.WRITEFUNCTION, lambda _: None)
    curl.setopt(pycurl.HTTPHEADER, ["Expect:"])
    for _ in range(count):
        curl.setopt(pycurl.READDATA, io.BytesIO(b"".join(PIECES) if scenario == "chunked" else body))
        if scenario != "chunked":
            curl.setopt(pycurl.INFILESIZE, len(body))
        curl.perform()


def via_xmlrpc():
    import xmlrpc.client

    with xmlrpc.client.ServerProxy(url) as proxy:
        for _ in range(count):
            try:
                proxy.system.listMethods()
            except Exception:  # the answer is not XML, but the call was made
                pass


def via_websockets():
    import websockets

    async def connect():
        for _ in range(count):
            try:
                await websockets.connect(url.replace("http:", "ws:"))
            except websockets.exceptions.InvalidStatusCode:  # the server does not accept the upgrade
                pass

    asyncio.run(connect())


def via_aiohttp():
    import aiohttp

    async def pieces():
        for piece in PIECES:
            yield piece

    def arguments():
        if scenario == "form":
            form = aiohttp.FormData()
            form.add_field("file", SMALL, filename="small")
            return {"data": form}
        return {"json": {"json": {"on": True, "pad": "x" * 177}}, "chunked": {"data": pieces()},
                "compressed": {"data": body, "compress": "deflate"}, "file": {"data": io.BytesIO(body)},
                "continue": {"data": body, "expect100": True}}.get(scenario, {"data": body})

    async def post():
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            for _ in range(count):
                if scenario == "upgrade":
                    try:
                        await session.ws_connect(url)
                    except aiohttp.WSServerHandshakeError:  # the server does not accept the upgrade
                        pass
                    continue
                async with session.post(url, **arguments()) as response:
                    await response.read()

    asyncio.run(post())


def via_tornado():
    from tornado.httpclient import AsyncHTTPClient

    async def post():
        for _ in range(count):
            async def pieces(write):
                for piece in PIECES:
                    await write(piece)
            arguments = {"body_producer": pieces} if scenario == "chunked" else {"body": body}
            await AsyncHTTPClient().fetch(url, method="POST", expect_100_continue=scenario == "continue", **arguments)

    asyncio.run(post())


def via_twisted():
    from twisted.internet import reactor, task
    from twisted.web.client import Agent, FileBodyProducer, readBody

    async def post(reactor):
        agent = Agent(reactor)
        for _ in range(count):
            await readBody(await agent.request(b"POST", url.encode(), None, FileBodyProducer(io.BytesIO(body))))

    from twisted.internet.defer import ensureDeferred
    task.react(lambda reactor: ensureDeferred(post(reactor)))


globals()["via_" + library]()
