"""What the READMEs say of speed is what the benchmarks wrote."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "heading"), [("README.md", "## Figures"), ("README.zh-CN.md", "## 数字")])
def test_every_figure_of_the_readme_stands_in_the_results(name, heading):
    text = (ROOT / name).read_text(encoding="utf-8")
    section = text.partition(f"{heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    written = (ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 3
    assert [row for row in rows if row not in written] == []
