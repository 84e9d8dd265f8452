"""Bundles and proofs checked in a browser: the verdict of Python, to the word, with the network cut."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from campaigns.bundles import JUDGE, MODULE, Case, differences, generate, verdict
from ledger.tlog.bundle import format_bundle
from ledger.tlog.text import encode_base64url
from tests.browser.conftest import Live
from tests.browser.test_access import PHONE, RULES
from tests.cast import sscc
from tests.conftest import SHARED
from tests.ledger.tlog.bundles import VKEY, a_bundle
from tests.ledger.tlog.test_vectors import load

CASES = 240
BUNDLE = format_bundle(a_bundle())
CHECK_SIGNATURES = """async ({ module, rows }) => {
  const { checkPublicKey, verifySignature } = await import(module);
  const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const found = [];
  for (const [key, message, signature] of rows) {
    const held = { ours: true, bare: true };
    try {
      checkPublicKey(bytes(key));
      await verifySignature(bytes(key), bytes(message), bytes(signature));
    } catch { held.ours = false; }
    try {
      const imported = await crypto.subtle.importKey("raw", bytes(key), { name: "Ed25519" }, true, ["verify"]);
      held.bare = await crypto.subtle.verify({ name: "Ed25519" }, imported, bytes(signature), bytes(message));
    } catch { held.bare = false; }
    found.push(held);
  }
  return found;
}"""
COMPARE_FORMATS = """async ({ module, want }) => {
  const statement = await import(module + "statement.js");
  const { keyId } = await import(module + "keys.js");
  const note = await import(module + "note.js");
  const { utf8, fromHex, hex } = await import(module + "../encoding.js");
  const { leafHash } = await import(module + "merkle.js");
  const leaf = statement.parseLeaf(utf8(want.leaf));
  const read = statement.parseStatement(leaf.payload);
  const first = await statement.link(fromHex(want.chain), statement.prevOf(""));
  const hash = hex(await statement.statementHash(leaf.payload));
  return {
    key_id: await keyId(fromHex(want.public_key)),
    commitment: hex(await statement.commitment(fromHex(want.salt), utf8(want.body))),
    first_link: hex(first),
    read_link: read.links[0],
    statement_hash: hash,
    next_link: hex(await statement.link(fromHex(want.chain), fromHex(hash))),
    leaf_hash: hex(await leafHash(utf8(want.leaf))),
    log_vkey: (await note.parseVerifierKey(want.log_vkey)).text,
  };
}"""


class Visit:
    """The page, open to nobody in particular; `requests` and `complaints` since it was loaded."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.requests, self.complaints = page, [], []
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{url}/verify")
        page.locator("form[data-ready=yes]").wait_for()
        page.wait_for_load_state("networkidle")
        page.on("request", lambda request: self.requests.append(request.url))

    def give(self, data: bytes, name: str = "shipment.bundle.json") -> None:
        self.page.get_by_label("Choose a file").set_input_files(
            {"name": name, "mimeType": "application/json", "buffer": data}
        )

    def trust(self, text: str) -> None:
        self.page.get_by_label("The log’s verifier key, or a policy").fill(text)


@pytest.fixture
def visit(live_server: Any, transactional_db: None, page: Page) -> Visit:
    found = Visit(page, live_server.url.replace("127.0.0.1", "localhost"))
    yield found
    assert found.requests == []
    assert found.complaints == []


def proof_cases() -> list[Case]:
    document = load("proofs")
    key = encode_base64url(bytes.fromhex(document["party_public_key"])).encode()
    return [
        Case(f"{vector['name']} / {name}", vector["file"].encode(), trust, (key,))
        for vector in document["proofs"]
        for name, trust in (("vkey", document["vkey"]), ("policy", document["policy"]), ("nobody", ""))
    ]


def wycheproof() -> list[tuple[str, str, str, bool]]:
    path = SHARED / "ed25519" / "wycheproof_ed25519.json"
    if not path.exists():
        return []
    return [
        (group["publicKey"]["pk"], test["msg"], test["sig"], test["result"] == "valid")
        for group in json.loads(path.read_text(encoding="utf-8"))["testGroups"]
        for test in group["tests"]
    ]


