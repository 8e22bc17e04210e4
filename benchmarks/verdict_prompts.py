"""Rubrics and interactions written for the benchmarks of the embedded engine: support answers in three languages."""

from __future__ import annotations

ENGLISH = """You judge answers that the support desk of an online bookshop gives to its customers.

What the shop can do: it sends books within two working days, refunds unopened books for thirty days, replaces books
that arrive damaged without asking for them back, and changes a delivery address until the parcel has left the
warehouse. It can't hurry a parcel that is on its way, reserve books that are out of print, or see what is in a
customer's bank account.

An answer passes when all of this holds:
1. It answers what the customer asked, and not another question that is easier to answer.
2. Every statement about the shop agrees with what the shop can do. A promise that the shop can't keep is always a fail.
3. It tells the customer the next step: what happens now, or what they have to do, and by when.
4. It is polite and plain. It does not blame the customer, and it does not hide behind rules.
5. It asks for nothing that the customer has written already.

An answer fails when one of these is missing, when it contradicts itself, when it is in another language than the
question, or when it gives out another customer's data. Length earns nothing. Apologies earn nothing. Repeating the
question earns nothing. An answer that says honestly that it does not know, and who will find out, may pass.

Examples.
Question: Can I still return the atlas I bought five weeks ago? It is still wrapped.
Answer: Our returns are open for thirty days, so we can't refund it any more. If it has a fault, we replace it.
Verdict: pass
Question: My parcel is two days late, please hurry it up.
Answer: I have asked the driver to come to you first this afternoon.
Verdict: fail
"""

TRADITIONAL = """你負責評判一家網路書店客服的回答。

書店能做到的事:兩個工作天內出貨;未拆封的書三十天內可退款;收到破損的書直接補寄,不必寄回;包裹離開倉庫以前可以改地址。
書店做不到的事:加快已經寄出的包裹、保留絕版書、查看顧客的銀行帳戶。

回答必須同時符合以下各點才算通過:回答了顧客真正問的問題;所說的與書店能做到的事一致;說清楚下一步要做什麼、何時完成;
語氣有禮、簡單明白;不要求顧客重複已經寫過的資料。答應做不到的事,一律不通過。長度與道歉都不加分。
"""

SIMPLIFIED = """你负责评判一家网上书店客服的回答。

书店能做到的事:两个工作日内发货;未拆封的书三十天内可退款;收到破损的书直接补寄,不必寄回;包裹离开仓库以前可以改地址。
书店做不到的事:加快已经寄出的包裹、保留绝版书、查看顾客的银行账户。

回答必须同时符合以下各点才算通过:回答了顾客真正问的问题;所说的与书店能做到的事一致;说清楚下一步要做什么、何时完成;
语气有礼、简单明白;不要求顾客重复已经写过的资料。答应做不到的事,一律不通过。长度与道歉都不加分。
"""

ENGLISH_PAIRS = [
    (
        "The dust jacket of my book was torn when it arrived, order 4471. I don't want to carry it to the post office.",
        "I'm sorry it arrived like that. You don't need to send it back: a new copy of your order leaves us tomorrow.",
    ),
    (
        "I moved last week and gave you my old address. The parcel has not been sent yet, as far as I can see.",
        "Please tell us your order number, your old address, your e-mail address and the date of your order.",
    ),
    (
        "Has my refund reached my account?",
        "Yes, I can see in your account that the money arrived this morning at nine o'clock.",
    ),
    (
        "Could you put aside a copy of the 1978 edition of the bird guide when one comes in?",
        "That edition is out of print and we can't reserve it. I can send you a message when the new edition appears.",
    ),
    (
        "I ordered on Friday evening. When will the novel be sent?",
        "We send within two working days, so it leaves us by Tuesday evening; you get the tracking number by mail.",
    ),
    (
        "You charged me twice for one book! I want one of the payments back now.",
        "You should have read our terms before you pressed the button twice. Both payments are valid.",
    ),
    (
        "Which of the two cookery books is better for a beginner?",
        "The smaller one: it explains every step with a picture. The large one expects that you know the basics.",
    ),
    (
        "I'd like to return three unopened books that I bought ten days ago.",
        "Of course. Print the label I have just sent you and use any box; the refund comes within a week.",
    ),
    (
        "My daughter's birthday is tomorrow and the parcel is still on its way. Can you do anything?",
        "The parcel is with the carrier and we can't speed it up. I have sent you a card to print for her instead.",
    ),
    (
        "Do you have the audiobook of this title as well?",
        "Thank you for your question. We value every question. Please do not hesitate to ask us any questions.",
    ),
    (
        "Where do I find the invoice for order 90210? My tax office wants it by Monday.",
        "It is attached to this message, and you also find it under Orders, then 90210, then Invoice, at any time.",
    ),
    (
        "The second volume is missing from my box set.",
        "The last customer with this problem, Mrs Lindqvist of 12 Harbour Road, simply bought the volume again.",
    ),
]

TRADITIONAL_PAIRS = [
    (
        "我收到的書封面破了,訂單編號 4471,可以換一本嗎?",
        "很抱歉。您不必寄回,我們明天就補寄一本新的給您,出貨後會寄通知信。",
    ),
    ("包裹已經寄出了,能不能請你們今天就送到?", "沒問題,我已經請司機下午優先送到您家。"),
    ("我上個月買的地圖集還沒拆封,二十天了,可以退嗎?", "可以,三十天內都能退。請用我剛寄給您的標籤寄回,款項一週內退還。"),
    ("請問退款入帳了嗎?", "我們看不到您的銀行帳戶。款項昨天已經退出,通常三個工作天內入帳,若星期五仍未收到請告訴我。"),
    ("一九七八年版的鳥類圖鑑還買得到嗎?", "謝謝您的來信,我們非常重視您的意見,祝您有美好的一天。"),
]

SIMPLIFIED_PAIRS = [
    ("我的订单还没发货,想改一下收货地址:人民路 8 号。", "已经改好了,包裹会寄到人民路 8 号,明天出库后您会收到通知。"),
    ("箱子里少了第二册,怎么办?", "这不是我们的责任,请您自己再买一本。"),
    ("我周五晚上下的单,什么时候能发货?", "两个工作日内发货,最晚周二晚上寄出,届时会把运单号发给您。"),
]


def verdict_prompts() -> list[str]:
    """Twenty prompts that end by asking for one word."""
    english = [
        f"{ENGLISH}\nQuestion: {question}\nAnswer: {answer}\n\nReply with one word, pass or fail."
        for question, answer in ENGLISH_PAIRS
    ]
    traditional = [
        f"{TRADITIONAL}\n問題:{question}\n回答:{answer}\n\n只回答一個字:pass 或 fail。"
        for question, answer in TRADITIONAL_PAIRS
    ]
    simplified = [
        f"{SIMPLIFIED}\n问题:{question}\n回答:{answer}\n\n只回答一个字:pass 或 fail。"
        for question, answer in SIMPLIFIED_PAIRS
    ]
    return english + traditional + simplified
