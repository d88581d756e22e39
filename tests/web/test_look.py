"""The look: contrast as the design brief states it, one place for colours, nothing that the content policy would refuse."""

import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "shared/web/assets"
TEMPLATES = [*ROOT.glob("shared/web/templates/**/*.html"), *ROOT.glob("services/*/templates/**/*.html")]
STYLES = [*ASSETS.glob("*.css"), *ROOT.glob("services/*/static/*.css")]
SCRIPTS = [*ASSETS.glob("*.js"), *ROOT.glob("services/*/static/*.js")]


# ---- contrast, recomputed (OKLCH to sRGB: Ottosson 2020; contrast: WCAG 2.2)


def srgb(lightness, chroma, hue):
    """Linear sRGB of an OKLCH colour."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    cube = [
        (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3,
        (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3,
        (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3,
    ]
    return (
        4.0767416621 * cube[0] - 3.3077115913 * cube[1] + 0.2309699292 * cube[2],
        -1.2684380046 * cube[0] + 2.6097574011 * cube[1] - 0.3413193965 * cube[2],
        -0.0041960863 * cube[0] - 0.7034186147 * cube[1] + 1.7076147010 * cube[2],
    )


def luminance(colour):
    red, green, blue = (min(1, max(0, part)) for part in srgb(*colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens():
    """Each colour token as (light, dark)."""
    text = (ASSETS / "tokens.css").read_text("utf-8")
    colour = r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)"
    found = {}
    for name, value in re.findall(r"--([a-z0-9-]+):\s*([^;]+);", text):
        parts = [tuple(map(float, each)) for each in re.findall(colour, value)]
        if parts and "box-shadow" not in name and not name.startswith("lift"):
            found[name] = (parts[0], parts[-1])
    return found


TOKENS = tokens()
GROUNDS = ["sheet", "paper", "sunk", "raised"]
WASHES = ["accent-wash", "alarm-wash", "warn-wash"]

# Design brief, section 4: text needs 4.5 everywhere it may stand, edges and shapes 3.
TEXT = {"ink": 11.91, "ink-2": 7.02, "ink-3": 4.86, "accent": 6.40, "alarm": 5.16, "warn": 5.26}


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(name, theme):
    for ground in GROUNDS + WASHES:
        assert contrast(TOKENS[name][theme], TOKENS[ground][theme]) >= 4.5, ground


@pytest.mark.parametrize(("name", "stated"), TEXT.items())
def test_the_worst_contrast_is_the_one_the_brief_states(name, stated):
    # The table's grounds: sheet, paper, sunk, and of the washes the accent's own and, for alarm and warn, theirs.
    own = {"alarm": "alarm-wash", "warn": "warn-wash"}.get(name, "accent-wash")
    worst = min(
        contrast(TOKENS[name][theme], TOKENS[ground][theme])
        for theme in (0, 1)
        for ground in ["sheet", "paper", "sunk", own]
    )
    assert worst == pytest.approx(stated, abs=0.06)


@pytest.mark.parametrize(
    ("over", "under", "least"), [("on-accent", "accent", 4.5), ("on-alarm", "alarm-fill", 4.5), ("paper", "ink", 4.5)]
)
def test_text_on_fills_can_be_read(over, under, least):
    for theme in (0, 1):
        assert contrast(TOKENS[over][theme], TOKENS[under][theme]) >= least


@pytest.mark.parametrize("name", ["edge", "warn-fill", "alarm-fill", "accent", *[f"data-{n}" for n in range(1, 7)]])
def test_edges_and_shapes_can_be_seen(name):
    for theme in (0, 1):
        assert contrast(TOKENS[name][theme], TOKENS["sheet"][theme]) >= 3


def test_every_colour_lies_within_srgb():
    for name, pair in TOKENS.items():
        for colour in pair:
            assert all(-0.002 <= part <= 1.002 for part in srgb(*colour)), name


# ---- what no page, style or script may contain


def offences(paths, pattern, flags=0):
    return {
        f"{path.relative_to(ROOT)}:{number}": line.strip()[:100]
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(pattern, line, flags)
    }


def test_there_are_templates_styles_and_scripts_to_look_at():
    assert len(TEMPLATES) > 20
    assert len(STYLES) >= 5
    assert SCRIPTS


@pytest.mark.parametrize(
    "pattern",
    [r"\sstyle\s*=", r"\|\s*safe\b", r"\son[a-z]+\s*=", r"hx-on", r"javascript:", r"autoescape\s+false", r"<style\b"],
)
def test_templates_hold_nothing_the_content_policy_refuses(pattern):
    assert offences(TEMPLATES, pattern, re.IGNORECASE) == {}


def test_scripts_stand_in_files_and_data_in_blocks():
    assert offences(TEMPLATES, r"<script(?![^>]*(\bsrc=|application/json))", re.IGNORECASE) == {}


@pytest.mark.parametrize(
    "pattern",
    [
        r"\binnerHTML\b",
        r"\bouterHTML\b",
        r"insertAdjacentHTML",
        r"document\.write",
        r"\beval\(",
        r"new Function",
        r"\.cssText",
        r"\bconfirm\(",
    ],
)
def test_scripts_put_no_markup_together(pattern):
    assert offences(SCRIPTS, pattern) == {}


def test_python_marks_nothing_of_a_person_as_markup():
    # Markup("...").format(...) escapes; Markup(variable) does not and must say why.
    paths = [*ROOT.glob("services/**/*.py"), *ROOT.glob("shared/web/**/*.py")]
    assert offences(paths, r"Markup\((?![\"'])(?!.*noqa: S704)(?!\s*$)") == {}


def test_colours_stand_in_one_file_only():
    others = [path for path in STYLES if path.name != "tokens.css"]
    assert offences(others, r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(") == {}
    assert offences(TEMPLATES, r"""["':\s]#[0-9a-fA-F]{6}\b""") == {}


