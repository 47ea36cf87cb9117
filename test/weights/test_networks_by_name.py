"""Networks by name, from a server on loopback that does what servers do."""

import hashlib
import threading
import time
from dataclasses import replace
from urllib.request import Request

import pytest
from typer.testing import CliRunner

from approx_perception.assembly.loading import load_network
from approx_perception.assembly.options import KernelOptions
from approx_perception.cli.main import app
from approx_perception.detectors.registry import family_for
from approx_perception.exceptions import ApproxPerceptionError, OutputError, WeightsError
from approx_perception.weights import cache
from approx_perception.weights.cache import MIRROR, cached_path, fetch, weights_file
from approx_perception.weights.catalogue import CATALOGUE
from approx_perception.weights.download import NotHadError, _Redirects
from test.weights.server import CONTENT, Server


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv(MIRROR, raising=False)
    with Server() as server:
        yield server


@pytest.fixture
def known(monkeypatch, server):
    """Put a network into the catalogue that the server has, with its hash and size or without."""

    def put(content=CONTENT, **changes):
        network = replace(
            CATALOGUE["yolox_nano"], address=f"{server.address}/tiny.onnx", size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        monkeypatch.setattr(cache, "CATALOGUE", {"tiny": replace(network, **changes)})

    put()
    return put


def part():
    return cached_path("tiny").with_name("tiny.onnx.part")


class TestDownload:
    def test_once_whole_and_with_progress(self, server, known, caplog):
        told = []
        path = fetch("tiny", lambda *progress: told.append(progress))
        assert f"downloading tiny (Apache-2.0) from 127.0.0.1 to {path}, once" in caplog.text
        assert path.read_bytes() == CONTENT
        assert told[0] == ("downloading tiny (Apache-2.0) from 127.0.0.1", 0, len(CONTENT))
        assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
        assert told[-1][1:] == (len(CONTENT), len(CONTENT))
        assert fetch("tiny") == path
        assert len(server.asked) == 1
        assert not part().exists()

    @pytest.mark.parametrize("way", ["half", "half, no length"])
    def test_cut_off_half_way_and_resumed(self, server, known, way):
        server.way = way
        half = len(CONTENT) // 2
        with pytest.raises(WeightsError, match=f"ended after {half} of {len(CONTENT)} bytes"):
            fetch("tiny")
        assert not cached_path("tiny").exists()
        server.way = "well"
        assert fetch("tiny").read_bytes() == CONTENT
        assert [wanted for _, wanted in server.asked] == ["", f"bytes={half}-"]

    @pytest.mark.parametrize("way", ["no ranges", "no ranges, no length"])
    def test_anew_from_a_server_without_ranges(self, server, known, way):
        part().parent.mkdir(parents=True)
        part().write_bytes(b"x" * 1000)
        server.way = way
        if way != "no ranges":
            part().unlink()
        assert fetch("tiny").read_bytes() == CONTENT

    def test_anew_where_the_part_is_longer_than_the_file(self, server, known):
        part().parent.mkdir(parents=True)
        part().write_bytes(CONTENT + b"x")
        assert fetch("tiny").read_bytes() == CONTENT

    def test_anew_where_no_hash_would_tell_pieces_of_two_files(self, server, known):
        known(sha256="")
        part().parent.mkdir(parents=True)
        part().write_bytes(b"x" * 1000)
        assert fetch("tiny").read_bytes() == CONTENT

    def test_stopped_by_who_waits(self, server, known):
        def stop(text, done, total):
            if done:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            fetch("tiny", stop)
        assert part().stat().st_size > 0
        assert fetch("tiny").read_bytes() == CONTENT
        assert server.asked[1][1].startswith("bytes=")

    @pytest.mark.parametrize(
        ("way", "words"),
        [
            ("404", "the server answers 404"),
            ("500", "the server answers 500"),
            ("half, then silent", "the server is silent for 0.2 s"),
            (
                "redirect ftp://127.0.0.1/x?secret",
                "redirected to 'ftp://127.0.0.1', which is no https",
            ),
            ("redirect file:///etc/passwd", "302 .*not allowed"),
            ("redirect /again", "redirect"),
        ],
    )
    def test_what_servers_do_is_a_sentence_that_says_what_to_do(self, server, known, way, words):
        server.way = way
        with pytest.raises(WeightsError, match=words) as raised:
            fetch("tiny", timeout_s=0.2)
        path = cached_path("tiny")
        assert f"put the file {server.address}/tiny.onnx as {path}, or name" in str(raised.value)
        assert MIRROR in str(raised.value)
        assert not path.exists()

    def test_without_a_network(self, server, known):
        known(address="http://127.0.0.1:9/tiny.onnx")
        with pytest.raises(WeightsError, match=r"cannot download tiny from 127.0.0.1: .*refused"):
            fetch("tiny")
        path = cached_path("tiny")
        path.write_bytes(CONTENT)
        assert fetch("tiny") == path

    def test_redirected(self, server, known):
        server.way = "redirect /elsewhere"
        assert fetch("tiny").read_bytes() == CONTENT

    def test_never_from_https_to_http(self):
        request = Request("https://127.0.0.1/a")
        with pytest.raises(NotHadError, match="which is no https address"):
            _Redirects().redirect_request(request, None, 302, "", {}, "http://127.0.0.1/a")

    @pytest.mark.parametrize("way", ["well", "no length"])
    def test_more_than_is_expected(self, server, known, way):
        server.content, server.way = CONTENT + b"x", way
        with pytest.raises(WeightsError, match=f"more than the {len(CONTENT)}"):
            fetch("tiny")

    def test_another_file(self, server, known):
        server.content = CONTENT[::-1]
        with pytest.raises(WeightsError, match=r"is not tiny: its SHA-256 is .*, expected is"):
            fetch("tiny")
        assert not part().exists()

    def test_where_no_hash_is_known_the_first_one_counts(self, server, known, caplog):
        known(sha256="", size=None)
        digest = hashlib.sha256(CONTENT).hexdigest()
        path = fetch("tiny")
        assert f"its SHA-256 {digest} is kept" in caplog.text
        assert fetch("tiny") == path
        path.write_bytes(b"another")
        with pytest.raises(WeightsError, match=f"expected is {digest}; delete it"):
            fetch("tiny")

    @pytest.mark.parametrize(
        ("content", "words"),
        [(b"<html>log in</html>", "it gives is a web page"), (b"", "is empty")],
    )
    def test_a_login_page_does_not_count_as_the_first_download(self, server, known, content, words):
        known(sha256="", size=None)
        server.content = content
        with pytest.raises(WeightsError, match=words):
            fetch("tiny")
        assert not cached_path("tiny").exists()
        server.content = CONTENT
        assert fetch("tiny").read_bytes() == CONTENT

    def test_a_length_that_cannot_be_is_as_none(self, server, known):
        server.way = "no length, but an endless one"
        assert fetch("tiny").read_bytes() == CONTENT

    def test_a_file_that_was_put_there_is_checked(self, server, known):
        path = cached_path("tiny")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"another")
        with pytest.raises(WeightsError, match="is not tiny"):
            fetch("tiny")

    def test_two_at_a_time(self, server, known):
        server.way, told, paths = "half, then silent", [], []

        def fail():
            with pytest.raises(WeightsError, match="silent"):
                fetch("tiny", timeout_s=1)

        first = threading.Thread(target=fail)
        first.start()
        while not server.asked:
            time.sleep(0.01)
        server.way = "well"
        second = threading.Thread(
            target=lambda: paths.append(fetch("tiny", lambda text, *_: told.append(text)))
        )
        second.start()
        first.join()
        second.join()
        assert told[0] == "waiting for the download of tiny"
        assert paths[0].read_bytes() == CONTENT
        assert server.asked[1][1].startswith("bytes=")

    def test_a_full_disk(self, server, known):
        part().parent.mkdir(parents=True)
        part().symlink_to("/dev/full")
        with pytest.raises(OutputError, match=r"No space left on device; .*XDG_CACHE_HOME"):
            fetch("tiny")

    def test_a_cache_that_cannot_be_made(self, server, known, monkeypatch, tmp_path):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(OutputError, match=r"write .*: Not a directory; .*XDG_CACHE_HOME"):
            fetch("tiny")


