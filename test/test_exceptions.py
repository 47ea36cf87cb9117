from approx_perception.exceptions import choices, shown


def test_a_value_is_quoted_and_cut():
    assert shown("bgr8") == "'bgr8'"
    assert shown(1e-300) == "1e-300"
    for value in ("x" * 5_000_000, b"\0" * 5_000_000, list(range(100_000)), "\n" * 199):
        text = shown(value)
        assert len(text) <= 200
        assert text.endswith("...")


def test_choices_are_listed():
    assert choices(()) == "nothing"
    assert choices(["a"]) == "'a'"
    assert choices(["a", "b", "c"]) == "'a', 'b' or 'c'"
