"""Chinese words of time, by the letter of their token (see ``tokens``). Simplified, since the text is made so first."""

from __future__ import annotations

from typing import Any

from services.requests.chat.times.clocks import Clock
from services.requests.chat.times.conventions import WORK_ENDS, WORK_STARTS
from services.requests.chat.times.days import Following, Holiday, Offset
from services.requests.chat.times.expression import Grain
from services.requests.chat.times.lengths import Length
from services.requests.chat.times.numerals import Number
from services.requests.chat.times.periods import Break, Unit
from services.requests.chat.times.tokens import Modifier

_PARTS = {
    "dawn": "凌晨 拂晓",
    "morning": "上午 早上 早晨 早间 清晨 清早 大早上 大清早 一大早 一早 晨间 午前 早",
    "midday": "中午 午间 晌午 午休",
    "afternoon": "下午 午后",
    "evening": "晚上 晚间 傍晚 黄昏 夜晚 晚",
    "night": "夜里 夜间 半夜 深夜 大半夜 午夜",
    "daytime": "白天",
}
_HOLIDAYS = {
    "new year": "元旦 元旦节",
    "spring": "春节 大年初一 新春佳节",
    "new year's eve, lunar": "除夕 除夕夜 大年三十 年三十 大年夜 年夜",
    "lantern": "元宵 元宵节",
    "qingming": "清明 清明节",
    "labour": "五一 五一节 劳动节 五一劳动节",
    "dragon boat": "端午 端午节",
    "mid-autumn": "中秋 中秋节",
    "national": "国庆 国庆节 十一国庆",
    "double ninth": "重阳 重阳节",
    "qixi": "七夕 七夕节",
    "laba": "腊八 腊八节",
    "small new year": "小年 小年夜",
    "women": "妇女节 三八节 三八妇女节",
    "arbor": "植树节",
    "youth": "青年节 五四青年节",
    "children": "儿童节 六一 六一儿童节",
    "party": "建党节 七一建党节",
    "army": "建军节 八一建军节",
    "teachers": "教师节",
    "singles": "双十一 双11",
    "valentine": "情人节",
    "april fools": "愚人节",
    "halloween": "万圣节",
    "thanksgiving": "感恩节",
    "christmas": "圣诞 圣诞节",
    "christmas eve": "平安夜",
    "mothers": "母亲节",
    "fathers": "父亲节",
    "new year eve": "跨年夜",
}
_UNITS = {
    "second": "秒 秒钟",
    "minute": "分钟 分种",
    "quarter hour": "刻钟",
    "hour": "小时 个小时 钟头 个钟头 个钟",
    "day": "天 个白天",
    "workday": "工作日 个工作日 工作天",
    "week": "周 星期 礼拜 个星期 个礼拜 个周",
    "weekend": "周末 个周末 双休日 礼拜末",
    "month": "个月",
    "quarter": "季度 个季度",
    "half year": "个半年",
}
_MODIFIERS = {
    Modifier(0): "本 这 这个 这一 这一个 当 该",
    Modifier(1): "下 下个 下一 下一个",
    Modifier(2): "下下 下下个",
    Modifier(3): "下下下 下下下个",
    Modifier(-1): "上 上个 上一 上一个",
    Modifier(-2): "上上 上上个",
    Modifier(-1, rolling=True): "过去 过去的 最近 近 最近的 近来",
    Modifier(1, rolling=True): "未来 未来的 接下来 接下来的 今后 今后的 随后",
    Modifier(1, nearest=True): "最近一个 最近的一个 即将到来的",
}


def _by_word(groups: dict[Any, str]) -> dict[str, Any]:
    return {word: value for value, words in groups.items() for word in words.split()}


# 到 behind these leads to an end; behind others, as in 改到, it may lead to a new start.
LASTING = frozenset(
    "直到 一直到 用到 借到 开到 住到 持续到 持续至 延长到 延长至 忙到 加班到 保留到 留到 停到 展到".split()
)

