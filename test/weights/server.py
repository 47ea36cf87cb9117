"""A server on loopback that does what servers do."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 2000


class Server(ThreadingHTTPServer):
    """Gives `content`; `way` says how. Ranges that were asked for are kept."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.way, self.asked = CONTENT, "well", []
        self.address = f"http://127.0.0.1:{self.server_port}"
        #: What is silent ends when it is set.
        self.may_end = threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.may_end.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server, content = self.server, self.server.content
        wanted = self.headers.get("Range", "")
        server.asked.append((self.path, wanted))
        if server.way in ("404", "500"):
            return self.send_error(int(server.way))
        if server.way.startswith("redirect") and self.path != "/elsewhere":
            self.send_response(302)
            self.send_header("Location", server.way.split()[1])
            return self.end_headers()
        start = 0
        if wanted and server.way != "no ranges":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if "no length" not in server.way:
            self.send_header("Content-Length", str(len(content) - start))
        if "endless" in server.way:
            self.send_header("Content-Length", "9" * 5000)
        self.end_headers()
        end = len(content) // 2 if "half" in server.way else len(content)
        self.wfile.write(content[start:end])
        if server.way == "half, then silent":
            self.wfile.flush()
            server.may_end.wait(30)
        return None
