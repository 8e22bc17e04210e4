"""Takes the pictures of the review pages in docs/images, and two of a judge's own pages.

    python scripts/make_pictures.py [--demo FOLDER]

The review pages are those of a workspace that is made for it, with invented tickets, labels and verdicts: the same each
time. FOLDER is the workspace that the commands of docs/walkthrough.md leave behind, `dikast-demo`; with it, the judge's
history and card are taken as well. All are opened in Debian's chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from dikast.records import Interaction, JudgeRef, Label, RunInfo, Verdict
from dikast.store import Store

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
TOML = '[review.links]\nCRM = "https://crm.local/{metadata.user_id}"\n'
CRITIQUE = "It promises 30 days, but the policy says 14 for an opened box: the customer would send it back for nothing."
MISTAKES = ((1, 2, 5, 6, 10, 13, 17, 22, 25, 28, 30), (1, 5, 6, 13, 17, 22, 28), (5, 6, 17, 25), (6, 25, 30))
"""Of each run, the tickets on which the judge is wrong."""
VERSIONS = ("3f9a1c77d2e84b10", "3f9a1c77d2e84b10", "b07d5512aa9c3e64", "e51c20f8934d7ab2")

CHAT = Interaction(
    id="ticket-000",
    input=[
        {
            "role": "system",
            "content": "You are the assistant of a headphone shop. Be brief and cite the policy.",
        },
        {"role": "user", "content": "Can I still return the headphones I bought three weeks ago? I opened the box."},
        {
            "role": "assistant",
            "content": "Let me look at your order.",
            "tool_calls": [{"function": {"name": "find_order", "arguments": '{"customer": "u-4711"}'}}],
        },
        {"role": "tool", "name": "find_order", "content": '{"id": "A-20931", "delivered": "2026-10-30", "days": 23}'},
        {"role": "user", "content": "It was the blue pair."},
    ],
    output="Yes, you can return them.\n\n1. Open *My orders* and choose the **blue pair**.\n2. Print the label, or "
    "show the code at the counter.\n\n| | Opened | Unopened |\n|---|---|---|\n| Period | 30 days | 30 days |",
    context="Returns: 14 days from delivery; 30 days where the box is unopened.",
    metadata={"feature": "returns", "language": "en", "channel": "chat", "user_id": "u-4711"},
)


def is_good(number: int) -> bool:
    """Whether the answer to a ticket keeps to the policy."""
    return number % 5 not in (0, 3)


def ticket(number: int) -> Interaction:
    """One that was asked for."""
    if number == 0:
        return CHAT
    days = 14 if is_good(number) else 16 + number
    return Interaction(
        id=f"ticket-{number:03d}",
        input=f"Can I return headphone model {number}? I opened the box.",
        output=f"Yes: within {days} days of delivery, also when the box was opened.",
        context="Returns: 14 days from delivery; 30 days where the box is unopened.",
        metadata={"feature": ("returns", "billing", "login")[number % 3], "user_id": f"u-{number}"},
    )


def label(number: int, annotator: str, passes: bool) -> Label:
    """What somebody says of a ticket."""
    good = "It names the 14 days that the policy gives for an opened box."
    bad = f"“within {16 + number} days”: the policy gives 14 for an opened box."
    return Label(
        id=f"ticket-{number:03d}",
        annotator=annotator,
        verdict="pass" if passes else "fail",
        critique=good if passes else bad,
        tags=() if passes else ("policy", "wrong number"),
        drawn="random",
        seed=1,
        blind=True,
    )


def judged(item: Interaction, number: int, run: int) -> Verdict:
    """What the judge of a run says of a ticket."""
    passes = is_good(number) != (number in MISTAKES[run])
    said = "The period is the one of the policy." if passes else "The period is longer than the policy allows."
    judge = JudgeRef("returns", VERSIONS[run])
    return Verdict(id=item.id, status="scored", verdict="pass" if passes else "fail", critique=said, judge=judge)


def make_workspace(folder: Path) -> None:
    """Tickets, three people's labels, and four runs of a judge that gets better."""
    (folder / "dikast.toml").write_text(TOML)
    (folder / ".dikast").mkdir()
    items = [ticket(number) for number in range(34)]
    with Store.open(folder / ".dikast" / "store.db") as store:
        dataset = store.keep_dataset("tickets", items)
        book = store.labels("tickets")
        for number in range(1, 32):
            book.save(label(number, "ada", is_good(number)), state="saved", expected_revision=0)
        for number in range(1, 12):
            book.save(label(number, "ben", is_good(number) or number == 8), state="saved", expected_revision=0)
        for run in range(len(MISTAKES)):
            keep_run(store, items, run, dataset.info.hash)


