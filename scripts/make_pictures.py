"""Takes the pictures of docs/walkthrough.md that show a run, a judge's history and its card.

    python scripts/make_pictures.py FOLDER

FOLDER is the workspace that the commands of that page leave behind, `dikast-demo`. The pages are what a user gets, opened
in Debian's chromium.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]


def review(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """The review page of a run, and its address."""
    command = [sys.executable, "-m", "dikast", "review", "demo", "--annotator", "FacTool", "--run", "facts-1"]
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert server.stdout is not None
    for line in server.stdout:
        found = re.search(r"http://\S+", line)
        if found:
            return server, found[0].rstrip("/")
    raise SystemExit("the review page did not start")


def shot(page: Page, address: str, name: str, height: int) -> None:
    """One picture of the upper part of a page, 1280 wide."""
    page.set_viewport_size({"width": 1280, "height": height})
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    server, address = review(folder)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page()
            page.goto(f"{address}/runs/facts-1")
            page.wait_for_timeout(3000)  # figures are worked out beside the page; it says so until they are there
            shot(page, f"{address}/runs/facts-1", "review-run", 900)
            shot(page, (folder / "judges" / "facts" / "history.html").as_uri(), "history", 900)
            shot(page, (folder / "facts.card.html").as_uri(), "card", 1000)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
