"""Pages as a person's browser shows them: Chromium without a window."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

_UNSEEN = re.compile(r"<(script|style|svg)\b.*?</\1>|<[^>]*>", re.DOTALL)


def opened(address: str, folder: Path, *arguments: str, wait_ms: int = 20_000) -> str:
    """The elements of a page after its scripts ran, as HTML.

    Args:
        address: Of the page.
        folder: For the browser's own files.
        arguments: More for the browser.
        wait_ms: How long scripts may take, in milliseconds of a clock that stands still while something is loaded.
    """
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", *arguments]
    command += [f"--user-data-dir={folder / 'browser'}", "--window-size=1280,2000"]
    command += [f"--virtual-time-budget={wait_ms}", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def words(page: str) -> str:
    """What a page says, on one line."""
    return " ".join(html.unescape(_UNSEEN.sub(" ", page)).split())


def width_in(page: str, room_px: int, folder: Path) -> int:
    """How wide a page is where it has so much room, in pixels; if it is wider, it must be scrolled sideways."""
    (folder / "page.html").write_text(page)
    (folder / "frame.html").write_text(
        f"<iframe id=frame src=page.html style='width: {room_px}px; border: 0'></iframe><script>"
        "frame.onload = () => { document.title = frame.contentDocument.documentElement.scrollWidth }</script>"
    )
    address = (folder / "frame.html").as_uri()
    found = re.search(r"<title>(\d+)</title>", opened(address, folder, "--allow-file-access-from-files", wait_ms=5000))
    assert found
    return int(found[1])