WORDS: dict[str, dict[str, Any]] = {
    "d": _by_word({
        Offset(0): "今天 今日 今儿 今儿个 当天 当日 本日 即日 今个儿",
        Offset(1): "明天 明日 明儿 明儿个 隔天 名天 明个儿",
        Following(): "次日 翌日 转天",
        Offset(2): "后天 后日 后儿 厚天",
        Offset(3): "大后天 大后儿",
        Offset(-1): "昨天 昨日 昨儿",
        Offset(-2): "前天 前日",
        Offset(-3): "大前天",
    }),
    "p": _by_word(_PARTS) | {"下舞": "afternoon", "下五": "afternoon", "上舞": "morning"},
    "%": _by_word({
        "breakfast": "早餐 早饭 早茶",
        "lunch": "午餐 午饭 中饭 中餐",
        "dinner": "晚餐 晚饭 晚宴 夜宵 晚会",
    }),
    "y": _by_word(_HOLIDAYS),
    "R": {
        "今年": Unit("year"), "本年": Unit("year"), "本年度": Unit("year"), "今年度": Unit("year"),
        "明年": Unit("year", 1), "来年": Unit("year", 1), "明年度": Unit("year", 1), "后年": Unit("year", 2),
        "大后年": Unit("year", 3), "去年": Unit("year", -1), "前年": Unit("year", -2), "大前年": Unit("year", -3),
        "当月": Unit("month"), "次月": Unit("month", 1), "次周": Unit("week", 1),
    },
    "u": _by_word(_UNITS),
    "Y": {"年": "year", "年份": "year", "年度": "year"},
    "M": {"月": "month", "月份": "month"},
    "J": {"号": "day", "日": "day", "號": "day"},
    "K": dict.fromkeys("点 点钟 点整 点正 时 时整 典".split(), Grain.HOUR),
    "F": {"分": "minute"},
    "k": {"刻": 15},
    "h": {"半": 0.5},
    "H": {"个半": 0.5},
    "L": {"整天": Length(days=1), "全天": Length(days=1), "一整天": Length(days=1)},
    "r": _by_word(_MODIFIERS),
    "t": dict.fromkeys(["到", "至", "--", "~~", *LASTING], "to"),
    "3": dict.fromkeys("结束 散会 散场 收摊 完事".split(), "end"),
    "|": dict.fromkeys("或 或者 或是 还是".split(), "or"),
    "&": dict.fromkeys("和 与 跟 及 以及 又 余".split(), "and"),
    "n": {"之间": "between", "间": "between", "中间": "between"},
    "f": dict.fromkeys("从 自 由 打从".split(), "from"),
    "b": dict.fromkeys("最晚 最迟 不晚于 不迟于 截止到 截至 截止 截至到 赶在".split(), "before"),
    "B": dict.fromkeys("前 以前 之前 前夕".split(), "before"),
    "S": dict.fromkeys("后 以后 之后 过后".split(), "after"),
    "I": dict.fromkeys("内 之内 以内".split(), "within"),
    "Z": dict.fromkeys("起 开始 起始 往后 以来 始".split(), "from"),
    "i": {"还剩": "within", "还剩下": "within", "再过": "in", "再等": "in"},
    "g": {"过": "past"},
    "V": dict.fromkeys("差 还差 欠".split(), "to"),
    "v": {"每": 1, "每个": 1, "每逢": 1, "逢": 1, "每隔": 2, "每一": 1},
    "x": dict.fromkeys("大约 大概 约 差不多 约莫 大致".split(), "about"),
    "X": dict.fromkeys("左右 上下 前后 来钟 多钟 许 光景 多点 的样子".split(), "about"),
    "E": {
        "底": "end", "末": "end", "尾": "end", "初": "start", "头": "start",
        "上旬": "0", "中旬": "1", "下旬": "2",
        "期间": "break", "假期": "break", "放假期间": "break", "长假": "break", "小长假": "break", "黄金周": "break",
        "假期期间": "break", "节假日": "break", "放假": "off", "收假": "off",
    },
    "z": dict.fromkeys("现在 此刻 这会儿 眼下 现时".split(), "now"),
    "~": dict.fromkeys("农历 阴历 旧历".split(), "lunar"),
    "U": {"正月": 1, "腊月": 12, "冬月": 11},
    "O": {"最后": -1, "最后一": -1, "最后一个": -1, "最末": -1, "首": 1, "首个": 1, "头一": 1, "头一个": 1},
    "c": {
        "正午": Clock(12, settled=True, grain=Grain.HOUR),
        "下班": Clock(WORK_ENDS, settled=True, daily=True),
        "收工": Clock(WORK_ENDS, settled=True, daily=True),
        "上班": Clock(WORK_STARTS, settled=True, daily=True),
        "一上班": Clock(WORK_STARTS, settled=True, daily=True),
    },
    "l": {word: word for word in "在 是 于 那天 这天 那个".split()},
    "5": {"的": "of", "当天的": "of"},
    ",": {"、": ","},
    "q": dict.fromkeys("人 个人 名 位 份 张 辆 台 座 栋 幢 楼 层 层楼 室 房 套 把 盆 箱 瓶 杯 桌 件 块 元 角 米 公里 千米 " "平米 平方 斤 公斤 次 遍 回 支 只 条 盒 包 桶 组 队 班 级 款 项 岁 周岁 部 棵 株 袋 扇 门 盏 根 卷 双 副 " "趟 车 单元 区 页 度 倍 成 桌子 人份 人次 人用 来人 多人 多个人 来个人 几个人 样 种 " "个 口 盘 号楼 号会议室 号车 号门 号厅 号线 号机 号院 号电梯 号梯 号窗 号食堂 号餐厅 号宿舍 号公寓 号库 " "号仓 号桌 号厕所 号办公 号房 号室 号病房 号包 号店 号岗 号位 号馆 号路 号教室 号报告厅 号多功能 号停车 " "号入口 号出口 号柜 号打印机 号球场 号场 号柱 号工位 号台 号井 号泵 号茶水 号大门 号大楼 号洗手间 " "号卫生间 号机房 号实验 号楼层 号灯 号空调 号单元 号立 号塔 号亭 号技师 号座 " "点建议 点意见 点要求 点说明 点问题 点希望 点需求 点想法 点注意".split(), "count"),
    "#": dict.fromkeys("房间 会议室 办公室 工单 单号 编号 分机 电话 尾号 车牌 工号".split(), "place"),
}  # fmt: skip