class TestMirror:
    def test_has_files_by_name(self, server, known, monkeypatch):
        known(address="https://127.0.0.1:9/other.onnx")
        monkeypatch.setenv(MIRROR, f"{server.address}/networks/")
        assert fetch("tiny").read_bytes() == CONTENT
        assert server.asked[0][0] == "/networks/tiny.onnx"

    def test_that_lacks_a_file_is_not_where_to_take_it_from(self, server, known, monkeypatch):
        known(address="https://makers.invalid/other.onnx")
        monkeypatch.setenv(MIRROR, server.address)
        server.way = "404"
        with pytest.raises(WeightsError, match=r"from 127.0.0.1: the server answers 404") as raised:
            fetch("tiny")
        assert "put the file https://makers.invalid/other.onnx as" in str(raised.value)

    @pytest.mark.parametrize(
        "mirror",
        [
            "ftp://host/a",
            "host/a",
            "https://",
            "http://host:port/",
            "https://me:secret@host/a",
            "https://host/a?token=secret",
        ],
    )
    def test_that_is_none(self, server, known, monkeypatch, mirror):
        monkeypatch.setenv(MIRROR, mirror)
        with pytest.raises(ApproxPerceptionError, match="is no address as https://") as raised:
            fetch("tiny")
        assert "secret" not in str(raised.value)


