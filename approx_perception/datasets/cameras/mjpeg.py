"""MJPEG over HTTP: ``multipart/x-mixed-replace``, as RFC 2046 (section 5.1) frames its parts."""

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.cameras._base import PATIENCE_S, Feed, FeedError
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.exceptions import one_line, shown

__all__ = ["MjpegFeed"]

#: Of one image, encoded.
_LARGEST_PART_BYTES = 64 * 1024 * 1024
_LARGEST_HEADER_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024


class MjpegFeed(Feed):
    """A stream of JPEG images in one answer that does not end.

    Parameters
    ----------
    address
        ``http://...``, with ``user:password@`` where the camera wants it.
    max_image_px
        Larger images are refused before they are decoded.

    Raises
    ------
    FeedError
        If it does not answer, or not with such a stream.
    """

    def __init__(self, address: str, max_image_px: int) -> None:
        self._decoder = ImageDecoder(max_image_px)
        self._answer = _answer(address)
        kind = self._answer.headers.get_content_type()
        if not kind.startswith("multipart/"):
            self._answer.close()
            raise FeedError(
                f"it sends {shown(kind)}, expected MJPEG (multipart/x-mixed-replace); is the "
                "address that of a stream?"
            )
        # Some cameras write the dashes into the name, some do not.
        boundary = str(self._answer.headers.get_param("boundary") or "").strip('"').lstrip("-")
        self._mark = b"--" + boundary.encode(errors="replace")
        self._buffer = bytearray()
        self._deadline_s = 0.0

    def receive(self) -> bytes:
        """See `Feed`."""
        self._deadline_s = time.monotonic() + PATIENCE_S
        # What stands before the first line of dashes is no image.
        self._until(self._mark, _LARGEST_PART_BYTES)
        headers = self._until(b"\n\r\n", _LARGEST_HEADER_BYTES, or_else=b"\n\n").lower()
        length = next(
            (line.partition(b":")[2].strip() for line in headers.splitlines()
             if line.startswith(b"content-length:")),
            b"",
        )  # fmt: skip
        if length.isdigit() and len(length) < 12:
            return self._exactly(int(length))
        content = self._until(self._mark, _LARGEST_PART_BYTES)
        # The next part begins with the mark.
        self._buffer[:0] = self._mark
        return content.rstrip(b"\r\n-")

    def _exactly(self, count: int) -> bytes:
        if count > _LARGEST_PART_BYTES:
            raise FeedError(f"it sends an image of {count} bytes; {_LARGEST_PART_BYTES} are taken")
        while len(self._buffer) < count:
            self._read_more()
        content = bytes(self._buffer[:count])
        del self._buffer[:count]
        return content

    def _until(self, mark: bytes, limit: int, or_else: bytes = b"") -> bytes:
        """What comes before a mark; both are taken out."""
        start = 0
        while True:
            places = [
                (place, own) for own in (mark, or_else)
                if own and (place := self._buffer.find(own, start)) >= 0
            ]  # fmt: skip
            if places:
                place, own = min(places)
                content = bytes(self._buffer[:place])
                del self._buffer[: place + len(own)]
                return content
            if len(self._buffer) > limit:
                raise FeedError(f"it sends {limit} bytes without the end of an image")
            start = max(len(self._buffer) - len(mark), 0)
            self._read_more()

    def _read_more(self) -> None:
        if time.monotonic() > self._deadline_s:
            raise FeedError(f"no whole image came within {PATIENCE_S:g} s")
        try:
            chunk = self._answer.read1(_CHUNK_BYTES)
        except (OSError, HTTPException, ValueError, AttributeError) as error:
            raise FeedError(_reason(error)) from None
        if not chunk:
            raise FeedError("it ended the connection")
        self._buffer += chunk

    def image(self, received: bytes) -> npt.NDArray[np.uint8]:
        """See `Feed`."""
        return self._decoder.file(received)

    def close(self) -> None:
        """See `Feed`."""
        self._answer.close()


def _answer(address: str) -> Any:
    try:
        parts = urlsplit(address)
        # The port is read where it is asked for.
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise FeedError("its address is none as http://HOST:PORT/PATH")
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    # Cameras stand in the own network, not behind a proxy.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if parts.username is not None:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        user, password = unquote(parts.username), unquote(parts.password or "")
        passwords.add_password(None, f"{parts.scheme}://{host}/", user, password)
        handlers += [
            urllib.request.HTTPBasicAuthHandler(passwords),
            urllib.request.HTTPDigestAuthHandler(passwords),
        ]
    try:
        return urllib.request.build_opener(*handlers).open(bare, timeout=PATIENCE_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise FeedError(f"it answers {error.code} {one_line(str(error.reason), 80)}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise FeedError(_reason(error)) from None


def _reason(error: BaseException) -> str:
    """Why a connection failed, without what libraries quote of the address."""
    inner = getattr(error, "reason", error)
    if isinstance(inner, TimeoutError):
        return f"it does not answer within {PATIENCE_S:g} s"
    if isinstance(inner, OSError) and inner.strerror:
        return one_line(inner.strerror, 120)
    return f"it cannot be reached ({type(inner).__name__})"
