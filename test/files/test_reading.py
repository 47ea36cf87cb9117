"""Files of others: whatever is wrong with one, there is one sentence, at once."""

import hashlib
import io
import json
import os
import zipfile

import numpy as np
import pytest

from approx_perception.exceptions import ConfigurationError, DatasetError, WeightsError
from approx_perception.files import (
    file_sha256,
    read_columns,
    read_json,
    read_json_table,
    read_text,
    read_yaml_table,
    write_columns,
)


def written(folder, content, name="file"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read_yaml(path):
    return read_yaml_table(path, "scenario", "steps")


def read_any_text(path):
    return read_text(path, "list")


def read_any_json(path):
    return read_json(path, "table")


READERS = [read_any_text, read_any_json, read_yaml, read_columns]


@pytest.mark.parametrize("reader", READERS)
class TestEveryReader:
    @staticmethod
    def refusal(reader, path):
        with pytest.raises(ConfigurationError) as caught:
            reader(path)
        text = str(caught.value)
        assert str(path) in text
        assert "\n" not in text
        return text

    def test_named_pipe_does_not_hang(self, reader, tmp_path):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        assert "named pipe" in self.refusal(reader, path)

    def test_folder(self, reader, tmp_path):
        assert "folder" in self.refusal(reader, tmp_path)

    def test_device(self, reader, tmp_path):
        path = tmp_path / "link"
        path.symlink_to("/dev/zero")
        assert "device" in self.refusal(reader, path)

    def test_missing(self, reader, tmp_path):
        assert "No such file" in self.refusal(reader, tmp_path / "nowhere")

    def test_link_to_itself(self, reader, tmp_path):
        path = tmp_path / "link"
        path.symlink_to(path)
        assert "symbolic links" in self.refusal(reader, path)

    def test_terabyte(self, reader, tmp_path):
        path = tmp_path / "large"
        with path.open("wb") as file:
            file.truncate(2**40)
        assert str(2**40) in self.refusal(reader, path)

    def test_binary(self, reader, tmp_path):
        self.refusal(reader, written(tmp_path, bytes(range(256))))
        self.refusal(reader, written(tmp_path, b"\0" * 100))

    def test_utf_16(self, reader, tmp_path):
        self.refusal(reader, written(tmp_path, "a: 1".encode("utf-16-le")))


@pytest.mark.parametrize("kind", [DatasetError, WeightsError])
def test_error_is_of_the_class_asked_for(kind, tmp_path):
    with pytest.raises(kind, match="cannot read the list"):
        read_text(tmp_path, "list", kind)
    with pytest.raises(kind, match="no table"):
        read_json_table(written(tmp_path, "[]"), "list", kind)


def test_byte_order_mark_is_accepted(tmp_path):
    assert read_any_text(written(tmp_path, b"\xef\xbb\xbfcar\n")) == "car\n"
    assert read_any_json(written(tmp_path, b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}
    assert read_yaml(written(tmp_path, b"\xef\xbb\xbfa: 1")) == {"a": 1}


def laughs(levels):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merged_laughs(levels):
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (laughs(12), "100000 values"),
        (merged_laughs(12), "100000 values"),
        ("a: &a [*a]", "64 levels"),
        ("a: &a {b: *a}", "64 levels"),
        ("? &a [*a]\n: 1", "64 levels"),
        ("[" * 100_000, "64 levels"),
        ("- " * 100_000 + "1", "64 levels"),
        ("{a: " * 70 + "1" + "}" * 70, "64 levels"),
        ("a: 2024-13-45", "in quotes"),
        ("a: 2024-01-01", "timestamp"),
        ("2024-01-01 10:00:00: 1", "timestamp"),
        ("a: !!binary x", "binary"),
        ("a: !!python/object/apply:os.system [ls]", "in quotes"),
        ("a: !!set {b}", "set"),
        ("a: !!int x", "is no scenario"),
        ("a: !!bool x", "is no scenario"),
        ("a: !!float x", "is no scenario"),
        ("a: " + "9" * 5000, "is no scenario"),
        ("a: 99999999999999999999", "line 1: a is an integer of 67 bits"),
        ("a: 1\nb:\n- 1\n- {c: [2, .nan]}", "line 4: b[1].c[1] is nan, which is no finite number"),
        ("1: {2: [" + "9" * 26 + "]}", "line 1: 1.2[0] is an integer of 87 bits"),
        ("? [1]\n: .inf", "line 2: a list is inf"),
        ("!!float '.inf'", "the value is inf"),
        ("a: !" + "k" * 10_000 + " x", "of the kind !kkk"),
        ("a: *" + "k" * 10_000, "undefined alias"),
        ("k" * 900 + ": .inf", "kkk is inf"),
        ("a: .inf", "a is inf"),
        ("a: [1, {b: .nan}]", "a[1].b is nan"),
        ("a: 1.0e+999", "a is inf"),
        ("a: 1.0e+30", "a is 1e+30"),
        (".nan: 1", "a key is nan"),
        ("a: 1\nb: 2\na: 3", "line 3 has the key 'a' a second time"),
        ("a: {b: 1, b: 2}", "line 1 has the key 'b'"),
        ("a: *b", "undefined alias"),
        ("a: [", "is no scenario"),
        ("a: 1\n---\na: 2", "is no scenario"),
        ("{[1]: 2}", "unhashable"),
        ("- 1", "must hold steps"),
        ("", "must hold steps"),
        ("a: \x07", "is no scenario"),
    ],
)  # fmt: skip
def test_yaml_that_cannot_be_used(text, reason, tmp_path):
    with pytest.raises(ConfigurationError, match="is no scenario") as caught:
        read_yaml(written(tmp_path, text))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_yaml_anchors_and_quoted_dates_can_be_used(tmp_path):
    text = "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\nd: '2024-01-01'\n"
    assert read_yaml(written(tmp_path, text)) == {
        "a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}, "d": "2024-01-01",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100 + "]" * 100, "64 levels"),
        ("[" * 100_000, "64 levels"),
        ('{"a":' * 100_000, "64 levels"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1e999}', "a is inf"),
        ('{"a": [{"b": 1}, {"box": [1, 1e999]}]}', "a[1].box[1] is inf"),
        ("[1e999]", "[0] is inf"),
        ("9" * 5000, "no JSON"),
        ('{"a": [1' + "0" * 400 + "]}", "bits"),
        ("{", "no JSON"),
        ("", "no JSON"),
        ("{'a': 1}", "no JSON"),
    ],
)
def test_json_that_cannot_be_used(text, reason, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read the table") as caught:
        read_any_json(written(tmp_path, text))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def npy(shape, dtype="<f8", body=b""):
    buffer = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(buffer, header)
    return buffer.getvalue() + body


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped("a.npy", npy((10**12,))), "header tells of an array of 8000000000000"),
        (zipped("a.npy", npy((10**30,))), "header tells of"),
        (zipped("a.npy", npy((1,), body=b"1234")), "header tells of an array of 8"),
        (zipped("a.npy", npy((1,), body=b"1234567890")), "header tells of an array of 8"),
        (zipped("a.npy", npy((2**28,), "|u1", b"\0" * 2**28)), "allowed"),
        (zipped("a.npy", npy((1,), "|O")), "Python objects"),
        (zipped("a.npy", b"\x93NUMPY\x09\x00"), "version"),
        (zipped("a.npy", b"text"), "magic"),
        (zipped("a.npy", b""), "holds no readable arrays"),
        (npz(a=np.arange(1000.0))[:-30], "holds no readable arrays"),
        (npz(a=np.arange(1000.0))[:200], "holds no readable arrays"),
        (b"", "holds no readable arrays"),
        (npy((1,), body=b"12345678"), "holds no readable arrays"),
        (b"PK\x03\x04", "holds no readable arrays"),
    ],
    ids=range(14),
)  # fmt: skip
def test_npz_that_cannot_be_used(content, reason, tmp_path):
    path = written(tmp_path, content)
    with pytest.raises(ConfigurationError, match="holds no readable arrays") as caught:
        read_columns(path)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_damaged_byte_of_an_npz_is_refused_or_harmless(tmp_path):
    whole = npz(a=np.arange(8), b=np.array("text"))
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path = written(tmp_path, bytes(damaged))
        try:
            columns = read_columns(path)
        except ConfigurationError:
            continue
        # What is not covered by checksums are names, dates and flags.
        for array in columns.values():
            assert array.tolist() in (list(range(8)), "text")


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.array("text"), np.arange(6).reshape(2, 3)])
def test_arrays_come_back(array, tmp_path):
    write_columns(tmp_path / "a.npz", {"a": array, "f": array.T})
    columns = read_columns(tmp_path / "a.npz")
    assert columns["a"].dtype == array.dtype
    assert np.array_equal(columns["a"], array)
    assert np.array_equal(columns["f"], array.T)
    assert json.dumps(sorted(columns)) == '["a", "f"]'


def test_a_hash_is_of_all_pieces(tmp_path):
    content = b"piece" * 2**18
    assert file_sha256(written(tmp_path, content), "list") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("name", "reason"), [("none", "there is no list"), (".", "a folder")])
def test_what_is_no_file_has_no_hash(tmp_path, name, reason):
    with pytest.raises(WeightsError, match=reason):
        file_sha256(tmp_path / name, "list", WeightsError)
