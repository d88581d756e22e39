"""What an operator may set for this service, beside what all have."""

from __future__ import annotations

from shared.settings import Setting

SETTINGS = (
    Setting(
        "REQUESTS_PASS_PRIVATE_KEY",
        "",
        "Ed25519 private key (PEM) that signs passes; empty: kept in HOUQIN_DATA/keys.",
        secret=True,
    ),
    Setting(
        "REQUESTS_SECOND_FACTOR",
        "finance administrator supervisor",
        "Roles, by blank, that cannot be used without a second factor; in a demonstration none unless set.",
    ),
    Setting(
        "REQUESTS_CONFIRM_DAYS", 3, "Days after which finished work that nobody answered is closed.", least=1, most=60
    ),
    Setting(
        "REQUESTS_FILINGS_PER_MINUTE", 600, "Requests that one account may file in a minute.", least=1, most=10_000_000
    ),
    Setting("REQUESTS_CHAT_CHANNELS", "", "Chat programs that may call, by blank: wecom dingtalk feishu."),
    Setting("REQUESTS_WECOM_TOKEN", "", "Token of the WeCom application's callback.", secret=True),
    Setting("REQUESTS_WECOM_AES_KEY", "", "EncodingAESKey of the WeCom callback, 43 characters.", secret=True),
    Setting("REQUESTS_WECOM_CORP_ID", "", "The company's id at WeCom, which every callback must name."),
    Setting("REQUESTS_WECOM_AGENT_ID", "", "Number of the WeCom application."),
    Setting("REQUESTS_WECOM_SECRET", "", "Secret of the WeCom application, for answers.", secret=True),
    Setting("REQUESTS_WECOM_API", "https://qyapi.weixin.qq.com", "Where answers to WeCom are posted."),
    Setting("REQUESTS_DINGTALK_APP_SECRET", "", "AppSecret of the DingTalk robot.", secret=True),
    Setting("REQUESTS_DINGTALK_APP_KEY", "", "AppKey of DingTalk's event callback; empty: no events."),
    Setting("REQUESTS_DINGTALK_TOKEN", "", "Token of DingTalk's event callback.", secret=True),
    Setting("REQUESTS_DINGTALK_AES_KEY", "", "aes_key of DingTalk's event callback, 43 characters.", secret=True),
    Setting("REQUESTS_DINGTALK_WEBHOOKS", "https://oapi.dingtalk.com", "The only address answers to DingTalk go to."),
    Setting("REQUESTS_FEISHU_APP_ID", "", "App ID of the Feishu application."),
    Setting("REQUESTS_FEISHU_APP_SECRET", "", "App Secret of the Feishu application.", secret=True),
    Setting("REQUESTS_FEISHU_ENCRYPT_KEY", "", "Encrypt Key of Feishu's event subscription.", secret=True),
    Setting("REQUESTS_FEISHU_VERIFICATION_TOKEN", "", "Verification Token of the event subscription.", secret=True),
    Setting("REQUESTS_FEISHU_API", "https://open.feishu.cn", "Where answers to Feishu are posted."),
    Setting("REQUESTS_EMERGENCY_NUMBER", "8110", "Telephone number for emergencies, shown on the pages."),
    Setting(
        "REQUESTS_LOG_ORIGIN", "houqin.example/log", "Name of the log that receipts promise entries in: AUDIT_ORIGIN."
    ),
)
