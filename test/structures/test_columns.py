import numpy as np
import pytest

from approx_perception.structures.columns import PartsView, TableOnDisk, joined_in_blocks

KINDS = {"boxes": (np.float32, 4), "ids": np.int64, "seen": np.bool_}


@pytest.mark.parametrize("counts", [[], [0], [3], [2, 0, 1], [1] * 1500])
def test_a_table_on_disk_gives_back_what_it_took(counts):
    table, parts = TableOnDisk(KINDS), []
    for count in counts:
        first = len(table)
        part = {
            "boxes": np.arange(4 * count).reshape(count, 4) / 3,
            "ids": np.arange(first, first + count), "seen": np.arange(count) % 2 == 0,
        }  # fmt: skip
        table.append(part)
        parts.append(part)
    assert len(table) == sum(counts)
    columns = table.finish()
    assert columns["boxes"].dtype == np.float32
    assert columns["boxes"].shape == (sum(counts), 4)
    for name, column in columns.items():
        if parts:
            wanted = np.concatenate([part[name] for part in parts])
            np.testing.assert_allclose(column, wanted, rtol=1e-6)


@pytest.mark.parametrize("counts", [[], [0], [3], [2, 0, 0, 1], [1] * 1100])
def test_parts_of_joined_columns_are_the_parts(counts):
    parts = [np.arange(count) + 10 * index for index, count in enumerate(counts)]
    (column,) = joined_in_blocks(((part,) for part in parts), (np.zeros(0, np.int64),))
    view = PartsView(column, np.array(counts, np.int64))
    assert len(view) == len(parts)
    assert [part.tolist() for part in view] == [part.tolist() for part in parts]
    assert [view[i].tolist() for i in range(len(view))] == [part.tolist() for part in parts]
