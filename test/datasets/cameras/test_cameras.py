"""Cameras over loopback, and devices that are not there."""

import hashlib
import re
import socket
import threading
import time
from itertools import islice

import numpy as np
import pytest

from approx_perception.datasets import open_source
from approx_perception.datasets.cameras import addresses, camera, mjpeg, opencv, public_name
from approx_perception.datasets.cameras.remembered import remembered
from approx_perception.exceptions import DatasetError
from test.datasets.cameras.mjpeg_server import HEAD, endless, jpeg, part, serving, stream


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    monkeypatch.setattr(mjpeg, "PATIENCE_S", 0.4)
    monkeypatch.setattr(camera, "PATIENCE_S", 0.4)
    monkeypatch.setattr(camera, "_FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(opencv, "_PATIENCE_MS", 400)


def test_newest_image_wins_with_the_time_of_its_arrival(caplog):
    with serving(endless) as address:
        source = open_source(address)
        assert (source.is_live, source.frame_count) == (True, 0)
        entries = []
        for entry in islice(source, 4):
            age_s = (time.time_ns() - entry.frame.stamp_ns) / 1e9
            assert -0.1 < age_s < 0.4
            assert entry.frame.image.shape == (48, 64, 3)
            entries.append(entry.frame.sequence)
            time.sleep(0.1)
    assert sorted(set(entries)) == entries
    assert entries[-1] > 10
    assert f"{address}: " in caplog.text
    told = re.search(
        r"(\d+) images came; (\d+) of them while the first was worked on; (\d+) were skipped for n",
        caplog.text,
    )
    assert told is not None
    came, early, skipped = map(int, told.groups())
    # The last may wait in line, and one more may come, when the source is left.
    assert 0 <= came - early - skipped - len(entries) <= 2
    assert "is lost" not in caplog.text


def test_a_camera_that_is_cut_off_and_returns(caplog):
    with serving(
        lambda send: stream(send, [jpeg()] * 3),
        lambda send: send(b"HTTP/1.1 503 Busy\r\n\r\n"),
        lambda send: stream(send, [jpeg(size=(80, 60))] * 200),
    ) as address:
        sizes = [entry.frame.image.shape for entry in islice(open_source(address), 6)]
    assert sizes[0] == (48, 64, 3)
    assert sizes[-1] == (60, 80, 3)
    assert f"{address} is lost: it ended the connection; connecting again" in caplog.text
    assert f"{address} is back after" in caplog.text


def test_a_camera_that_stays_away_is_told_again_and_again(caplog):
    with serving(
        lambda send: stream(send, [jpeg()] * 2),
        lambda send: send(b"HTTP/1.1 404 Not Found\r\n\r\n"),
    ) as address:
        source = open_source(address)
        entries = iter(source)
        next(entries)
        threading.Timer(1.1, source.stop).start()
        assert len(list(entries)) <= 1
    assert "no image for 0 s (it answers 404 Not Found); still waiting" in caplog.text
    assert "no image for 1 s (it answers 404 Not Found); still waiting" in caplog.text


def test_broken_and_huge_images_are_left_out_and_counted(caplog):
    bomb = bytearray(jpeg())
    place = bomb.index(b"\xff\xc0")
    bomb[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    images = [jpeg(), b"no image", bytes(bomb), jpeg()[:200]] * 40
    with serving(lambda send: stream(send, images, 0.01)) as address:
        entries = list(islice(open_source(address), 12))
    assert {entry.frame.image.shape for entry in entries} == {(48, 64, 3)}
    assert "1 image left out; the last one: " in caplog.text
    assert "were broken or too large, the first one: " in caplog.text


def test_a_camera_of_images_that_are_too_large():
    with (
        serving(endless) as address,
        pytest.raises(DatasetError, match=r"cannot be used: the image has 64x48 px, more than max"),
    ):
        open_source(address, max_image_px=64 * 48 - 1)


@pytest.mark.parametrize(
    "framed",
    [
        lambda image: b"--frame\r\nContent-type: image/jpeg\r\n\r\n" + image + b"\r\n",
        lambda image: b"--frame\n\n" + image + b"\n",
        lambda image: b"junk --frame\r\ncontent-length:%d\r\n\r\n" % len(image) + image,
        lambda image: b"\r\n----frame\r\nX: y\r\n\r\n" + image,
    ],
)
def test_ways_to_frame_parts(framed):
    def script(send):
        send(HEAD)
        for _ in range(100):
            send(framed(jpeg(120)))
            time.sleep(0.01)

    with serving(script) as address:
        for entry in islice(open_source(address), 3):
            assert abs(int(entry.frame.image.mean()) - 120) <= 2


def silent(send):
    time.sleep(1)


def dripping(send):
    send(HEAD)
    for byte in part(jpeg()):
        send(bytes([byte]))
        time.sleep(0.05)


def without_end(send):
    send(HEAD + b"--frame\r\n\r\n")
    for _ in range(10_000):
        send(bytes(65536))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (silent, r"it does not answer within 0\.4 s"),
        (dripping, r"no whole image came within 0\.4 s"),
        (lambda send: send(HEAD), "it ended the connection"),
        (lambda send: send(HEAD + part(jpeg())[:300]), "it ended the connection"),
        (lambda send: send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"),
         "it sends 'text/html', expected MJPEG"),
        (lambda send: send(b"HTTP/1.1 404 Not Found\r\n\r\n"), "it answers 404 Not Found"),
        (lambda send: send(b"\0\1\2 nonsense\r\n\r\n"), r"it cannot be reached \(BadStatusLine\)"),
        (lambda send: send(HEAD + b"--frame\r\nContent-Length: 99999999999\r\n\r\n"),
         "it sends an image of 99999999999 bytes"),
        (without_end, "bytes without the end of an image"),
        (lambda send: stream(send, [b"GIF89a"]), "the header of a GIF"),
    ],
)  # fmt: skip
def test_what_is_no_camera_is_said_in_one_sentence(script, words, monkeypatch):
    monkeypatch.setattr(mjpeg, "_LARGEST_PART_BYTES", 2**20)
    with (
        serving(script) as address,
        pytest.raises(
            DatasetError, match=rf"the camera '{address}' cannot be used: .*{words}"
        ) as e,
    ):
        open_source(address)
    assert "\n" not in str(e.value)