def test_the_browser_says_what_python_says_to_the_word_of_genuine_mutated_and_hostile_files(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    cases = [*generate(CASES, seed=2026), *proof_cases()]
    module = f"/static/{MODULE}"
    said = visit.page.evaluate(JUDGE, {"module": module, "cases": [case.value() for case in cases]})
    assert differences(cases, said) == []
    kinds = [text.partition(" ")[0] for text in said]
    assert min(kinds.count("verified:"), kinds.count("consistent"), kinds.count("not")) > CASES // 50


def test_signatures_that_webcrypto_alone_would_accept_are_refused(visit: Visit) -> None:
    own = [(each["public_key"], each["message"], each["signature"], each["valid"]) for each in load("ed25519")]
    rows = [*own, *wycheproof()]
    module = "/static/js/verify/ed25519.js"
    found = visit.page.evaluate(CHECK_SIGNATURES, {"module": module, "rows": [row[:3] for row in rows]})
    assert [each["ours"] for each in found] == [row[3] for row in rows]
    assert any(each["bare"] and not each["ours"] for each in found), "no hostile signature here fools WebCrypto"


def test_the_formats_are_those_of_the_vectors(visit: Visit) -> None:
    want = load("formats")
    got = visit.page.evaluate(COMPARE_FORMATS, {"module": "/static/js/verify/", "want": want})
    assert got == {**{name: want[name] for name in got if name in want}, "read_link": want["first_link"]}


def test_a_file_is_judged_without_a_network_by_whom_the_reader_trusts(visit: Visit) -> None:
    page = visit.page
    page.context.set_offline(True)
    visit.give(BUNDLE)
    expect(page.get_by_role("status")).to_contain_text("Consistent in itself")
    expect(page.get_by_role("status")).to_contain_text(f"signed by {VKEY}, which you have not said you trust")
    assert "verified" not in page.get_by_role("status").inner_text().lower()
    visit.trust(VKEY)
    expect(page.get_by_role("status")).to_contain_text("✓ Verified")
    expect(page.get_by_role("status")).to_contain_text("12 entries are in the log log.example/0123456789abcdef")
    expect(page.get_by_role("status")).to_contain_text("Entry 9 is disputed")
    expect(page.get_by_text("disputed", exact=True)).to_have_count(1)
    visit.trust("other.example+00000000+AAAA")
    expect(page.get_by_role("status")).to_contain_text("Not valid")
    visit.trust(VKEY)
    spoilt = BUNDLE.replace(base64.b64encode(b'{"event":6}'), base64.b64encode(b'{"event":9}'))
    visit.give(spoilt)
    expect(page.get_by_role("status")).to_contain_text(
        "The statement of entry 6 does not commit to the body shown beside it."
    )
    expect(page.get_by_role("heading", name="Checked here")).to_be_hidden()


def test_a_reader_who_has_compared_the_key_says_so_with_one_press(visit: Visit) -> None:
    visit.give(BUNDLE)
    visit.page.get_by_role("button", name="I have compared this key").click()
    expect(visit.page.get_by_role("status")).to_contain_text("✓ Verified")
    assert visit.page.get_by_label("The log’s verifier key, or a policy").input_value() == VKEY


def test_a_proof_file_is_judged_with_the_party_s_key(visit: Visit) -> None:
    case = proof_cases()[0]
    visit.give(case.data, "event.tlog-proof")
    visit.trust(case.trust)
    expect(visit.page.get_by_role("status")).to_contain_text("✓ Verified")
    expect(visit.page.get_by_text("give, under the keys of the party, the public key")).to_be_visible()
    visit.page.get_by_text("Keys of the party, for a proof file").click()
    visit.page.get_by_label("The party’s public key").fill(case.keys[0].decode())
    expect(visit.page.get_by_text("The party's signature in the entry, by key")).to_be_visible()
    assert "the party's signature in the entry, by key" in verdict(case)


@pytest.mark.parametrize(
    ("stub", "says"),
    [
        ('Object.defineProperty(window, "isSecureContext", { value: false })', "This page came without https"),
        ("crypto.subtle.importKey = async () => { throw new Error(); }", "has no Ed25519"),
    ],
)
def test_a_browser_that_cannot_verify_says_so(
    live_server: Any, transactional_db: None, page: Page, stub: str, says: str
):
    page.add_init_script(stub)
    page.goto(f"{live_server.url}/verify")
    expect(page.get_by_role("alert")).to_contain_text(says)
    expect(page.get_by_label("The log’s verifier key, or a policy")).to_be_disabled()


def test_a_party_takes_its_bundle_away_and_verifies_it(live: Live) -> None:
    live.world.packer.pack(sscc(1))
    live.world.packer.observe(sscc(1), 4.0)
    live.world.packer.dispatch(sscc(1), live.world.carrier)
    page = live.enter(live.people.packer).page
    page.goto(f"/shipments/{live.world.shipment(sscc(1)).pk}/")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download bundle").click()
    data = downloading.value.path().read_bytes()
    page.get_by_role("link", name="Verify it in a browser").click()
    own = page.locator("[data-own-key]").inner_text()
    page.locator("form[data-ready=yes]").wait_for()
    page.get_by_label("Choose a file").set_input_files(
        {"name": "b.json", "mimeType": "application/json", "buffer": data}
    )
    page.get_by_label("The log’s verifier key, or a policy").fill(own)
    expect(page.get_by_role("status")).to_contain_text("✓ Verified")
    expect(page.get_by_text("Hands the unit over", exact=True)).to_be_visible()
    expect(page.get_by_text("3 bodies, to which their statements commit")).to_be_visible()


@pytest.mark.parametrize(("scheme", "size"), [("light", {}), ("dark", PHONE)], ids=["wide-light", "phone-dark"])
def test_the_page_breaks_no_rule_of_axe_and_fits_the_screen(
    live_server: Any, transactional_db: None, browser: Any, scheme: str, size: dict
) -> None:
    context = browser.new_context(color_scheme=scheme, **size)
    visit = Visit(context.new_page(), live_server.url)
    visit.give(BUNDLE)
    expect(visit.page.get_by_role("status")).to_contain_text("Consistent")
    for summary in visit.page.locator("summary").all():
        summary.click()
    found = Axe().run(visit.page, options=RULES).response["violations"]
    assert [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"][:3]] == []
    width = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0
    assert visit.complaints == []
    context.close()
