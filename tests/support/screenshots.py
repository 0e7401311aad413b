#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Takes the pictures of the page in docs/, of real programs; `make screenshots` calls it."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/integration"))

import browser  # noqa: E402
import http_server  # noqa: E402
import tb  # noqa: E402

ACCESS_TOKEN = "access-token-of-the-pictures"
READERS = {"crm": ["www-data"], "default": ["backup"], "warehouse": ["games"]}


def configure(world, server, readers):
    tokens = {name: world.token(server, name, readers=users if tb.IS_ROOT else [])
              for name, users in readers.items()}
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    world.write_config(tokens, http=http_server.section(world, access_token_file=path))


def refresh(world, name, times):
    for _ in range(times):
        generation = world.token_status(name)["generation"]
        while world.cli("refresh", name, uid=world.broker_uid).status != 0:
            pass
        world.wait_token(lambda token: token["generation"] > generation, name)


def take(page, http, path):
    page.open(http.base + "/")
    page.wait_text("#login", "asks for its access token")
    page.fill("#access", ACCESS_TOKEN)
    page.press("Enter")
    page.wait("document.querySelector('article') !== null")
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path)


def main(build):
    world = tb.World(build)
    try:
        server = world.auth_server()
        configure(world, server, READERS)
        world.broker().wait_ready()
        http = http_server.start(world).wait_ready()
        with browser.Page(browser.require(build)) as page:
            page.resize(1180, 700)
            for name in READERS:
                world.wait_token(lambda token: token["state"] == "valid", name)
                refresh(world, name, 4)
            take(page, http, ROOT / "docs/page-healthy.png")
            assert world.cli("suspend", "warehouse", uid=world.broker_uid).status == 0
            world.write_secret("crm", "a secret that the provider does not know")
            while world.token_status("crm")["consecutive_failures"] < 3:
                world.cli("refresh", "crm", uid=world.broker_uid)
            take(page, http, ROOT / "docs/page-failing.png")
    finally:
        world.close()


if __name__ == "__main__":
    main(Path(os.environ["TB_BUILD"]))
