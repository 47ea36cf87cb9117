"""What the page says in words."""

import html
import re

from approx_perception.evaluation.result import comparison_table, result_of
from approx_perception.reports.page import build_page
from approx_perception.structures import SLA
from test.metrics.records import Row, record


def page_of(**by_system):
    result = result_of(by_system, [], [])
    comparison_table(by_system, result)
    return html.unescape(build_page("made up", result, by_system, []))


def stepped(name, *phases):
    """Run of 30 frames at each ``(SLA in ms, latency in ms)``."""
    rows = [Row(ms=ms, sla=SLA(sla_ms)) for sla_ms, ms in phases for _ in range(30)]
    return [record(rows, system=name)]


def cell(text, figure):
    (found,) = re.findall(rf'data-figure="{figure}" data-value="[^"]*">([^<]*)<', text)
    return found


def test_steps_that_were_never_answered_stand_beside_reactions():
    some = page_of(ours=stepped("ours", (50, 10), (20, 10), (9, 10), (8, 10)))
    assert cell(some, "max_reaction_ms") == "0.0 ms, never after 2 of 3 steps"
    assert some.index("never after 2 of 3") < some.index("All other figures")
    none = page_of(ours=stepped("ours", (50, 10), (9, 10)))
    assert cell(none, "max_reaction_ms") == "never after 1 of 1 steps"
    assert "max_reaction_ms" not in page_of(ours=stepped("ours", (50, 10)))


def test_the_page_rounds_like_the_verdict():
    # 5.04 %: over what is allowed.
    late = [record([Row(ms=90.0 if i < 63 else 10.0) for i in range(1250)])]
    text = page_of(ours=late)
    assert "(5.1 % late)" in text
    assert cell(text, "violation_share") == "5.1 %"


def test_verdicts_of_several_slas_are_apart():
    text = page_of(
        first=stepped("first", (50, 10), (20, 10)), other=stepped("other", (50, 10), (20, 10))
    )
    assert re.search(r"inside\)</p>\s+<p[^>]*>other: SLA 20 ms", text)
