"""What charts show, and what is said of what they do not."""

import numpy as np

from approx_perception.branches import Branch
from approx_perception.reports.charts import accuracy_remark
from test.metrics.records import Row, record

ROWS = [Row(branch=Branch(160)), Row(branch=Branch(320)), Row(branch=Branch(320))]


def test_branches_without_expected_accuracy_are_told():
    known, unknown = record(ROWS), record(ROWS)
    unknown.frames["expected_accuracy"][:] = np.nan
    assert accuracy_remark({"ours": [known]}) == ""
    assert accuracy_remark({"ours": [known], "fixed": [unknown]}) == ""
    assert accuracy_remark({"ours": [unknown]}).startswith("2 of 2 branches that ran are not shown")
    known.frames["expected_accuracy"][:1] = np.nan
    assert accuracy_remark({"ours": [known]}).startswith("1 of 2 branches that ran are not shown")
    assert "--profile" in accuracy_remark({"ours": [known]})


def test_no_profile_is_asked_for_where_one_was_given():
    fixed = record(ROWS, configuration={"system": "fixed", "profile": "profiles/mine.json"})
    fixed.frames["expected_accuracy"][:] = np.nan
    assert accuracy_remark({"fixed": [fixed]}) == (
        "2 of 2 branches that ran are not shown as points: fixed expected no accuracy of them."
    )


def test_nothing_that_ran_lacks_nothing():
    assert accuracy_remark({"ours": [record([Row(dropped=True)])]}) == ""
