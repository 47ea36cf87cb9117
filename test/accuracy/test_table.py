import json

import numpy as np
import pytest

from approx_perception.accuracy.table import AccuracyTable, accuracy_of_space
from approx_perception.assembly import load_space
from approx_perception.branches import Branch
from approx_perception.exceptions import ConfigurationError

TABLE = AccuracyTable(
    "by hand",
    {
        Branch(160, 20): 0.4,
        Branch(320, 20): 0.8,
        Branch(320, 20, 4, "median_flow", 1): 0.7,
        Branch(320, 20, 4, "kcf", 1): 0.5,
    },
)


def test_measured_branches_have_their_values():
    space = load_space("approxdet", "")
    values = accuracy_of_space(space, TABLE)
    assert values[space.index(Branch(320, 20))] == 0.8
    assert values[space.index(Branch(320, 20, 4, "median_flow", 1))] == 0.7


def test_others_take_after_their_neighbours():
    space = load_space("approxdet", "")
    values = accuracy_of_space(space, TABLE)
    near = values[space.index(Branch(224, 20))]
    assert 0.4 < near < 0.8
    assert values[space.index(Branch(320, 20, 4, "median_flow", 2))] > 0.6
    assert ((values >= 0) & (values <= 1)).all()


def test_longer_intervals_than_measured_are_not_trusted():
    space = load_space("approxdet", "")
    values = accuracy_of_space(space, TABLE)
    by_si = [
        values[space.index(Branch(320, 20, si, "median_flow", 1))] for si in (4, 8, 20, 50, 100)
    ]
    assert (np.diff(by_si) < 0).all()


def test_without_a_table_knobs_rank_the_branches():
    space = load_space("approxdet", "")
    values = accuracy_of_space(space, None)
    assert (values < 0).all()
    assert values.argmax() == space.index(space.default_branch)


def test_table_is_read_back(tmp_path):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE.to_dict()))
    assert AccuracyTable.from_json(path) == TABLE


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"origin": "x", "ap50": {"shape=a": 1}}'])
def test_broken_tables_are_refused(tmp_path, text):
    path = tmp_path / "table.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"table\.json|knob shape"):
        AccuracyTable.from_json(path)
