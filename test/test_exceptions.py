from approx_perception.exceptions import ConfigurationError, choices, counted, described, shown


def test_a_value_is_quoted_and_cut():
    assert shown("bgr8") == "'bgr8'"
    assert shown(1e-300) == "1e-300"
    for value in ("x" * 5_000_000, b"\0" * 5_000_000, list(range(100_000)), "\n" * 199):
        text = shown(value)
        assert len(text) <= 200
        assert text.endswith("...")


def test_what_other_libraries_say_is_one_line_and_cut():
    assert described(RuntimeError("no\n  luck")) == "RuntimeError: no luck"
    assert described(KeyError()) == "KeyError"
    assert described(ConfigurationError("x is 5")) == "x is 5"
    assert described(ConfigurationError()) == "ConfigurationError"
    for error in (RuntimeError("x" * 5000), OSError(2, "y" * 5000), ValueError("z\n" * 5000)):
        text = described(error)
        assert text.startswith(f"{type(error).__name__}: ")
        assert len(text) == 500
        assert text.endswith("...")
        assert "\n" not in text


def test_a_long_sentence_keeps_its_reason():
    text = str(ConfigurationError(f"{'x' * 5000}: it is a folder"))
    assert len(text) <= 2000
    assert text.endswith("x: it is a folder")


def test_numbers_have_their_nouns():
    assert [counted(n, "core") for n in (0, 1, 2)] == ["0 cores", "1 core", "2 cores"]
    assert counted(3, "class") == "3 classes"
    assert counted(4, "branch") == "4 branches"


def test_choices_are_listed():
    assert choices(()) == "nothing"
    assert choices(["a"]) == "'a'"
    assert choices(["a", "b", "c"]) == "'a', 'b' or 'c'"