def secret(send, request):
    """Wants somebody:pass/word?."""
    if b"Authorization: Basic c29tZWJvZHk6cDphIHNz" not in request:
        send(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n')
        return
    endless(send)


def test_passwords_are_used_and_told_to_nobody(caplog, capfd):
    with serving(secret) as address:
        right = address.replace("//", "//somebody:p%3Aa%20ss@") + "?token=abc"
        source = open_source(right)
        assert len(list(islice(source, 2))) == 2
        wrong = address.replace("//", "//somebody:guess@")
        with pytest.raises(DatasetError, match="it answers 401 Unauthorized") as refused:
            open_source(wrong)
    told = f"{source.name} {refused.value} {caplog.text} {capfd.readouterr()}"
    assert not any(word in told for word in ("guess", "somebody", "p%3Aa", "abc"))
    assert source.name == address.replace("//", "//***@") + "?token=***"


def digested(send, request):
    """Wants somebody:guess by RFC 2617, as most IP cameras do."""

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    own = md5(f"{md5('somebody:camera:guess')}:once:{md5('GET:/stream')}")
    if f'response="{own}"'.encode() in request:
        endless(send)
    challenge = b'WWW-Authenticate: Digest realm="camera", nonce="once"'
    send(b"HTTP/1.1 401 Unauthorized\r\n" + challenge + b"\r\n\r\n")


def test_passwords_by_digest():
    with serving(digested) as address:
        assert len(list(islice(open_source(address.replace("//", "//somebody:guess@")), 2))) == 2


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("camera:0", "camera:0"),
        ("/data/a@b?c=d.mp4", "/data/a@b?c=d.mp4"),
        ("rtsp://cam.local:554/live", "rtsp://cam.local:554/live"),
        ("camera:RTSP://u:p@cam/live", "camera:RTSP://***@cam/live"),
        ("http://u:p@ss@cam/live?user=u&pwd=p", "http://***@cam/live?user=***&pwd=***"),
        ("http://u:p/q@cam/live", "http://***@cam/live"),
        ("http://u:p?q@cam/live", "http://***@cam/live"),
        ("http://cam/live?secret", "http://cam/live?***"),
    ],
)
def test_public_names(name, public):
    assert public_name(name) == public


