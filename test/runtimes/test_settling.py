import json
from pathlib import Path
from typing import ClassVar
from unittest.mock import Mock

import numpy as np
import pytest

from approx_perception.clock import FakeClock
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.runtimes import (
    Graph,
    GraphSource,
    Runtime,
    RuntimeOptions,
    opening,
    remembering,
    settled,
    settling,
)
from approx_perception.runtimes.agreement import far_sentence, farness
from approx_perception.runtimes.remembering import Memory

INPUTS = {"image": np.ones((1, 3, 8, 8), np.float32)}
OUTPUT = np.linspace(1, 2, 12, dtype=np.float32).reshape(4, 3)


class TimedGraph(Graph):
    """Gives one output, and takes its time of a clock."""

    inputs = outputs = ()
    metadata: ClassVar = {}
    device = "cpu"

    def __init__(self, path, runtime, precision, ms, clock, output=OUTPUT):
        self.source, self.runtime, self.precision = GraphSource(path), runtime, precision
        self._ms, self._clock, self._output = ms, clock, output
        self.runs = 0

    def run(self, inputs):
        self.runs += 1
        self._clock.advance_ms(self._ms)
        return [self._output]


class Bench:
    """Runtimes of which each precision takes a time and gives an output."""

    def __init__(self, tmp_path, monkeypatch):
        self.path = tmp_path / "graph.onnx"
        self.path.write_bytes(b"\x08\x08\xff\x00")
        self.clock, self.memory = FakeClock(), Memory(tmp_path / "cache")
        self.ms, self.outputs, self.opened, self.imported = {}, {}, [], []
        #: Of its time that OpenVINO takes in a graph for one shape.
        self.share = 1.0
        monkeypatch.setattr(settling, "runtime_named", self.runtime_named)
        monkeypatch.setattr(settling, "_WORTH_MS", 1.0)
        monkeypatch.setattr(settling, "Memory", Memory)
        monkeypatch.setattr(opening, "runtime_named", self.runtime_named)
        for module in (opening, settling):
            monkeypatch.setattr(module, "installed_runtimes", lambda: tuple(dict(self.names())))
        monkeypatch.setattr(remembering, "versions", lambda: {n: "1" for n, _ in self.ms})

    def names(self):
        return dict.fromkeys(runtime for runtime, _ in self.ms).items()

    def runtime_named(self, name):
        bench = self
        self.imported.append(name)

        class Timed(Runtime):
            def devices(self):
                return ("cpu",)

            def precisions(self, device):
                return tuple(precision for runtime, precision in bench.ms if runtime == name)

            def open(self, source, device, precision, num_threads, per_shape=False):
                return bench.graph(name, precision, bench.share if per_shape else 1.0)

        Timed.name = name
        Timed.compiles_shapes = name == "openvino" and bench.share < 1
        return Timed()

    def graph(self, runtime, precision, share=1.0):
        graph = TimedGraph(
            self.path, runtime, precision, share * self.ms[runtime, precision], self.clock,
            self.outputs.get((runtime, precision), OUTPUT),
        )  # fmt: skip
        if isinstance(graph._output, Exception):
            raise graph._output
        self.opened.append(graph)
        return graph

    def settled(self, **options):
        reference = self.graph("onnxruntime", "float32")
        return settled(reference, RuntimeOptions(**options), INPUTS, self.memory, self.clock)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch)
    bench.ms = {
        ("onnxruntime", "float32"): 10.0,
        ("openvino", "float32"): 14.0,
        ("openvino", "bfloat16"): 6.0,
    }
    return bench


def test_the_fastest_is_taken_and_told(bench):
    graph = bench.settled()
    assert (graph.runtime, graph.precision) == ("openvino", "bfloat16")
    assert graph.reason == (
        "openvino bfloat16 6.0 ms, onnxruntime float32 10.0 ms, openvino float32 14.0 ms"
    )


def test_a_small_gain_is_not_worth_other_numbers(bench):
    bench.ms["openvino", "bfloat16"] = 9.5
    graph = bench.settled()
    assert (graph.runtime, graph.precision) == ("onnxruntime", "float32")


@pytest.mark.parametrize(("share", "is_taken"), [(0.5, True), (0.95, False)])
def test_graphs_for_one_shape_are_taken_where_they_are_faster(bench, share, is_taken):
    bench.share = share
    for graph in (bench.settled(), bench.settled()):  # Measured, and remembered.
        assert graph.reason.startswith("openvino bfloat16 by shape 3.0 ms, ") is is_taken
        assert graph._ms == (3.0 if is_taken else 6.0)
    only = bench.settled(runtime="openvino", precision="float32")
    assert only._ms == (7.0 if is_taken else 14.0)


def test_options_bound_the_choice(bench):
    assert bench.settled(precision="float32").runtime == "onnxruntime"
    assert bench.settled(runtime="openvino").precision == "bfloat16"
    graph = bench.settled(runtime="openvino", precision="float32")
    assert (graph.runtime, graph.precision, graph.reason) == ("openvino", "float32", "")


def test_a_hopeless_one_is_given_up_at_once(bench):
    bench.ms["openvino", "float32"] = 100.0
    graph = bench.settled()
    assert "openvino float32 100.0 ms in its first run" in graph.reason
    (hopeless,) = (
        each for each in bench.opened if (each.runtime, each.precision) == ("openvino", "float32")
    )
    assert hopeless.runs == 2


