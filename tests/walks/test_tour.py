"""The five minutes of the README, as pasted, in one demo world; then a hand-over and a log-in in a real browser."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.walks.test_start import Up

BLOCKS = re.findall(r"<!-- tour -->\n```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("tour"))
    running.env["WAYLOG_DEMO"] = "1"
    try:
        running.start(seconds=300)  # the demo world is made first
        yield running
    finally:
        if running.process is not None:
            running.process.terminate()
            running.process.wait(60)


class Terminal:
    """A second terminal beside the running demo, in what looks like the clone, with variables that stay."""

    def __init__(self, up: Up, folder: Path) -> None:
        self.up, self.folder = up, folder
        for place in ROOT.iterdir():
            if place.name != ".waylog":
                (folder / place.name).symlink_to(place)
        (folder / ".waylog").symlink_to(up.data)
        (folder / "state").touch()
        self.env = {name: value for name, value in up.env.items() if name != "WAYLOG_NO_VENV"}

    def paste(self, block: str) -> subprocess.CompletedProcess[str]:
        """Run a block as the README has it, but for the port that this test's server has."""
        words = block.replace("http://localhost:8000", f"http://localhost:{self.up.port}")
        kept = f". ./state\nset -a\n{words}\nstatus=$?\nexport -p > state\nexit $status"
        return subprocess.run(
            ["bash", "-c", kept], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=300
        )


@pytest.fixture(scope="module")
def terminal(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return Terminal(up, tmp_path_factory.mktemp("terminal"))


def test_the_readme_has_the_tour() -> None:
    assert len(BLOCKS) == 5


def test_a_program_hands_in_signed_events(terminal: Terminal) -> None:
    done = terminal.paste(BLOCKS[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "commissioned" in done.stdout and "packed" in done.stdout


def test_a_proof_is_verified_offline_and_not_without_an_anchor(terminal: Terminal) -> None:
    assert (terminal.folder / "event.tlog-proof").read_text().startswith("c2sp.org/tlog-proof@v1\n")
    done = terminal.paste(BLOCKS[1])
    assert done.returncode == 0 and "verified" in done.stdout, done.stdout + done.stderr
    without = terminal.paste(BLOCKS[1].replace('--vkey "$VKEY"', ""))
    assert without.returncode == 2
    assert "which you have not said you trust" in " ".join((without.stdout + without.stderr).split())


def test_a_flipped_byte_is_named_and_flipped_back_forgotten(terminal: Terminal) -> None:
    done = terminal.paste(BLOCKS[2])
    assert done.returncode == 1 and "first bad index 12000" in done.stdout, done.stdout + done.stderr
    done = terminal.paste(BLOCKS[3])
    assert done.returncode == 0 and "the log holds" in done.stdout, done.stdout + done.stderr


def test_a_forecast_is_made_and_made_again(terminal: Terminal) -> None:
    done = terminal.paste(BLOCKS[4])
    assert done.returncode == 0 and "bit for bit" in done.stdout, done.stdout + done.stderr


def user(up: Up, role: str, party: str) -> dict[str, Any]:
    demo = json.loads((up.data / "demo.json").read_text())
    return next(each for each in demo["users"] if each["role"] == role and each["party"].startswith(party))


def sign_in(page: Any, up: Up, who: dict[str, Any]) -> None:
    page.goto(f"http://localhost:{up.port}/accounts/login/")
    page.get_by_label("Email").fill(who["email"])
    page.get_by_label("Password").fill(who["password"])
    page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
    page.wait_for_url(f"http://localhost:{up.port}/")


def test_a_manager_accepts_a_shipment_in_the_browser(up: Up, page: Any) -> None:
    from playwright.sync_api import expect

    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    sign_in(page, up, user(up, "manager", "Aare"))
    page.goto(f"http://localhost:{up.port}/")
    waiting = page.get_by_role("row").filter(has_text="waiting for you").first
    waiting.get_by_role("link").first.click()
    page.get_by_role("link", name="Accept").first.click()
    page.locator("input[name^=counted]").first.fill("1")
    page.get_by_role("button", name=re.compile("accept", re.IGNORECASE)).last.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text(re.compile("short", re.IGNORECASE)).first).to_be_visible()
    assert not complaints