# One written word that holds several tokens: 明早 is a day and a half day.
COMPOUNDS: dict[str, tuple[tuple[str, Any], ...]] = {
    **{
        day + short: (("d", Offset(offset)), ("p", part))
        for day, offset in {"今": 0, "今儿": 0, "明": 1, "明儿": 1, "昨": -1, "后": 2, "前": -2, "当": 0}.items()
        if day not in {"后", "前"}  # 三天后早上
        for short, part in {"早": "morning", "晨": "morning", "晚": "evening", "夜": "night"}.items()
    },
    "晚会议": (("p", "evening"), ("_", None)),
    "早会议": (("p", "morning"), ("_", None)),
    **{
        day + part: (("d", Offset(offset)), ("p", name))
        for day, offset in {"今": 0, "明": 1, "昨": -1}.items()
        for name, parts in _PARTS.items()
        for part in parts.split()
        if len(part) > 1
    },
    "今明两天": (("R", Unit("day", 0, 2)),),
    "今明两日": (("R", Unit("day", 0, 2)),),
    "明后天": (("R", Unit("day", 1, 2)),),
    "明后两天": (("R", Unit("day", 1, 2)),),
    "这两天": (("R", Unit("day", 0, 2)),),
    "月底": (("M", "month"), ("E", "end")),
    "月末": (("M", "month"), ("E", "end")),
    "月初": (("M", "month"), ("E", "start")),
    "月中": (("M", "month"), ("E", "middle")),
    "年底": (("Y", "year"), ("E", "end")),
    "年末": (("Y", "year"), ("E", "end")),
    "岁末": (("Y", "year"), ("E", "end")),
    "年初": (("Y", "year"), ("E", "start")),
    "年中": (("Y", "year"), ("E", "middle")),
    "周初": (("u", "week"), ("E", "start")),
    "周中": (("u", "week"), ("E", "middle")),
    **{
        half + mark: (("E", which), (letter, unit))
        for half, which in {"上半": "first", "前半": "first", "下半": "second", "后半": "second"}.items()
        for mark, letter, unit in (
            ("年", "Y", "year"),
            ("月", "M", "month"),
            ("个月", "M", "month"),
            ("周", "u", "week"),
        )
    },
    "节前": (("R", Break()), ("B", "before")),
    "节后": (("R", Break()), ("S", "after")),
    "年前": (("R", Break(Holiday("spring"))), ("B", "before")),
    "年后": (("R", Break(Holiday("spring"))), ("S", "after")),
    "年多": (("Y", "year"), ("X", "about")),
    **{
        "几" + unit: (("N", Number(3)), ("u", name), ("X", "about"))
        for unit, name in {
            "天": "day",
            "分钟": "minute",
            "个小时": "hour",
            "小时": "hour",
            "周": "week",
            "个月": "month",
        }.items()
    },
    "这几天": (("R", Unit("day", 0, 3)),),
    "次早": (("d", Following()), ("p", "morning")),
    "次晨": (("d", Following()), ("p", "morning")),
    "周六日": (("R", Unit("weekend")),),
    "星期六日": (("R", Unit("weekend")),),
    "个多月": (("u", "month"), ("X", "about")),
    "十一": (("y", "national"),),
    "多小时": (("u", "hour"), ("X", "about")),
    "个多小时": (("u", "hour"), ("X", "about")),
    "来个小时": (("u", "hour"), ("X", "about")),
    "个来小时": (("u", "hour"), ("X", "about")),
    "多分钟": (("u", "minute"), ("X", "about")),
    "来分钟": (("u", "minute"), ("X", "about")),
    "多天": (("u", "day"), ("X", "about")),
    "来天": (("u", "day"), ("X", "about")),
    "点多": (("K", Grain.HOUR), ("X", "about")),
    "点来钟": (("K", Grain.HOUR), ("X", "about")),
    "点左右": (("K", Grain.HOUR), ("X", "about")),
}

