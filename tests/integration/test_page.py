# SPDX-License-Identifier: MIT
"""The page of tokenbroker-httpd in headless Chromium, as an administrator has it before him."""

import json
import re
import signal

import pytest

import browser
import http_server
from tb import wait_until

ACCESS_TOKEN = "access-token-canary-9c1f20d7aa"
CARD = "article[aria-labelledby=token-{}]"
LOST_S = 60


@pytest.fixture
def page(built):
    with browser.Page(browser.require(built)) as page:
        yield page


def card(name, part=""):
    return f"{CARD.format(name)} {part}".strip()


def fact(page, name, label):
    """What stands behind a label of a token's card."""
    return page.evaluate(f"[...document.querySelectorAll('{card(name, 'dt')}')]"
                         f".find(dt => dt.textContent === '{label}').nextElementSibling.innerText")


def wait_fact(page, name, label, pattern):
    wait_until(lambda: re.search(pattern, fact(page, name, label)), 20, f"{label} like {pattern}")


def sign_in(page, http):
    page.open(http.base + "/")
    page.wait_text("#login", "asks for its access token")
    page.fill("#access", ACCESS_TOKEN)
    page.press("Enter")
    page.wait("document.querySelector('article') !== null")


def repeat_until(page, act, outcome):
    """Acts until the page says outcome: a second of the provider's lies between two fetches."""
    def is_told():
        act()
        page.wait("!/ …$|^$/.test(document.querySelector('#outcome').innerText)")
        return outcome in page.text("#outcome")
    wait_until(is_told, 15, outcome)


def guarded(world, server, **arguments):
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    return http_server.serve(world, server, http={"access_token_file": path}, **arguments)


def three_tokens(world, server):
    """One good, one whose client the provider does not know, one suspended."""
    world.write_secret("stranger", "not-the-secret-of-anybody")
    tokens = {"good": world.token(server, "good"),
              "stranger": world.token(server, "stranger", client_id="nobody"),
              "resting": world.token(server, "resting")}
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    world.write_config(tokens, http=http_server.section(world, access_token_file=path))
    broker = world.broker().wait_ready()
    broker.wait_token(lambda token: token["state"] == "valid", "resting")
    assert world.cli("suspend", "resting", uid=world.broker_uid).status == 0
    broker.wait_token(lambda token: token["consecutive_failures"] > 0, "stranger")
    return broker, http_server.start(world).wait_ready()


def test_each_token_is_shown_with_its_state_and_what_to_do(world, server, page):
    _, http = three_tokens(world, server)
    sign_in(page, http)
    page.wait_text("#summary", "2 of 3 tokens not good: stranger, resting")
    assert "● valid" in page.text(card("good"))
    assert "✖ no token yet: failing" in page.text(card("stranger"))
    assert "suspended by an administrator" in page.text(card("resting"))
    trouble = page.text(card("stranger", ".trouble"))
    assert trouble.startswith("Now: ") and "invalid_client" in trouble
    hint = http.ask("/v1/tokens/stranger", unix=True).json()["last_error"]["hint"]
    assert hint and hint in trouble
    assert fact(page, "good", "Fingerprint") == world.token_status("good")["fingerprint"]
    assert re.match(r"in \d+ ", fact(page, "stranger", "Next attempt"))
    assert page.evaluate(f"document.querySelectorAll('{card('stranger', '.history i.failed')}').length") > 0
    assert "failed" in page.evaluate(
        f"document.querySelector('{card('stranger', '.history')}').getAttribute('aria-label')")
    # No colour alone: the three states have three signs and three colours.
    colours = {page.evaluate(f"getComputedStyle(document.querySelector('{card(name, '.state')}')).color")
               for name in ("good", "stranger", "resting")}
    assert len(colours) == 3
    assert page.console() == []