def keep_run(store: Store, items: list[Interaction], run: int, dataset_hash: str) -> None:
    """A finished run over the tickets."""
    verdicts = [judged(item, number, run) for number, item in enumerate(items)]
    info = RunInfo(
        name=f"returns-{run + 1}",
        judge=verdicts[0].judge,
        judge_definition={"scale": "pass_fail", "task": "Does the answer keep to the returns policy?"},
        dataset="tickets",
        dataset_hash=dataset_hash,
        model="ollama/qwen3:8b",
        fingerprint={},
        started_at=f"2026-11-{2 + run:02d}T09:30:00Z",
        finished_at=f"2026-11-{2 + run:02d}T09:41:00Z",
        counts={"scored": len(items)},
    )
    log = store.begin_run(info, key=info.name.encode().ljust(32), owner="pictures", out=None, name=info.name)
    for position, item in enumerate(items):
        log.write(position, item, verdicts[position])
    log.save_info(info, finished=True)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of the review pages, as `dikast review` serves them."""
    command = [sys.executable, "-m", "dikast", "review", "tickets", "--annotator", "ada", "--run", "returns-4"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            said = []
            for line in server.stdout or ():
                said.append(line)
                if found := re.search(r"http://\S+", line):
                    yield found[0].rstrip("/")
                    return
            raise SystemExit("the review page did not start: " + "".join(said))
        finally:
            server.terminate()


def shot(page: Page, name: str) -> None:
    """Keep what the window shows."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


def typed(page: Page, address: str) -> None:
    """The chat, failed with a critique, by keyboard."""
    page.goto(f"{address}/item/0")
    page.keyboard.press("2")
    page.keyboard.type(CRITIQUE)
    page.get_by_text("Draft kept").wait_for()


def labelling(browser: Browser, address: str) -> None:
    """One interaction, its note and tags, and the same on a phone."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    typed(page, address)
    shot(page, "review")
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    phone.goto(f"{address}/item/0")
    shot(phone, "review-phone")
    page.keyboard.press("Escape")
    page.keyboard.press("*")
    page.keyboard.type("Took the days of unopened boxes")
    page.keyboard.press("Escape")
    page.keyboard.press("#")
    page.keyboard.type("wrong number, po")
    page.get_by_role("option").first.wait_for()
    page.locator("#label").screenshot(path=IMAGES / "review-tags.png")
    print(IMAGES / "review-tags.png")


def overview(browser: Browser, address: str) -> None:
    """The overview, and what it leads to."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    for path, name, there in (
        ("/", "review-overview", "h1"),
        ("/iterations", "review-iterations", ".plot"),
        ("/runs/returns-4", "review-run", ".trust"),
        ("/disputes?what=open", "review-dispute", ".disagreement"),
    ):
        page.goto(address + path)
        while not page.locator(there).count() or page.get_by_role("link", name="Look again").count():
            page.wait_for_timeout(300)  # figures are worked out beside the page, which says so until they are there
            page.reload()
        if name == "review-dispute":
            page.set_viewport_size({"width": 1280, "height": 720})
            page.locator(".disagreement a").first.click()
        shot(page, name)


def of_the_demo(browser: Browser, folder: Path) -> None:
    """A judge's history and its card, as the walk-through leaves them."""
    page = browser.new_page(viewport={"width": 1280, "height": 950})
    for path, name in (("judges/facts/history.html", "history"), ("facts.card.html", "card")):
        page.goto((folder / path).as_uri())
        shot(page, name)


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, metavar="FOLDER")
    demo = parser.parse_args().demo
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        make_workspace(Path(name))
        with serving(Path(name)) as address:
            labelling(browser, address)
            overview(browser, address)
        if demo is not None:
            of_the_demo(browser, demo.resolve())
        browser.close()


if __name__ == "__main__":
    main()
