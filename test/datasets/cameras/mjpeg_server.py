"""A camera in the network: says over a connection what a test wants it to."""

import socketserver
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager

import cv2
import numpy as np

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


def jpeg(grey=90, size=(64, 48)):
    return cv2.imencode(".jpg", np.full((size[1], size[0], 3), grey, np.uint8))[1].tobytes()


def part(content):
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def stream(send, images, pause_s=0.005):
    """Answer with images, one after the other."""
    send(HEAD)
    for content in images:
        send(part(content))
        time.sleep(pause_s)


def endless(send):
    stream(send, iter(jpeg, None))


@contextmanager
def serving(*scripts: Callable):
    """Address of a server; each connection is answered by the next script, the last one again.

    A script gets a function that sends bytes, and the request; when it ends the connection does.
    """
    count = iter(range(10**6))
    done = threading.Event()

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            request = b""
            while b"\r\n\r\n" not in request:
                if not (received := self.request.recv(4096)):
                    return
                request += received
            script = scripts[min(next(count), len(scripts) - 1)]

            def send(content):
                if done.is_set():
                    raise ConnectionError("the test is over")
                self.request.sendall(content)

            try:
                script(send) if script.__code__.co_argcount < 2 else script(send, request)
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/stream"
        done.set()
        server.shutdown()
