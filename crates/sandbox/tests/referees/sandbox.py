"""What the referees share: the sandbox's control API and a server that takes webhooks."""

import json
import queue
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASE = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8790").rstrip("/")


def control(path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + "/_control" + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def customer(account, key="p0"):
    return next(c for c in control(f"/accounts/{account['id']}/customers")["customers"] if c["key"] == key)


def say(account, key="p0", **speech):
    return control(f"/accounts/{account['id']}/customers/{key}/say", speech)["id"]


class Hooks:
    """Collects webhooks as (path, headers, body)."""

    def __init__(self):
        got = self.got = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                got.put((self.path, self.headers, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def next(self):
        return self.got.get(timeout=10)


def ok(what):
    print("ok  " + what)