class TestNames:
    @pytest.mark.parametrize("name", ["yolox_nanoo", "yolox-nano", "yolov8n"])
    def test_that_do_not_exist_name_the_choices(self, name):
        with pytest.raises(WeightsError, match=f"no network '{name}'; networks are 'yolox_nano'"):
            weights_file(name)

    @pytest.mark.parametrize("weights", ["", "net.pt", "folder/net", "Some_Weights.COCO_V1"])
    def test_other_weights_are_left_alone(self, weights):
        assert weights_file(weights) == weights

    def test_a_file_of_that_name_comes_first(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "yolox_nano").touch()
        assert weights_file("yolox_nano") == "yolox_nano"
        assert family_for("faster_rcnn", "yolox_nano") == "faster_rcnn"

    def test_a_user_without_a_home(self, monkeypatch):
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr("pathlib.Path.home", lambda: (_ for _ in ()).throw(RuntimeError()))
        with pytest.raises(ApproxPerceptionError, match="no home folder"):
            cached_path("yolox_nano")

    def test_all_are_safe_to_use_and_told_of(self, root):
        page = (root / "docs" / "start.md").read_text()
        for name, network in CATALOGUE.items():
            assert name.isidentifier()
            assert network.address.startswith("https://")
            assert f"| `{name}` | {network.px[0]}" in page
            assert network.licence in ("Apache-2.0", "MIT")
            assert len(network.sha256) in (0, 64)


@pytest.fixture
def tiny_yolox(server, monkeypatch, tmp_path):
    """What the server has in place of YOLOX-nano, with hash and size."""
    # Only here: onnx may be missing.
    from test.detectors.onnx_models import write_yolox

    content = write_yolox(tmp_path / "any.onnx", classes=80).read_bytes()
    monkeypatch.setenv(MIRROR, server.address)
    server.content = content
    network = replace(
        CATALOGUE["yolox_nano"], size=len(content), sha256=hashlib.sha256(content).hexdigest(),
        stated={"size": [416, 416]},
    )  # fmt: skip
    monkeypatch.setattr(cache, "CATALOGUE", {"yolox_nano": network})


def test_a_name_becomes_a_network(tiny_yolox):
    told = []
    detector, _ = load_network(KernelOptions(weights="yolox_nano"), report=told.append)
    assert detector.weights_path == cached_path("yolox_nano")
    assert len(detector.class_names) == 80
    assert detector.own_shapes((160, 416)) == (416,)
    assert told[-1].startswith("downloading yolox_nano (Apache-2.0) from 127.0.0.1: 100 % of ")


def test_commands_take_names(tiny_yolox, server, tmp_path):
    words = [
        "run",
        "synthetic:calm",
        "--weights",
        "yolox_nano",
        "--branch",
        "shape=416",
        "--frames",
        "2",
        "--out",
    ]
    result = CliRunner().invoke(app, [*words, str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "note: downloading yolox_nano (Apache-2.0) from 127.0.0.1" in result.stderr
    config = (tmp_path / "out" / "config.yaml").read_text()
    assert "weights: yolox_nano\n" in config
    assert "detector: onnx" in config
    assert len(server.asked) == 1
