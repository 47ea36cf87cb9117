"""Download one file over HTTP: bounded, resumed where it broke off, never over a weaker scheme."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from approx_perception import __version__
from approx_perception.exceptions import reason_of, shown
from approx_perception.files import whole_number
from approx_perception.weights.disk import writing

__all__ = ["NotHadError", "Progress", "download"]

#: Told how many bytes are there and how many there will be, 0 for unknown; what it raises ends it.
Progress = Callable[[int, int], None]
_CHUNK_BYTES = 2**16


class NotHadError(Exception):
    """Why a file was not had, as a clause."""


class _Redirects(HTTPRedirectHandler):
    """Follow redirects, but from https to https only."""

    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any
    ) -> Request | None:
        """See `HTTPRedirectHandler`."""
        scheme = urlsplit(newurl).scheme
        if scheme not in ("https", urlsplit(req.full_url).scheme):
            # Without what stands behind the host, which may be a signature.
            place = f"{scheme}://{urlsplit(newurl).hostname or ''}"
            raise NotHadError(f"it is redirected to {shown(place)}, which is no https address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    address: str,
    part: Path,
    largest_bytes: int,
    progress: Progress,
    timeout_s: float,
    may_resume: bool = True,
) -> None:
    """Download to a file; what is in it already is not asked for again.

    Parameters
    ----------
    address
        With http or https.
    part
        Keeps what came when the connection ends too soon.
    largest_bytes
        More is refused.
    progress
        Called for each piece.
    timeout_s
        How long the server may be silent, in s.
    may_resume
        Whether what is in the file is the beginning of this file.

    Raises
    ------
    NotHadError
        If the server does not give it whole.
    OutputError
        If the file cannot be written.
    """
    start = _size_of(part) if may_resume else 0
    request = Request(address, headers={"User-Agent": f"approx_perception/{__version__}"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with _reading(timeout_s):
        response = _answer(request, timeout_s)
    if response is None:
        return download(address, part, largest_bytes, progress, timeout_s, may_resume=False)
    with response:
        # A server without ranges sends all of it.
        start = start if response.status == 206 and _begins_at(response, start) else 0
        length = response.headers.get("Content-Length", "")
        # Where the server says no length that can be, it is as if it said none.
        total = start + (whole_number(length) or 0)
        if total > largest_bytes:
            raise NotHadError(f"it has {total} bytes, more than the {largest_bytes} expected")

        def pieces() -> Iterator[bytes]:
            # As the network gives them, so that who waits can stop.
            with _reading(timeout_s):
                piece = response.read1(_CHUNK_BYTES)
            while piece:
                yield piece
                with _reading(timeout_s):
                    piece = response.read1(_CHUNK_BYTES)

        got = _write(pieces(), part, start, largest_bytes, lambda done: progress(done, total))
    if got < total:
        raise NotHadError(f"the connection ended after {got} of {total} bytes")
    return None


def _answer(request: Request, timeout_s: float) -> Any:
    """Response of the server; None where it has nothing from that byte on."""
    try:
        return build_opener(_Redirects).open(request, timeout=timeout_s)
    except HTTPError as error:
        if error.code == 416 and request.has_header("Range"):
            return None
        raise NotHadError(f"the server answers {error.code} {shown(error.reason)}") from error


@contextmanager
def _reading(timeout_s: float) -> Iterator[None]:
    try:
        yield
    except (HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        is_silent = isinstance(reason, TimeoutError)
        raise NotHadError(
            f"the server is silent for {timeout_s:g} s" if is_silent else reason_of(reason, 200)
        ) from error


def _write(
    pieces: Iterable[bytes], part: Path, start: int, largest_bytes: int, told: Callable[[int], None]
) -> int:
    """Append what comes; returns how many bytes the file has then."""
    got = start
    with writing(part):
        file = part.open("ab" if start else "wb", buffering=0)
    with file:
        told(got)
        for piece in pieces:
            got += len(piece)
            if got > largest_bytes:
                raise NotHadError(f"it has more than the {largest_bytes} bytes expected")
            with writing(part):
                file.write(piece)
            told(got)
    return got


def _begins_at(response: Any, start: int) -> bool:
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
