"""Chinese, Japanese and Korean code pages, told apart by how common the characters are that the bytes would make.

The standards put everyday characters first: the first level of GB 2312, Big5 and JIS X 0208, and the Hangul of KS X 1001.
Read under another page, a text turns into rare characters. Hangul and Chinese share their places, so the words of bank
statements count more than other characters.
"""

from functools import lru_cache

PAGES = ("gb18030", "big5", "cp932", "euc_jp", "cp949")
_PUNCTUATION = 0.5
# Below this it is no text of theirs.
SURE = 0.5
_WORDS_OF_BANKS = {
    "gb18030": frozenset(
        "消费转账工资支付手续费余额交易收入支出银行账户摘要日期金额宝微信退款存款取款利息购物超市餐饮电水房租单时间类型对方"
        "名称商品备注元年月日上海北京人民中国工商建设农业招商借贷信用卡号现金还款汇充值服务公司有限店天猫京东美团滴咖啡"
    ),
    "big5": frozenset(
        "消費轉帳薪資支付手續費餘額交易收入支出銀行帳戶摘要日期金額存提款利息購物超商市餐飲電水房租單時間類型對方名稱備註"
        "元年月日台北高雄中國信託國泰世華富邦玉山郵局卡號現繳匯入扣跨行自動櫃員機全聯福利中心公司有限店"
    ),
    "cp932": frozenset(
        "手数料振込給与電気残高引落預入支払金利息購入取引日付摘要店内容円年月口座普通銀行商事株式会社現出払保険水道税家賃"
        "通信料電話代自動機振替利用者名義備考額"
    ),
    "cp949": frozenset(
        "이가은는을를의입금출액잔체결제급여요기전수료카드점주스트마대한행거래일시적내용계좌번호날짜구분메모보낸받분통장자동납부"
        "월세보험세관리비통신가스물편의커피택시버스지하철강남서울부산국민신우리하나농협토뱅크타벅쿠팡네버페현인터넷송환"
    ),
}
_WORDS_OF_BANKS["euc_jp"] = _WORDS_OF_BANKS["cp932"]


def east_asian_page(data: bytes) -> tuple[str, float]:
    """The page that makes the most everyday text of the bytes, and how everyday: 1 at best, 0 for none that fits.

    `data` may end within a line, which is then not looked at.
    """
    whole = data[: data.rfind(b"\n") + 1] or data
    best, everyday = PAGES[0], 0.0
    for page in PAGES:
        try:
            text = whole.decode(page)
        except UnicodeDecodeError:
            continue
        strange = [character for character in text if character > "\x7f"]
        # One character proves little, three a lot.
        likelihood = sum(_weight(character, page) for character in strange) / max(3, len(strange))
        if likelihood > everyday:
            best, everyday = page, likelihood
    return best, everyday


@lru_cache(maxsize=16384)
def _weight(character: str, page: str) -> float:
    """How common the character is in texts of the page: 1 for everyday ones, below 0 for those that no bank writes."""
    written = character.encode(page)
    if character in _WORDS_OF_BANKS[page]:
        return 1.0
    if "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e":
        return _PUNCTUATION
    if "\u3041" <= character <= "\u30fe":
        return 1.0 if page in ("cp932", "euc_jp") else -0.2
    if "\uff61" <= character <= "\uff9f":
        # Banks of Japan write names with them, and any other text looks like them under this page.
        return 0.6 if page == "cp932" else -0.5
    if len(written) != 2:
        return -0.5
    lead, trail = written
    if page == "cp949":
        everyday = 0xB0 <= lead <= 0xC8 and trail >= 0xA1
    elif page == "big5":
        everyday = 0xA4 <= lead <= 0xC6
    elif page == "gb18030":
        everyday = 0xB0 <= lead <= 0xD7 and trail >= 0xA1
    else:
        first, last = (0x88, 0x97) if page == "cp932" else (0xB0, 0xCF)
        everyday = first <= lead <= last
    return 0.7 if everyday else -0.3
