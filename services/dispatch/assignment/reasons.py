"""Why a crew was chosen or cannot be, in both languages: one row for each key that assignment uses.

The texts use the parameters of their ``Message`` in braces. ``{skill}``, ``{item}``, ``{crew}``, ``{supplier}``,
``{site}`` and ``{job}`` are codes: the page puts their names in their place before it fills the text.
"""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # Why a crew cannot.
    "dispatch.why.skill": ("没有所需技能：{skill}", "lacks the skill {skill}"),
    "dispatch.why.level": ("{skill}等级不够（需{level}级，现{has}级）", "{skill} level {has}, needs {level}"),
    "dispatch.why.site": ("不负责该院区", "does not cover this site"),
    "dispatch.why.contract": ("合同不含该服务项", "its contract does not cover this item"),
    "dispatch.why.seats": ("座位不够（需{seats}座，有{has}座）", "{has} seats, needs {seats}"),
    "dispatch.why.size": ("人手不够（需{people}人，有{has}人）", "{has} people, needs {people}"),
    "dispatch.why.conflict": ("存在利益冲突，须回避", "conflict of interest declared"),
    "dispatch.why.pinned": ("调度员已指定{crew}", "a dispatcher chose {crew}"),
    "dispatch.why.refused": ("已拒接或未到场", "has refused or did not come"),
    "dispatch.why.pool": ("这些行程不能合乘", "these trips cannot share a vehicle"),
    "dispatch.why.busy": ("正在办理其他工单", "is busy with other work"),
    "dispatch.why.break_now": ("正在休息", "is on a break"),
    "dispatch.why.off": ("不在班", "is off shift"),
    "dispatch.why.away": ("车辆这段时间已派出", "its vehicle is promised for that time"),
    "dispatch.why.held": ("考核得分过低，暂停派新单", "given no new orders because of its score"),
    "dispatch.why.cap": ("已达合同日派单上限{orders}单", "has reached its contract's {orders} orders a day"),
    "dispatch.why.break": ("会占用休息时间", "it would cut into the break"),
    "dispatch.why.shift": ("下班前做不完", "cannot finish within the shift"),
    # Nobody can.
    "dispatch.suggest.none": ("没有合适班组，因为：{because}", "no suitable crew, because: {because}"),
    "dispatch.suggest.no_crews": ("没有可派的班组", "there are no crews to send"),
    "dispatch.suggest.count": ("{count}个班组{why}", "{count} crews: {why}"),
    # Why this one.
    "dispatch.reason.only": ("唯一符合条件的班组", "the only crew that can"),
    "dispatch.reason.in_time": ("可按时完成，余{minutes}分钟", "in time with {minutes} minutes to spare"),
    "dispatch.reason.late": ("预计超时{minutes}分钟", "expected {minutes} minutes late"),
    "dispatch.reason.lost": ("赶不上开始时间", "would come too late to be of use"),
    "dispatch.reason.away": ("车辆这段时间已派出", "its vehicle is promised for that time"),
    "dispatch.reason.idle": ("现在空闲", "idle now"),
    "dispatch.reason.free_in": ("{minutes}分钟后空闲", "free in {minutes} minutes"),
    "dispatch.reason.near": ("路程{minutes}分钟，最近", "nearest, {minutes} minutes away"),
    "dispatch.reason.travel": ("路程{minutes}分钟", "{minutes} minutes away"),
    "dispatch.reason.in_house": ("自有班组，无外包费用", "in house, no supplier's price"),
    "dispatch.reason.price": ("外包预计{yuan}元", "outsourced, about ¥{yuan}"),
    "dispatch.reason.overtime": ("加班{minutes}分钟", "{minutes} minutes of overtime"),
    "dispatch.reason.score": ("评分{score}", "score {score}"),
    "dispatch.reason.less_loaded": (
        "今日工作量比同组少{minutes}分钟",
        "{minutes} minutes less work today than its group",
    ),
    "dispatch.reason.more_loaded": (
        "今日工作量比同组多{minutes}分钟",
        "{minutes} minutes more work today than its group",
    ),
    "dispatch.reason.interrupts": ("先停下{job}，事后续办", "puts off {job}, which goes on afterwards"),
    "dispatch.reason.others": ("会使其他工单多付{yuan}元代价", "costs other work ¥{yuan} in delays"),
    "dispatch.reason.pinned": ("调度员指定", "chosen by a dispatcher"),
    # Why the plan of the whole area moves it.
    "dispatch.reason.plan_gain": (
        "整个安排比派{crew}少付{yuan}元代价",
        "all work together costs ¥{yuan} less than with {crew}",
    ),
    "dispatch.reason.plan_sooner": (
        "比现在的安排早{minutes}分钟开工",
        "starts {minutes} minutes sooner than now planned",
    ),
    "dispatch.reason.plan_cannot": ("{crew}这一班排不下", "{crew} has no room for it this shift"),
    # Against the one suggested.
    "dispatch.versus.later": ("晚{minutes}分钟", "{minutes} minutes later"),
    "dispatch.versus.farther": ("多走{minutes}分钟", "{minutes} minutes farther"),
    "dispatch.versus.dearer": ("多花{yuan}元", "¥{yuan} more"),
    "dispatch.versus.worse_score": ("评分低{points}", "score lower by {points}"),
    "dispatch.versus.interrupts": ("需停下{job}", "puts off {job}"),
    "dispatch.versus.overtime": ("多加班{minutes}分钟", "{minutes} more minutes of overtime"),
    "dispatch.versus.equal": ("相差无几", "about the same"),
}