def test_styles_stand_in_layers_and_shout_nowhere():
    layers = ["tokens", "base", "layout", "components", "utilities"]
    for path in STYLES:
        text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL).strip()
        outside = re.sub(r"^@layer [a-z, ]+;\s*", "", text)
        assert re.match(rf"@layer ({'|'.join(layers)}) {{", outside), path.name
    assert set(offences(STYLES, r"!important")) == {
        f"shared/web/assets/base.css:{number}" for number in [_hidden_line()]
    }


def _hidden_line():
    lines = (ASSETS / "base.css").read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if "[hidden]" in line)


def test_there_are_at_most_six_utilities():
    assert len(re.findall(r"^\s+\.[a-z-]+ ?{", (ASSETS / "utilities.css").read_text("utf-8"), re.MULTILINE)) <= 6


def test_state_words_stand_in_the_language_files_only():
    from shared.language import language

    words = {
        value
        for key, value in language("zh-Hans").words.items()
        if key.startswith("state.") and isinstance(value, str) and len(value) > 2 and "{" not in value
    }
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        assert [word for word in words if word in re.sub(r"{#.*?#}", "", text, flags=re.DOTALL)] == [], path.name


def test_templates_hold_no_chinese_beside_comments():
    for path in TEMPLATES:
        text = re.sub(r"{#.*?#}", "", path.read_text("utf-8"), flags=re.DOTALL)
        found = [line.strip() for line in text.splitlines() if re.search(r"[\u4e00-\u9fff]", line)]
        assert found == [], path.name


def test_words_that_templates_and_code_name_exist():
    from shared.language import language

    words = language("en")
    missing = {}
    for path in [
        *TEMPLATES,
        *ROOT.glob("services/*/*.py"),
        *ROOT.glob("services/*/pages/*.py"),
        *ROOT.glob("shared/web/*.py"),
    ]:
        text = re.sub(r"{#.*?#}", "", path.read_text("utf-8"), flags=re.DOTALL)
        for key in re.findall(r"""\b(?:t|language|lang)\(\s*["']([a-z_]+(?:\.[a-z0-9_]+)+)["']\s*[,)]""", text):
            if not words.has(key):
                missing.setdefault(path.name, []).append(key)
    assert missing == {}
