# SPDX-License-Identifier: MIT
"""A page in headless Chromium, by way of tests/browser/driver.mjs."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from processes import wait_until

DRIVER = Path(__file__).resolve().parents[1] / "browser/driver.mjs"


def require(built):
    """The directory of playwright-core; skips the test where there is no browser to test with."""
    missing = [name for name in ("chromium", "node") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed and could not be: make browser says why")
    directory = built / "browser"
    if not (directory / "node_modules/playwright-core").is_dir():
        pytest.skip("playwright-core could not be fetched: make browser says why")
    return directory


class Page:
    """with Page(directory) as page: ... Every method fails with what the browser says."""

    def __init__(self, directory):
        env = {**os.environ, "CHROMIUM": shutil.which("chromium")}
        self._driver = subprocess.Popen(["node", DRIVER, directory], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=env, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._driver.stdin.close()
        try:
            self._driver.wait(20)
        except subprocess.TimeoutExpired:
            self._driver.kill()
            self._driver.wait()
        self._driver.stdout.close()

    def _call(self, call, **arguments):
        self._driver.stdin.write(json.dumps({"call": call, "with": arguments}) + "\n")
        self._driver.stdin.flush()
        line = self._driver.stdout.readline()
        assert line, f"the driver ended in {call}"
        answer = json.loads(line)
        assert "error" not in answer, f"{call} {arguments}: {answer['error']}"
        return answer["ok"]

    def open(self, url):
        self._call("open", url=url)

    def reload(self):
        self._call("reload")

    def evaluate(self, expression):
        return self._call("evaluate", expression=expression)

    def wait(self, expression, timeout=15.0):
        """Until a JavaScript expression is true."""
        wait_until(lambda: self.evaluate(f"Boolean({expression})"), timeout, expression)

    def fill(self, selector, text):
        self._call("fill", selector=selector, text=text)

    def press(self, key):
        self._call("press", key=key)

    def click(self, selector):
        self._call("click", selector=selector)

    def resize(self, width, height):
        self._call("resize", width=width, height=height)

    def media(self, **features):
        """media(colorScheme="dark")"""
        self._call("media", **features)

    def screenshot(self, path):
        self._call("screenshot", path=str(path))

    def cookies(self):
        return self._call("cookies")

    def console(self):
        """Errors and warnings of the page so far."""
        return self._call("seen")["console"]

    def requests(self):
        """The addresses that it asked for so far."""
        return self._call("seen")["requests"]

    # What is seen

    def text(self, selector):
        """As it is displayed: what is hidden is not there."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_text(self, selector, part, timeout=15.0):
        """Until an element displays part."""
        self.wait(f"(document.querySelector({json.dumps(selector)})?.innerText ?? '')"
                  f".includes({json.dumps(part)})", timeout)

    def tab_to(self, label, limit=60):
        """Presses Tab until the element with that accessible name has the focus."""
        for _ in range(limit):
            self.press("Tab")
            if self.evaluate("document.activeElement.getAttribute('aria-label') ?? "
                             "document.activeElement.innerText") == label:
                return
        raise AssertionError(f"{label!r} is not reached by Tab")
