"""What telephone numbers, addresses and plates of Taiwan and mainland China look like."""

from __future__ import annotations

TW_ID = r"(?<![A-Za-z0-9])[A-Z][1289A-D]\d{8}(?![A-Za-z0-9])"
_TW_ID_NAMES = r"身[分份][證证](?:字號|號碼|号码|号)?|居留[證证](?:號碼|號)?|national id(?: number)?"
TW_ID_NAMED = rf"(?<=(?:{_TW_ID_NAMES})[是為为:：\s]{{0,3}}){TW_ID}"
CN_ID = r"(?<![A-Za-z0-9])[1-8]\d{16}[\dXx](?![A-Za-z0-9])"
CN_ID_NAMED = rf"(?<=(?:身[份分][证證](?:号码|号|號碼|號)?|公民身份号码)[是為为:：\s]{{0,3}}){CN_ID}"
HK_ID = r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{6}\([0-9A]\)"
TW_BUSINESS = (
    r"(?<=(?:統編|統一編號|统一编号|營利事業|\bGUI(?: number)?|\bUBN|\bVAT(?: ID| number)?|"
    r"\btax id(?: number)?)[^\d\n]{0,8})\d{8}(?!\d)"
)
ID_NUMBER_HINT = r"\d{6}"

# Chinese characters may stand right before and behind a number, and count as letters for a word's end.
_GAP = r"[- .·]?"
_BEGIN, _END = "(?<![A-Za-z0-9_.-])", r"(?![A-Za-z0-9_-]|\.\d)"
TW_MOBILE = rf"{_BEGIN}(?:\(?(?:\+|00)886\)?{_GAP}\(?0?\)?|0)9\d{{2}}(?:{_GAP}\d){{6}}{_END}"
TW_LANDLINE = (
    rf"{_BEGIN}(?:\(?(?:\+|00)886\)?{_GAP}\(?0?[2-8]{{1,2}}\)?{_GAP}|\(0[2-8]\d{{0,2}}\) ?|0[2-8]\d{{0,2}}[- ])"
    rf"\d{{3,4}}{_GAP}\d{{3,4}}(?:\s?(?:#|分機|ext\.?)\s?\d{{1,6}})?{_END}"
)
TW_FREEPHONE = rf"{_BEGIN}0[89]00{_GAP}\d{{3}}{_GAP}\d{{3}}{_END}"
CN_MOBILE = rf"{_BEGIN}(?:\(?(?:\+|00)86\)?{_GAP})?1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}{_END}"
CN_LANDLINE = (
    rf"{_BEGIN}(?:\(?(?:\+|00)86\)?{_GAP}\(?0?[1-9]\d{{1,2}}\)?[- ]|\(0[1-9]\d{{1,2}}\) ?|0[1-9]\d{{1,2}}[- ])"
    rf"[2-8]\d{{2,3}}[- ]?\d{{4}}(?:\s?(?:#|-|转|轉|分机|ext\.?)\s?\d{{1,5}})?{_END}"
)
CN_HOTLINE = rf"{_BEGIN}[48]00-\d{{3,4}}-\d{{3,4}}{_END}"

_TW_PLACES = (
    "(?:[臺台][北中南東]|新北|桃園|高雄|基隆|新竹|嘉義|苗栗|彰化|南投|雲林|屏東|宜蘭|花蓮|澎湖|金門|連江)[縣市]"
)
_CN_PROVINCES = (
    "(?:北京|天津|上海|重庆)市?|(?:河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|"
    "云南|陕西|甘肃|青海)省?|(?:内蒙古|广西|西藏|宁夏|新疆)(?:壮族|回族|维吾尔)?(?:自治区)?"
)
# Words that lead to an address and are none of it.
_NAME = "[^\\W\\d_a-zA-Z在到於于是住址寄往去從从至的為为請请送,;:]"
_NUMBER = "[0-9一二三四五六七八九十百]"
_TW_END = (
    rf"(?:{_NUMBER}{{1,3}}段)?(?:{_NUMBER}{{1,4}}巷)?(?:{_NUMBER}{{1,4}}弄)?\s?{_NUMBER}{{1,5}}(?:[-之]\d{{1,3}})?[號号]"
    rf"(?:\s?(?:地下)?{_NUMBER}{{1,3}}(?:[樓楼]|[Ff](?![a-z]))(?:[-之]\d{{1,3}})?)?(?:\s?[A-Z]?\d{{1,5}}室)?"
)
_TW_STREET = rf"{_NAME}{{1,5}}(?:路|街|大道|{_NUMBER}鄰)"
TW_ADDRESS = (
    rf"(?:\d{{3,6}}\s?)?{_TW_PLACES}\s?(?:{_NAME}{{1,3}}[鄉鎮市區])?\s?(?:{_NAME}{{1,3}}[村里])?(?:\d{{1,3}}鄰)?\s?"
    rf"(?:{_TW_STREET})?\s?{_TW_END}|"
    rf"(?:{_NAME}{{1,3}}[鄉鎮市區]\s?)?{_NAME}{{2,4}}(?:路|街|大道){_TW_END}"
)
_CN_AREA = (
    rf"(?:{_NAME}{{1,6}}(?:市|自治州|地区|盟))?\s?(?:{_NAME}{{1,6}}(?:新区|区|县|旗|市))?\s?"
    rf"(?:{_NAME}{{1,6}}(?:镇|乡|街道|开发区))?\s?"
)
_CN_END = (
    r"(?:\d{1,5}(?:[-—]\d{1,4})?[号弄](?:院)?)(?:[^\W\d_a-zA-Z,;]{2,10}(?:小区|花园|大厦|公寓|广场|苑|城|园区?))?"
    r"(?:\s?[0-9A-Za-z]{1,4}(?:号楼|栋|幢|座|楼))?(?:\s?\d{1,2}单元)?(?:\s?\d{1,3}[层楼])?(?:\s?\d{1,5}[室号])?"
)
CN_ADDRESS = (
    rf"(?:{_CN_PROVINCES})\s?{_CN_AREA}{_NAME}{{1,8}}(?:路|街|大道|巷|胡同|村)(?:[东西南北中]?[段路])?\s?{_CN_END}|"
    rf"{_NAME}{{2,4}}(?:新区|区|县|市){_NAME}{{1,8}}(?:路|街|大道|巷|胡同)\s?{_CN_END}"
)
ADDRESS_HINT = "[號号弄]"

_CN_PLATE_PLACES = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
CN_PLATE = rf"{_CN_PLATE_PLACES}[A-HJ-Z][·\- ]?(?:[A-HJ-NP-Z0-9]{{5}}[DF]?|[DF][A-HJ-NP-Z0-9]\d{{4}})(?![A-Za-z0-9])"
TW_PLATE = (
    r"(?<=(?:車牌|車號|车牌|车号|plate)[^\n]{0,10}?)(?<![A-Za-z0-9-])"
    r"(?:[A-Z]{2,3}-?\d{3,4}|\d{3,4}-?[A-Z]{2})(?![A-Za-z0-9-])"
)
PLATE_HINT = rf"[車车]|plate|{_CN_PLATE_PLACES}[A-Z]"