def test_the_countdown_runs_and_the_bar_has_its_share(world, server, page):
    _, http = http_server.serve(world, server)
    page.open(http.base + "/")
    page.wait_text("#summary", "The token is good.")
    left = card("default", ".soft")
    seen = set()
    wait_until(lambda: seen.add(page.text(left)) or len(seen) >= 3, 10, "three values of the countdown")
    assert all(re.match(r"\d+ (s|min|h) .*left$", text) for text in seen), seen
    label = f"document.querySelector('{card('default', '.bar')}').getAttribute('aria-label')"
    assert re.match(r"(9\d|100) % of the lifetime left", page.evaluate(label))
    assert page.evaluate(f"document.querySelector('{card('default', '.bar > span')}').clientWidth") > 100
    assert page.console() == []


def test_without_the_right_to_command_no_button_is_there(world, server, page):
    _, http = http_server.serve(world, server)
    page.open(http.base + "/")
    page.wait_text("#summary", "The token is good.")
    assert page.evaluate("[...document.querySelectorAll('article button')].every(b => b.hidden)")


def test_a_refresh_by_keyboard_raises_the_generation_without_a_reload(world, server, page):
    _, http = guarded(world, server)
    sign_in(page, http)
    page.evaluate("window.isSameDocument = true")
    before = int(fact(page, "default", "Generation"))
    page.tab_to("refresh default")
    repeat_until(page, lambda: page.press("Enter"), "refresh default: accepted")
    wait_until(lambda: int(fact(page, "default", "Generation")) > before, 10, "a higher generation")
    assert fact(page, "default", "Fingerprint") == world.token_status("default")["fingerprint"]
    assert page.evaluate("window.isSameDocument") is True
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "refresh default"
    assert [line for line in page.console() if "429" not in line] == []


def test_suspend_asks_first_and_resume_takes_it_back(world, server, page):
    _, http = guarded(world, server)
    sign_in(page, http)
    page.tab_to("suspend default")
    page.press("Enter")
    page.wait_text("dialog[open]", "Readers lose default at once")
    page.press("Escape")
    page.wait("document.querySelector('dialog[open]') === null")
    assert world.token_status("default")["state"] == "valid"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "suspend default"
    page.press("Enter")
    page.wait_text("dialog[open]", "Readers lose default at once")
    page.tab_to("suspend")
    page.press("Enter")
    page.wait_text(card("default", ".state"), "suspended by an administrator")
    assert page.evaluate(f"document.querySelector('{card('default', '.bar')}').checkVisibility()") is False
    page.wait("document.activeElement.getAttribute('aria-label') === 'resume default'")
    page.press("Enter")
    page.wait_text(card("default", ".state"), "● valid")
    page.wait_text("#summary", "The token is good.")
    assert page.console() == []


def test_a_refusal_is_told_with_its_reason(world, server, page):
    _, http = guarded(world, server)
    sign_in(page, http)
    repeat_until(page, lambda: page.click("[aria-label='refresh default']"),
                 "refresh default refused: the last request for token default is too recent")


def test_the_access_token_is_asked_for_and_kept_in_memory_only(world, server, page):
    _, http = guarded(world, server)
    page.open(http.base + "/")
    page.wait_text("#login", "asks for its access token")
    assert page.text("#tokens") == ""
    assert page.evaluate("document.activeElement.id") == "access"
    page.fill("#access", "not-the-access-token")
    page.press("Enter")
    page.wait_text("#login-error", "That is not the access token.")
    page.fill("#access", "a-token-with-\u20ac")  # no header can carry it
    page.press("Enter")
    page.wait_text("#login-error", "it has characters that none has")
    assert page.evaluate("document.querySelector('#lost-connection').hidden") is True
    page.fill("#access", ACCESS_TOKEN)
    page.press("Enter")
    page.wait_text("#summary", "The token is good.")
    page.wait("!document.querySelector('#login').checkVisibility()")
    assert ACCESS_TOKEN not in page.evaluate("document.documentElement.outerHTML")
    assert page.evaluate("document.querySelector('#access').value") == ""
    assert page.evaluate("[location.href, document.referrer, JSON.stringify(history.state)].join()"
                         ).count(ACCESS_TOKEN) == 0
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("indexedDB.databases().then(all => all.length)") == 0
    assert page.cookies() == []
    assert all(ACCESS_TOKEN not in url for url in page.requests())
    page.reload()
    page.wait_text("#login", "asks for its access token")
    assert page.console() == []


