"""What the word index holds for an entry, said as plainly as can be: the index must hold exactly this, however it is made."""

import json
import re
import unicodedata

from services.audit import wording
from services.audit.wording import OPTIONAL
from shared.language import CODES, language

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def parts(text):
    """Runs of Chinese and runs of other letters and digits, normalized as a whole."""
    found = []
    for run in re.findall(rf"{HAN.pattern}|[^\W_]+", unicodedata.normalize("NFKC", text).casefold()):
        at = 0
        for chinese in HAN.finditer(run):
            found += [run[at : chinese.start()], chinese.group()]
            at = chinese.end()
        found.append(run[at:])
    return [each for each in found if each]


def tokens(text):
    """Chinese in overlapping pairs, everything else whole up to 64 characters."""
    found = []
    for part in parts(text):
        chinese = HAN.fullmatch(part)
        found += [part[at : at + 2] for at in range(len(part))] if chinese else [part[:64]]
    return found


def sentence(entry, words):
    """Every field is put into words, then the sentence takes those that it names."""
    data = json.loads(entry.leaf).get("data")
    data = data if isinstance(data, dict) else {}
    fact = wording.fact_of(entry.type)
    changed = fact.endswith(".access_noted") and data.get("what") == "change"
    template = words.words.get("audit.noted.changed" if changed else f"audit.says.{fact}")
    if not isinstance(template, str):
        return words("audit.says.unknown", type=entry.type, subject=entry.subject[: wording.MOST])
    said = {name: wording._value(name, value, words) for name, value in data.items()}
    if isinstance(data.get("count"), int) and data["count"] > 0:
        said["rows"] = words("audit.noted.rows", n=data["count"])
    for name in [each for each in said if f"{each}_en" in said]:
        said[name] = words.named(said[name], said[f"{name}_en"])
    for name in re.findall(r"\{(\w+)\}", template):
        value = said.get(name, "")
        if name in OPTIONAL:
            said[name] = f"{'' if value[0] in ' （' else ' '}{value}" if value else ""
        else:
            said[name] = value or "–"
    return template.format_map(said)


def values(value):
    """Every text in an event's data, in order; of a list the first two hundred."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value[:200] if isinstance(value, list) else ()
    return [text for each in inside for text in values(each)]


def words_of(entry):
    """The tokens of an entry in their order, 2,000 at most."""
    body = json.loads(entry.leaf)
    said = [entry.type, entry.subject, entry.actor, entry.event_id, str(body.get("correlationid", ""))]
    for words in map(language, CODES):
        said += [wording.title_of(entry.type, words), sentence(entry, words)]
    said += [value[:400] for value in values(body.get("data"))]
    return [token for text in said for token in tokens(text)][:2000]
