# SPDX-License-Identifier: MIT
"""A broker with its token server, and a token for each front: killed, reloaded, its wall clock set."""

import asyncio
import time

import control
from chaos_faults import (CONNECT_TIMEOUT_S, DEFAULT_LIFETIME_S, PLAIN, PROXIED, REQUEST_TIMEOUT_S, RETRY_MAX_S,
                          RETRY_MIN_S, TLS)
from chaos_front import Front, Upstream
from chaos_report import TICK_S
from chaos_revocation import RevokeFront
from chaos_token import SOON_S, Token
from clocks import clock_of, set_clock
from tb import Library, World, environment

# No more than may be open at once: broker_private.h, BROKER_REQUESTS_MAX.
KINDS_OF_TOKENS = (PLAIN, TLS, PROXIED, PLAIN, TLS, PLAIN, TLS, PROXIED, PLAIN, TLS, PLAIN, TLS, PROXIED, PLAIN, TLS,
                   PLAIN)
TOKEN_PATH = "/rest/v2/oauth/token"
CALM_S = 6  # from one kill to the next
STATUS_S = 0.15
LOOK_S = 15  # how often a broker looks at its clocks


class Group:
    """Several brokers stand side by side, each with as many tokens as it may ask for at once."""

    def __init__(self, number, build, authority, names, report, clock=None, kinds=KINDS_OF_TOKENS):
        """clock: None, the machine's; "own" that can be set; "told": one that tells the broker when it is."""
        self.report = report
        self.names = names
        self.world = World(build)
        self.world.may_leave_segments = True  # brokers are killed
        self.server = self.world.auth_server()
        upstream = Upstream(self.server)
        self.tokens = []
        for place, kind in enumerate(kinds):
            name = f"g{number}-{place}-{kind}"
            self.server.set_client(client_id=name)
            front = Front(kind, name, upstream, authority.contexts)
            front.now_s = self.wall_s
            # Else it would come to the token's front, too.
            revocation = RevokeFront(name, upstream) if kind != PROXIED else None
            self.tokens.append(Token(name, self, front, revocation, report))
        self._authority = authority
        self.is_told = clock == "told"
        self._clock_file = self.world.make_directory("clock", 0o755) / "wall" if clock else None
        self._clock_offset_s = 0
        self.stepped_at = 0
        self._variant = 0
        self._broker = None
        self._status = {}
        self._shown = {}  # {name: token} of it
        self._is_busy = asyncio.Lock()
        self.is_down = False
        self.loop_ms = 0  # the longest turn since the broker's start
        self.started_at = 0
        self._changed = {}  # {name of a token: how often it became another}

    # The broker

    def _keys(self, token):
        address = {PLAIN: f"http://127.0.0.1:{token.front.port}", TLS: f"https://{token.hostname}:{token.front.port}",
                   PROXIED: f"https://{token.hostname}:443"}[token.kind]
        proxy = f"http://127.0.0.1:{token.front.port}" if token.kind == PROXIED else None
        return self.world.token(self.server, token.name, token_url=address + TOKEN_PATH, proxy=proxy,
                                revoke_url=token.revocation and token.revocation.url, client_id=token.name, ca_file=self._authority.ca, retry_min=RETRY_MIN_S,
                                retry_max=RETRY_MAX_S, connect_timeout=CONNECT_TIMEOUT_S,
                                request_timeout=REQUEST_TIMEOUT_S, reject_interval=1 + self._variant % 2,
                                default_lifetime=DEFAULT_LIFETIME_S, refresh_percent=40,
                                parameters=[f"x={self._changed[token.name]}"] if token.name in self._changed else None,
                                readers=[str(self.world.reader_uid), str(20000 + self._variant)])

    def _write_config(self, text=""):
        self.world.write_config({token.name: self._keys(token) for token in self.tokens}, text)

    def _start(self):
        env = None
        if self._clock_file is not None:
            set_clock(self._clock_file, self._clock_offset_s)
            env = clock_of(self.world.build, self._clock_file, self.is_told)
        self._broker = self.world.broker(env=env)
        self.started_at = time.monotonic()

    async def start(self):
        """Not in this thread, which has to answer meanwhile; then the tokens are opened."""
        for token in self.tokens:
            for front in token.fronts():
                front.set_fault(front.fault)
        self._write_config()
        await asyncio.to_thread(self._start)
        links = self.world.runtime_dir / "tokens"
        while not all((links / token.name).is_symlink() for token in self.tokens):
            assert self._broker.is_running(), self._broker.err()
            await asyncio.sleep(TICK_S)
        library = Library(self.world.build)
        with environment(TOKENBROKER_RUNTIME_DIR=str(self.world.runtime_dir)):
            for token in self.tokens:
                error, token.handle = library.try_open(token.name)
                assert error == 0, library.strerror(error)

    async def kill(self, down_s):
        """SIGKILL, and a start by a service manager that waits for RestartSec; False: it was so a moment ago."""
        async with self._is_busy:
            if time.monotonic() < self.started_at + CALM_S:
                return False
            for token in self.tokens:
                token.rate.unrest(down_s + SOON_S)
                token.rate.forget(down_s + SOON_S)
            self.is_down = True
            self.report.done["kills"] += await asyncio.to_thread(self._broker.kill) == -9
            await asyncio.to_thread(self._broker.end)
            self._status, self._shown = {}, {}
            await asyncio.sleep(down_s)
            for token in self.tokens:  # for a start everything is due
                token.rate.unrest(SOON_S)
            await asyncio.to_thread(self._start)
            for token in self.tokens:
                token.rate.forget()
            self.is_down = False
            return True

    async def reload(self, is_broken=False):
        async with self._is_busy:
            await self._until(lambda: self._shown, "status after the start")  # a SIGHUP before would end it
            self._variant += 1
            self._write_config("nonsense = {" if is_broken else "")
            self._broker.reload()
            if is_broken:
                await self._until(lambda: self._status.get("config", {}).get("error") is not None, "the broken configuration")
                self._write_config()
                self._broker.reload()
                await self._until(lambda: self._status["config"]["error"] is None, "the good configuration")
                self.report.done["broken reloads"] += 1
            else:
                self.report.done["reloads"] += 1

    async def change(self, token):
        """It is another token from now on, with nothing known of the former: the broker fetches it anew."""
        async with self._is_busy:
            await self._until(lambda: self._shown, "status after the start")
            self._changed[token.name] = self._changed.get(token.name, 0) + 1
            token.is_revoking = True
            token.rate.unrest(REQUEST_TIMEOUT_S)
            token.rate.forget(REQUEST_TIMEOUT_S)
            self._write_config()
            self._broker.reload()

    async def _until(self, condition, what):
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline and self._broker.is_running(), f"no {what}: {self._broker.err()[-500:]}"
            await asyncio.sleep(TICK_S)

    # The wall clock

    def wall_s(self):
        return time.time() + self._clock_offset_s

    @property
    def has_own_clock(self):
        return self._clock_file is not None

    def step_clock(self, offset_s):
        """To offset_s from the true time. The broker fetches if it ran ahead, for which it looks every 15 s, or if it
        is told."""
        is_ahead = offset_s > self._clock_offset_s
        self._clock_offset_s = offset_s
        self.stepped_at = time.monotonic()
        set_clock(self._clock_file, offset_s)
        for token in self.tokens if is_ahead or self.is_told else ():
            token.rate.unrest(SOON_S if self.is_told else LOOK_S + RETRY_MAX_S)

    # What it shows

    def status_of(self, name):
        """Of the broker that runs, or None: it has shown nothing yet."""
        return self._shown.get(name)

    async def control(self, number, name, generation):
        try:
            return await asyncio.to_thread(control.command, self.world.runtime_dir, number, name, generation=generation)
        except OSError:
            return None

    async def watch_tokens(self):
        while True:
            for token in self.tokens:
                token.look()
            await asyncio.sleep(TICK_S)

    async def watch_status(self):
        while True:
            status = self.world.status()
            if status and status["pid"] == self._broker.pid and self._broker.is_running():
                self._status = status
                self._shown = {token["name"]: token for token in status["tokens"]}
                self.loop_ms = status["loop"]["longest_ms"]
                self.report.longest_loop_ms = max(self.report.longest_loop_ms, self.loop_ms)
                for token in self.tokens:
                    token.judge_state()
            assert self._broker.is_running() or self._is_busy.locked(), (
                f"the broker ended with {self._broker.popen.returncode}: {self._broker.err()[-500:]}")
            await asyncio.sleep(STATUS_S)

    async def close(self):
        for token in self.tokens:
            if token.handle is not None:
                token.handle.close()
        await asyncio.gather(*(front.close() for token in self.tokens for front in token.fronts()))

    def end(self):
        """(exit status of the broker, its log)"""
        status = self._broker.stop(30)
        logs = "".join(path.read_text(errors="replace") for path in self.world.output.glob("tokenbrokerd.*.err"))
        return status, logs
