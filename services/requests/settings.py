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
    Setting(
        "REQUESTS_CATALOGUE_FOUR_EYES",
        False,
        "Whoever wrote a version of an item may not publish it; another one does.",
    ),
    Setting(
        "REQUESTS_CHAT_SECOND_URL",
        "",
        "Address of OpenAI-compatible chat completions that are asked about sentences the chat is unsure of; empty: nobody.",
    ),
    Setting("REQUESTS_CHAT_SECOND_MODEL", "", "The model that is asked there."),
    Setting("REQUESTS_CHAT_SECOND_KEY", "", "The key for it.", secret=True),
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
    Setting("REQUESTS_SMTP_HOST", "", "Server that letters are handed in to; empty: no mail is sent."),
    Setting("REQUESTS_SMTP_PORT", 587, "Its port.", least=1, most=65535),
    Setting(
        "REQUESTS_SMTP_SECURITY", "starttls", "How the connection is secured.", choices=("starttls", "tls", "none")
    ),
    Setting("REQUESTS_SMTP_USER", "", "Name to hand letters in under; empty: none is asked for."),
    Setting("REQUESTS_SMTP_PASSWORD", "", "Its password.", secret=True),
    Setting("REQUESTS_MAIL_FROM", "", "Address that letters come from and, with REQUESTS_MAIL_INTAKE, requests go to."),
    Setting(
        "REQUESTS_MAIL_DIGEST_HOUR", 8, "Hour of the day at the site from which daily letters go.", least=0, most=23
    ),
    Setting("REQUESTS_MAIL_INTAKE", False, "Whether requests may come by mail, piped in or from the IMAP folder."),
    Setting(
        "REQUESTS_MAIL_AUTHSERV_ID",
        "",
        "Name under which the office's mail server writes Authentication-Results; empty: only secret addresses count.",
    ),
    Setting("REQUESTS_IMAP_HOST", "", "Server whose folder requests are fetched from; empty: none."),
    Setting("REQUESTS_IMAP_PORT", 993, "Its port.", least=1, most=65535),
    Setting("REQUESTS_IMAP_SECURITY", "tls", "How the connection is secured.", choices=("starttls", "tls", "none")),
    Setting("REQUESTS_IMAP_USER", "", "Name to sign in under."),
    Setting("REQUESTS_IMAP_PASSWORD", "", "Its password.", secret=True),
    Setting("REQUESTS_IMAP_FOLDER", "INBOX", "Folder that requests arrive in."),
    Setting("REQUESTS_OPEN311", True, "Whether public items can be reported and followed by Open311."),
    Setting("REQUESTS_OPEN311_JURISDICTION", "", "The jurisdiction_id of this office; empty: every one is ours."),
    Setting(
        "REQUESTS_OPEN311_ACCOUNT", "", "User name under which reports without a key are filed; empty: a key is needed."
    ),
    Setting(
        "REQUESTS_OPEN311_PER_MINUTE", 5, "Reports without a key in a minute, from one address.", least=1, most=10_000
    ),
    Setting("REQUESTS_EMERGENCY_NUMBER", "8110", "Telephone number for emergencies, shown on the pages."),
    Setting(
        "REQUESTS_LOG_ORIGIN", "houqin.example/log", "Name of the log that receipts promise entries in: AUDIT_ORIGIN."
    ),
)
