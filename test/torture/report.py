"""What a program of the torture found, and the table of all of them."""

from dataclasses import dataclass, field
from pathlib import Path

BEGIN, END = "<!-- torture: figures -->\n", "<!-- torture: end -->\n"


@dataclass
class Findings:
    """Counts of one program.

    Attributes
    ----------
    counts
        What was tried and what became of it, in words: ``{"tries": 1000, "refused": 700}``.
    faults
        A sentence for everything that should not have happened.
    """

    counts: dict[str, object] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count."""
        self.counts[what] = int(self.counts.get(what, 0)) + number

    def fault(self, sentence: str) -> None:
        """Note a fault, cut to a line."""
        self.faults.append(sentence[:300])


def row(name: str, what: str, findings: Findings, took_s: float) -> str:
    """One row of the table."""
    counts = ", ".join(f"{number} {what}" for what, number in findings.counts.items())
    return f"| {name} | {what} | {counts} | {len(findings.faults)} | {took_s:.0f} s |\n"


def table(rows: list[str]) -> str:
    """The whole table, in Markdown."""
    head = "| program | what it does | figures | faults | took |\n|---|---|---|---|---|\n"
    return head + "".join(rows)


def put_into(page: Path, rows: list[str]) -> None:
    """Replace rows between the marks of a page; those of programs that did not run now stay."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    old, _, after = rest.partition(END)
    new = {_program(row): row for row in rows}
    kept = [new.pop(_program(row), row) for row in old.splitlines(keepends=True)[3:] if row.strip()]
    content = table([*kept, *new.values()])
    page.write_text(f"{before}{BEGIN}\n{content}\n{END}{after}", encoding="utf-8")


def _program(row: str) -> str:
    return row.split("|")[1].strip()
