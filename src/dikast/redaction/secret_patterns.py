"""What keys, tokens and passwords look like: the prefixes that services give theirs, and what is assigned to one."""

from __future__ import annotations

import math
import re
from collections import Counter

API_KEYS: dict[str, str] = {
    "AWS": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    "GitHub": r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255}",
    "GitLab": r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[A-Za-z0-9_.-]{20,}",
    "Anthropic": r"sk-ant-[A-Za-z0-9_-]{20,}",
    "OpenAI": r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}",
    "OpenRouter": r"sk-or-v1-[0-9a-f]{40,}",
    "Slack": r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{20,}",
    "Slack webhook": r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}",
    "Google": r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}",
    "Stripe": r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,}",
    "Hugging Face": r"hf_[A-Za-z]{30,}",
    "registries": r"npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}",
    "SendGrid": r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "Twilio": r"SK[0-9a-f]{32}",
    "Telegram": r"\d{8,10}:AA[A-Za-z0-9_-]{32,}",
    "Langfuse": r"(?:sk|pk)-lf-[0-9a-f-]{36}",
    "LangSmith": r"ls(?:v2_pt|v2_sk|__)_[A-Za-z0-9_]{20,}",
    "DigitalOcean": r"do[por]_v1_[0-9a-f]{64}",
    "Azure": r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}",
    "Mailgun, Databricks, Groq, xAI": r"key-[0-9a-f]{32}|dapi[0-9a-f]{32}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}",
}  # fmt: skip
"""By the service that gives them. Letters are taken as they are written."""

KEY_HINT = re.compile(
    r"A[KSBC]I?[AC]?A|gh[pousr]_|github_|gl[a-z]{2,5}-|sk[-_]|rk_|pk[-_]|xox|xapp|hooks\.slack|AIza|GOCSPX|ya29|whsec|hf_|"
    r"npm_|pypi-|SG\.|SK|:AA|do[por]_|ls(?:v2|__)|AccountKey|key-|dapi|gsk_|xai-"
)
"""What each of them holds: a text without it need not be searched."""

PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{1,20000}(?:-----END [A-Z0-9 ]{0,40}-----)?"
)
JWT = r"(?<![\w-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
URL_PASSWORD = r"(?<=\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:]{0,64}:)[^\s/]{1,128}(?=@[\w\[])"
BEARER = r"(?<=\b(?:bearer|basic)\s{1,3})[A-Za-z0-9._~+/=-]{16,}"

_PASSWORD_WORDS = r"passw(?:or)?d|passphrase|passcode|pwd|\bpw\b|密碼|密码|口令"
_KEY_WORDS = (
    r"(?:api|access|secret|private|auth|signing|encryption|client|account|session|refresh|id)?[_\- ]?"
    r"(?:key|token|secret)|"
    r"credentials?|金鑰|密鑰|密钥|令牌|權杖"
)
# JSON in a text in JSON has a backslash before each quote, and more with every layer.
_QUOTE = r"""\\{0,15}["']?"""
_ASSIGNED = rf"""{_QUOTE}\s{{0,3}}(?:=>|:=|[:=]|：|\bis\b|\bto\b|是|為|为|改成|改為|改为|設為|设为)\s{{0,3}}{_QUOTE}"""
PASSWORD = rf"""(?<=(?:{_PASSWORD_WORDS}){_ASSIGNED})[^\s"'`,;<>\\，。；、）)\u4e00-\u9fff]{{4,128}}"""
KEY = rf"""(?<=(?:{_KEY_WORDS}){_ASSIGNED})[A-Za-z0-9_\-./+=~]{{16,512}}"""
ASSIGNMENT_HINT = re.compile(r"pass|pwd?|密|口令|key|token|secret|credential|金鑰|令牌|權杖", re.IGNORECASE)


def is_password(text: str) -> bool:
    """Whether what stands behind "password:" is one, and no word about passwords.

    >>> is_password("hunter2"), is_password("required"), is_password("********")
    (True, False, False)
    """
    if re.fullmatch(r"[a-z]+[.!?]?|[A-Z]?[a-z]+[.!?]?|[A-Z_]+|[*xX.\-_•]+|\$?\{.*|%.*%|\d{1,3}", text):
        return False
    return re.search(r"[A-Za-z0-9]", text) is not None


def is_random(text: str) -> bool:
    """Whether what stands behind "token:" was drawn by a machine: letters and digits, with no pattern in them.

    >>> is_random("c2VjcmV0LXZhbHVlLTEyMzQ1"), is_random("production-cluster-one")
    (True, False)
    """
    if not (re.search(r"\d", text) and re.search(r"[A-Za-z]", text)):
        return False
    counts = Counter(text)
    bits = -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
    return bits >= 3.0