def test_it_asks_nobody_else(world, server, page):
    _, http = guarded(world, server)
    sign_in(page, http)
    repeat_until(page, lambda: page.click("[aria-label='refresh default']"), "accepted")
    outside = [url for url in page.requests() if not url.startswith((http.base + "/", "data:,"))]
    assert outside == []


def test_a_broker_killed_is_shown_as_lost_and_found_again(world, server, page):
    broker, http = http_server.serve(world, server)
    page.open(http.base + "/")
    page.wait_text("#summary", "The token is good.")
    generation = int(fact(page, "default", "Generation"))
    broker.kill()
    page.wait_text("#summary", "The broker is lost", timeout=LOST_S)
    assert "has not touched status.json" in page.text("#lost-broker")
    assert "● valid" in page.text(card("default")), "readers still have it"
    world.broker().wait_ready()
    page.wait_text("#summary", "The token is good.", timeout=30)
    assert world.cli("refresh", "default", uid=world.broker_uid).status == 0
    wait_until(lambda: int(fact(page, "default", "Generation")) > generation, 10, "its new state")
    assert page.text("#lost-broker") == ""
    # What the browser itself says of an answer with 503 is all that there is.
    assert [line for line in page.console() if "503" not in line or "/livez" not in line] == []


def test_a_server_that_is_gone_is_told_and_taken_up_again(world, server, page):
    _, http = http_server.serve(world, server)
    page.open(http.base + "/")
    page.wait_text("#summary", "The token is good.")
    http.kill()
    page.wait_text("#lost-connection", "The connection to this server is lost.")
    page.wait_text("#summary", "The state is unknown")
    assert page.evaluate("document.title").startswith("✗")
    http_server.start(world).wait_ready()
    page.wait("!document.querySelector('#lost-connection').checkVisibility()", timeout=40)
    page.wait_text("#summary", "The token is good.")


def test_a_status_that_it_does_not_understand_is_no_lost_connection(world, server, page):
    broker, http = http_server.serve(world, server)
    page.open(http.base + "/")
    page.wait_text("#summary", "The token is good.")
    broker.signal(signal.SIGSTOP)
    path = world.runtime_dir / "status.json"
    good = path.read_bytes()
    document = json.loads(good)
    del document["config"]  # the server can do without
    for content, text in ((json.dumps(document).encode(), "does not understand the status"), (good, "")):
        new = path.with_name("new")
        new.write_bytes(content)
        world.give(new)
        new.rename(path)
        page.wait(f"document.querySelector('#lost-connection').innerText.includes('{text}')"
                  f" && document.querySelector('#lost-connection').checkVisibility() === {str(text != '').lower()}")
    broker.signal(signal.SIGCONT)
    assert page.console() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read_in_both_schemes(world, server, page, scheme):
    _, http = three_tokens(world, server)
    page.resize(360, 740)
    page.media(colorScheme=scheme, reducedMotion="reduce")
    sign_in(page, http)
    page.wait_text("#summary", "2 of 3 tokens not good")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    too_small = page.evaluate("""[...document.querySelectorAll('button, input')]
        .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 36).length""")
    assert too_small == 0
    assert page.evaluate(CONTRASTS) == []


# WCAG 2.2, 1.4.3: text has a contrast of 4.5 to what is behind it. The page has plain colours only.
CONTRASTS = r"""(() => {
    const channels = text => text.match(/[\d.]+/g).map(Number);
    const luminance = text => {
        const [r, g, b] = channels(text).slice(0, 3).map(c => c / 255)
            .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const ground = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (channels(colour)[3] !== 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const poor = [];
    for (const element of document.querySelectorAll("body *")) {
        const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!hasText || !element.checkVisibility()) continue;
        const pair = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((a, b) => a - b);
        if ((pair[1] + .05) / (pair[0] + .05) < 4.5) poor.push(element.innerText);
    }
    return poor;
})()"""