_NUMERALS = "零一二三四五六七八九十两百0123456789"

# Words that only look like time; each is longer than the word of time it holds, or starts before it.
NOT_TIME = (
    "后勤 后门 后面 后台 后厨 后院 后厅 后座 后端 后方 后续 后备箱 后果 后悔 后期 后排座 后边 售后 然后 背后 落后 身后 "
    "前台 前门 前面 前厅 前端 前方 前往 前期 前厂 前院 前边 目前 当前 面前 跟前 眼前 门前 楼前 提前 空前 前台班 "
    "几点 几号 几月 早上好 早安 晚安 上午好 中午好 下午好 晚上好 周末愉快 节日快乐 早点 早些 早日 早就 早已 早退 早该 尽早 及早 趁早 提早 最早 早操 "
    "晚点 晚些 晚班 晚报 晚自习 很晚 太晚 尽晚 晚辈 "
    "一起 一下 一些 一直 一定 一样 一共 一边 一旦 一般 一半 万一 统一 唯一 一点点 一点儿 一点也 一点都 一点问题 有一点 "
    "早一点 晚一点 快一点 慢一点 大一点 小一点 多一点 少一点 好一点 高一点 低一点 近一点 远一点 亮一点 暗一点 热一点 "
    "冷一点 软一点 轻一点 长一点 短一点 便宜一点 干净一点 安静一点 仔细一点 抓紧一点 宽敞一点 清楚一点 "
    "第一时间 一会儿 一会 一时 一次性 一体机 一号通 三八线 半价 半成品 半径 大半 多半 对半 起床 起飞 起火 起草 起来 "
    "预约 节约 违约 邀约 合约 签约 约车 约会 约谈 约定 约见 特约 附近 临近 靠近 接近 最近的厕所 近视 "
    "天花板 天花 天气 天台 天窗 天桥 天然气 天井 天线 天棚 天河 春天 夏天 秋天 冬天 聊天 露天 白天鹅 "
    "时间 时候 时段 时期 时常 及时 临时 同时 随时 准时 按时 平时 到时 届时 何时 实时 有时 "
    "年会 年报 年龄 年货 年级 年轻 年终奖 年代 世纪 周年 周边 周围 周密 周转 周到 月饼 月嫂 月报 月球 月票 月台 月光 "
    "日常 日用品 日光灯 日报 日程 日志 日历 日语 生日 节日 假日酒店 分店 分公司 分会场 分部 分管 分局 分配 分类 分开 "
    "分机号 分发 分行 部分 充分 十分感谢 十分抱歉 十分钟爱 十分满意 十分紧急 十分着急 十分需要 号码 号称 "
    "上海 上网 上门 上面 上次 上车 上报 上级 上传 上来 上去 马上 网上 线上 楼上 桌上 墙上 身上 路上 "
    "下面 下水 下雨 下雪 下载 下车 下级 下单 下属 下来 下次 下降 楼下 手下 底下 余下 留下 剩下 私下 坏下 当下 "
    "本人 本楼 本部 本单位 本身 本科 本次 基本 样本 成本 文本 日本 书本 课本 剧本 版本 应该 适当 相当 当然 当场 当班 当心 "
    "之前说 初步 初中 初级 初次 底层 末端 过来 过去看 过去拿 过去取 过去找 过去送 过去修 过去一趟 过程 过道 过滤 过敏 "
    "超过 不过 经过 通过 路过 难过 间隔 间接 时刻 立即 立刻 即时 此时 和平 差旅 差别 差不多了 出差 温差 个性 个别 "
    "人民 人员 工人 客人 每人 每次 每位 每台 每层 每间 首都 首先 首长 首页 许可 允许 许多 也许 至少 至于 甚至 乃至 以至 "
    "从事 自己 自动 自行 自来水 自带 自助 由于 自由 理由 内部 内科 内网 室内 国内 校内 院内 底座 头像 头部 龙头 水龙头 码头 "
    "插头 摄像头 镜头 开始键 截止阀 年夜饭 小年轻 双十一路 过期 到期 分期 三伏天 零时工 大楼 一楼 点心 点餐 点菜 点名 点击 "
    "五一路 五一广场 八一路 八一楼 八一厅 六一路 中秋月饼 端午粽子 元宵节目 十一楼 十一层 十一号楼"
).split()

# Words of time only in front of one of these words, never in front of one of these characters, never behind one.
ONLY_BEFORE = {"十一": ("期间", "假期", "放假", "长假", "小长假", "黄金周", "国庆", "前", "之前", "后", "之后", "节")}
NOT_BEFORE = {
    "五一": _NUMERALS + "点号月日年时",
    "六一": _NUMERALS + "点号月日年时",
    "小年": "轻级",
    "早餐": "厅",
    "晚餐": "厅",
    "午餐": "厅",
    "中餐": "厅",
    "午饭": "店",
    "个": "人",
    "晚会": "议",
    "年初": "一二三四五六七八九十",
    "月初": "一二三四五六七八九十",
    "月中": "国心餐午文央秋旬",
    "前": "后",
}
NOT_AFTER = {
    "年中": _NUMERALS + "半几多",
    "年多": "今明去前后",
    "年前": _NUMERALS + "半几今去当多",
    "年后": _NUMERALS + "半几今去当多",
    "十一": "二三四五六七八九",
    "五一": _NUMERALS,
    "六一": _NUMERALS,
    "上": "马网线楼桌墙身路早晚",
    "近": "附临靠邻接将",
    "过": "超不经通路难",
    "约": "预节违邀合签特",
}
