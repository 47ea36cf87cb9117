import typer
from typer.testing import CliRunner

from approx_perception.cli._verb import one_sentence_errors
from approx_perception.exceptions import DatasetError
from approx_perception.notices import notice


def run(command):
    app = typer.Typer()
    app.command()(one_sentence_errors(command))
    return CliRunner().invoke(app)


def test_a_notice_is_printed_once_and_leaves_the_exit_code_alone():
    def command() -> None:
        notice("2 of 5 images of [bag] are left out")
        notice("2 of 5 images of [bag] are left out")

    result = run(command)
    assert result.exit_code == 0
    assert result.stderr == "note: 2 of 5 images of [bag] are left out\n"


def test_an_interruption_says_what_it_knows():
    def silent() -> None:
        raise KeyboardInterrupt

    def telling() -> None:
        raise KeyboardInterrupt("it is in out.partial")

    for command, text in (silent, ""), (telling, ": it is in out.partial"):
        result = run(command)
        assert result.exit_code == 130
        assert result.stderr == f"interrupted{text}\n"


def test_each_command_prints_it_anew_and_one_that_fails_too():
    def command() -> None:
        notice("something is left out")
        raise DatasetError("nothing is left")

    for _ in range(2):
        result = run(command)
        assert result.exit_code == 1
        assert result.stderr == "note: something is left out\nerror: nothing is left\n"