@pytest.mark.parametrize(
    "address",
    ["http://[::1", "http://me:secret@[::1/x", "http://", "http://host:99999/", "http://h:x"],
)
def test_addresses_that_are_none(address):
    with pytest.raises(DatasetError, match="is none as http://HOST:PORT/PATH") as refused:
        open_source(address)
    assert "secret" not in str(refused.value)


def test_streams_that_are_not_there(capfd):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(DatasetError, match=r"'rtsp://\*\*\*@.*' cannot be used: it does not"):
            open_source(f"rtsp://somebody:guess@{place}/live")
    for scheme in ("http", "rtsp"):
        with pytest.raises(DatasetError, match="cannot be used: "):
            open_source(f"{scheme}://somebody:guess@{place}/live")
    assert "guess" not in str(capfd.readouterr())


@pytest.fixture
def devices(tmp_path, monkeypatch):
    monkeypatch.setattr(addresses, "_DEVICES", tmp_path)
    monkeypatch.setattr(addresses.sys, "platform", "linux")
    return tmp_path


def test_a_device_that_is_not_there_names_those_that_are(devices):
    with pytest.raises(DatasetError, match=r"video7 is not there; this machine has no camera"):
        open_source("camera:7")
    for number in (10, 2):
        (devices / f"video{number}").write_text("")
    with pytest.raises(DatasetError, match=r"this machine has \S+video2, \S+video10$"):
        open_source("camera:7")
    with pytest.raises(DatasetError, match=r"/dev/video99 is not there; this machine has"):
        open_source("/dev/video99")


def test_what_is_behind_the_word_camera_and_is_none(tmp_path):
    with pytest.raises(DatasetError, match="it is a file or a folder; leave out camera: to open"):
        open_source(f"camera:{tmp_path}")
    with pytest.raises(DatasetError, match="the camera 'camera:' cannot be used"):
        open_source("camera:")


class Unplugged:
    """In OpenCV's place: a camera that gives three images, and is back the second time after."""

    opened = 0

    def __init__(self, *_):
        Unplugged.opened += 1
        self.left = {1: 3, 2: 0}.get(Unplugged.opened, 10**6)

    def isOpened(self):  # noqa: N802
        return self.left > 0

    def get(self, _):
        return 0.0

    def read(self):
        time.sleep(0.01)
        self.left -= 1
        return self.left >= 0, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


def test_a_device_that_is_unplugged_and_returns(devices, monkeypatch, caplog):
    (devices / "video0").write_text("")
    monkeypatch.setattr(opencv.cv2, "VideoCapture", Unplugged)
    source = open_source("camera:0")
    assert source.fps == 30
    assert len(list(islice(source, 6))) == 6
    assert Unplugged.opened == 3
    assert "camera:0 is lost: it gives no image; connecting again" in caplog.text


def test_a_camera_can_be_read_again_in_part_and_from_memory():
    with serving(endless) as address:
        source = open_source(f"{address}[0:3]")
        assert source.is_live
        for _ in range(2):
            assert len(list(source)) <= 3
        kept = remembered(source, 2)
        assert kept.frame_count == 2
        first, again = ([entry.frame.stamp_ns for entry in kept] for _ in range(2))
        assert first == again