def test_measuring_is_bounded(bench):
    bench.ms = dict.fromkeys(bench.ms, 500.0)
    bench.settled()
    assert bench.clock.now_ns / 1e6 < 10_000


def test_nothing_is_measured_of_a_graph_that_takes_no_time(bench):
    bench.ms["onnxruntime", "float32"] = 0.5
    graph = bench.settled()
    assert (graph.runtime, len(bench.opened)) == ("onnxruntime", 1)
    assert "no other was tried" in graph.reason


def test_later_starts_remember(bench):
    first = bench.settled()
    bench.ms["openvino", "bfloat16"] = 50.0
    bench.opened.clear()
    again = bench.settled()
    assert (again.runtime, again.precision) == (first.runtime, first.precision)
    assert len(bench.opened) == 2  # The reference, and what it was.
    (file,) = bench.memory.folder.iterdir()
    assert f"to measure again delete {file}" in again.reason
    file.unlink()
    assert bench.settled().runtime == "onnxruntime"


def test_what_is_remembered_spares_the_import_of_others(bench):
    bench.ms["openvino", "bfloat16"] = 50.0
    bench.settled()
    bench.imported.clear()
    assert bench.settled().runtime == "onnxruntime"
    assert "openvino" not in bench.imported


@pytest.mark.parametrize(
    "setup",
    [
        ["tvm", "cpu", "float32"], ["openvino", "gpu", "int3"], ["openvino", "cuda", "bfloat16"],
        ["onnxruntime", "cpu", "bfloat16", False],
    ],
)  # fmt: skip
def test_what_is_not_here_any_more_is_measured_anew(bench, monkeypatch, setup):
    def missing(name):
        if name != "tvm":
            return bench.runtime_named(name)
        raise ConfigurationError("there is no runtime 'tvm'")

    bench.settled()
    (file,) = bench.memory.folder.iterdir()
    file.write_text(json.dumps({"setup": setup, "reason": "it was"}))
    monkeypatch.setattr(opening, "runtime_named", missing)
    assert bench.settled().precision == "bfloat16"


def test_a_later_start_opens_nothing_but_what_was_chosen(bench):
    bench.settled()
    bench.opened.clear()
    source = GraphSource(bench.path)
    graph = settled(source, RuntimeOptions(), INPUTS, bench.memory, bench.clock)
    assert bench.opened == [graph]
    assert (graph.runtime, graph.precision) == ("openvino", "bfloat16")
    bench.memory = Memory(None)
    again = settled(source, RuntimeOptions(), INPUTS, bench.memory, bench.clock)
    assert (again.runtime, again.precision) == ("openvino", "bfloat16")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"setup": 3}', '{"setup": ["a"]}', "\0"])
def test_a_damaged_memory_is_measured_anew(bench, content):
    bench.settled()
    (file,) = bench.memory.folder.iterdir()
    file.write_text(content)
    assert bench.settled().runtime == "openvino"
    assert json.loads(file.read_text())["setup"][:3] == ["openvino", "cpu", "bfloat16"]


def test_another_graph_or_number_of_threads_is_measured_by_itself(bench):
    bench.settled()
    bench.settled(num_threads=7)
    bench.path.write_bytes(b"other")
    bench.settled()
    assert len(list(bench.memory.folder.iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_told(bench, caplog, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert bench.settled().runtime == "openvino"
    assert "not remembered" in caplog.text


def test_a_user_without_a_folder_for_it_measures_each_time(bench, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", Mock(side_effect=RuntimeError))
    bench.memory = None
    assert bench.settled().runtime == bench.settled().runtime == "openvino"


@pytest.mark.parametrize(
    "output", [-OUTPUT, np.full_like(OUTPUT, np.nan), OUTPUT[:3], WeightsError("unreadable")]
)
def test_what_computes_something_else_is_left_out_or_refused(bench, output):
    bench.outputs["openvino", "bfloat16"] = output
    graph = bench.settled()
    assert graph.runtime == "onnxruntime"
    assert "openvino bfloat16 was left out: " in graph.reason
    with pytest.raises((ConfigurationError, WeightsError), match=r"openvino bfloat16: |unreadable"):
        bench.settled(precision="bfloat16")


def test_rounding_and_rows_in_another_order_are_no_difference():
    rounded = OUTPUT * np.float32(1.01)
    assert farness(rounded, OUTPUT) == pytest.approx(0.01, rel=0.01)
    assert farness(OUTPUT[::-1], OUTPUT) == 0
    assert farness(np.array([3]), np.array([4])) == 0  # Classes of rows that changed places.
    assert farness(OUTPUT[:0], OUTPUT[:0]) == 0
    assert farness(OUTPUT, 0 * OUTPUT) == np.inf


@pytest.mark.parametrize("is_transposed", [False, True])
def test_scores_that_are_lost_beside_boxes_in_px_are_told(is_transposed):
    table = np.zeros((1, 200, 6), np.float32)
    table[..., :4] = np.linspace(0, 640, 200)[None, :, None]
    table[0, ::20, 4] = 0.9
    without, rounded = table.copy(), table * np.float32(1.004)
    without[..., 4:] = 0
    if is_transposed:
        table, without, rounded = (each.swapaxes(1, 2) for each in (table, without, rounded))
    assert farness(without, table) < 0.01
    assert "off those in float32" in far_sentence([without], [table], "bfloat16")
    assert far_sentence([rounded], [table], "float32") == ""
