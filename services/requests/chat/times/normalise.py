"""One writing for one meaning: full-width forms, traditional characters and capitals, with offsets kept."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Only characters that the lexicon uses; a general conversion would be larger and no better here.
_TRADITIONAL = (
    "週禮點兩後從號開個間鐘鍾時節國慶農曆歷舊這內將還過幾當陰臘聖誕勞動婦兒師雙會議樓層張輛臺約隔現淩餐飯結束"
    "預準隨務網適該讓閉頭際萬閏達來剛學長遲趕電門廳場館員輪組隊種鎮關鋪單間蓋帶線條箱項雜紙貴賓車機廣於與傍總處連續應該無為變鬧寫體"
)
_SIMPLIFIED = (
    "周礼点两后从号开个间钟钟时节国庆农历历旧这内将还过几当阴腊圣诞劳动妇儿师双会议楼层张辆台约隔现凌餐饭结束"
    "预准随务网适该让闭头际万闰达来刚学长迟赶电门厅场馆员轮组队种镇关铺单间盖带线条箱项杂纸贵宾车机广于与傍总处连续应该无为变闹写体"
)
_PUNCTUATION = {
    "，": ",", "。": ".", "、": "、", "；": ";", "：": ":", "？": "?", "！": "!",
    "（": "(", "）": ")", "【": "(", "】": ")", "「": "(", "」": ")", "～": "~", "〜": "~", "∼": "~", "˜": "~",
    "—": "-", "–": "-", "‐": "-", "‑": "-", "‒": "-", "―": "-", "−": "-", "－": "-", "ー": "-",
    "’": "'", "‘": "'", "´": "'", "`": "'", "＇": "'", "∶": ":", "ː": ":", "﹕": ":", "．": ".", "·": ".",
    "〇": "零", "○": "零", "\u3000": " ", "\u00a0": " ", "\t": " ", "\r": " ", "\n": "\n",
}  # fmt: skip
_ONE_TO_ONE = str.maketrans(
    {
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
        **{chr(code): chr(code - 0xFEE0).lower() for code in range(0xFF21, 0xFF3B)},
        **{chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)},
        **dict(zip(_TRADITIONAL, _SIMPLIFIED, strict=True)),
        **_PUNCTUATION,
    }
)

# Characters that vanish or expand, so that offsets move: rare, hence a path of their own.
_MOVING = re.compile(
    "[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff"  # invisible
    "\u00bc-\u00be\u2460-\u249b\u3220-\u3229\u32c0-\u32cb\u3358-\u3370\u33e0-\u33fe\U0001d7ce-\U0001d7ff]"  # ½ ⑫ ㋀ ㍘ ㏠
)
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")


@dataclass(frozen=True, slots=True)
class Normal:
    """A text in the one writing, and where each of its characters stood; ``offsets`` is None when nothing moved."""

    text: str
    offsets: tuple[int, ...] | None = None

    def as_written(self, text: str) -> str:
        """The characters of the caller's ``text``, capitals and all, one for each of this one's."""
        return text if self.offsets is None else "".join([text[offset] for offset in self.offsets])

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the caller's text that ``[start, end)`` came from."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


def normalise(text: str) -> Normal:
    """``text`` in lower case, half width, simplified, with plain dashes and quotes, and nothing invisible."""
    if _MOVING.search(text) is None:
        return Normal(text.translate(_ONE_TO_ONE))
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if _INVISIBLE.match(character):
            continue
        written = unicodedata.normalize("NFKC", character) if _MOVING.match(character) else character
        for each in written:
            characters.append(each.translate(_ONE_TO_ONE))
            offsets.append(offset)
    return Normal("".join(characters), tuple(offsets))
