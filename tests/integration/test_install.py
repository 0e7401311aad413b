# SPDX-License-Identifier: MIT
"""`make install`, programs built against it, and the first steps that the README promises."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import textwrap
from pathlib import Path

import pytest

from conftest import ROOT
from tb import IS_ROOT, STRANGER_UID, Process, fingerprint, wait_until

# A sanitizer would have to be linked into the examples, too.
pytestmark = pytest.mark.needs_plain_build

SECRET = "not-real-5ecret:of/the+README"
PREFIX = "usr/local"
COMPLETED = [f"share/bash-completion/completions/{name}"
             for name in ("tokenbroker", "tokenbrokerd", "tokenbroker-httpd")]
README = (ROOT / "README.md").read_text()
USER = STRANGER_UID if IS_ROOT else None


def make(built, *arguments):
    """As a user would call it: nothing is handed on by an outer make. Builds nothing anew."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    argv = ["make", "-C", ROOT, f"BUILD={built}", "--old-file=all", *arguments]
    made = subprocess.run(argv, text=True, capture_output=True, env=env, check=False)
    assert made.returncode == 0, made.stderr


def files_below(directory):
    return {str(path.relative_to(directory)): path for path in directory.rglob("*")
            if path.is_symlink() or not path.is_dir()}


@pytest.fixture(scope="module")
def stage(built):
    """A tree that `make install` filled, open to every user."""
    with tempfile.TemporaryDirectory(prefix="tb-stage.") as directory:
        Path(directory).chmod(0o755)
        make(built, "install", f"DESTDIR={directory}")
        yield Path(directory)


# What is installed

def test_a_staged_tree_holds_what_a_host_needs(stage):
    files = files_below(stage / PREFIX)
    assert set(stage.iterdir()) == {stage / "usr"} and len(files) == len(files_below(stage))
    library, = (name for name in files if re.fullmatch(r"lib/libtokenbroker\.so(\.\d+){3}", name))
    assert set(files) == {
        library, "bin/tokenbroker", "sbin/tokenbrokerd", "sbin/tokenbroker-httpd", "include/tokenbroker.h",
        "lib/libtokenbroker.so", "lib/libtokenbroker.so.0", "lib/libtokenbroker.a",
        "lib/pkgconfig/tokenbroker.pc", *COMPLETED,
        *(f"share/man/man{page.suffix[1:]}/{page.name}" for page in (ROOT / "docs/man").iterdir())}
    assert files["lib/libtokenbroker.so"].resolve() == files[library]
    assert os.readlink(files["lib/libtokenbroker.so.0"]) == Path(library).name
    programs = {name for name, path in files.items() if path.stat().st_mode & 0o777 == 0o755}
    assert programs == {name for name in files if "bin/" in name or ".so" in name}
    assert not any(path.stat().st_mode & 0o022 for path in files.values())


def test_uninstall_leaves_no_file(built, tmp_path):
    where = [f"DESTDIR={tmp_path}", "PREFIX=/opt/tb", "LIBDIR=/opt/tb/lib64"]
    make(built, "install", *where)
    assert "opt/tb/lib64/libtokenbroker.so.0" in files_below(tmp_path)
    (tmp_path / "opt/tb/lib64/libother.so.0").touch()
    make(built, "uninstall", *where)
    assert list(files_below(tmp_path)) == ["opt/tb/lib64/libother.so.0"]


def pkg_config(stage, *arguments):
    env = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(stage),
           "PKG_CONFIG_LIBDIR": str(stage / PREFIX / "lib/pkgconfig"),
           "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1", "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"}
    return subprocess.run(["pkg-config", *arguments, "tokenbroker"], check=True, text=True,
                          capture_output=True, env=env).stdout.split()


def test_pkg_config_leads_to_the_staged_tree(stage):
    assert pkg_config(stage, "--cflags") == [f"-I{stage}/{PREFIX}/include"]
    assert pkg_config(stage, "--libs") == [f"-L{stage}/{PREFIX}/lib", "-ltokenbroker"]


def needed(program):
    """The shared libraries that it names."""
    dynamic = subprocess.run(["readelf", "--dynamic", "--wide", program], check=True, text=True,
                             capture_output=True).stdout
    return re.findall(r"\(NEEDED\)[^\[]*\[(.*)\]", dynamic)


def compile_program(built, source, *arguments):
    """Compiles source to a program beside it."""
    program = source.with_suffix("")
    # Of a build that measures its coverage the archive needs more.
    coverage = ["--coverage"] if list(built.glob("clientlib/*.gcno")) else []
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-Wall", "-Wextra", "-Werror",
                    "-D_GNU_SOURCE", "-o", program, source, *arguments, *coverage], check=True)
    return program


@pytest.fixture
def workshop(world):
    """Where a test compiles programs that other users run."""
    return world.make_directory("workshop", 0o755, uid=os.geteuid())


@pytest.mark.parametrize("linking", ["dynamic", "static"])
def test_an_example_built_against_it_calls_an_api(world, server, built, stage, workshop, linking):
    world.ready_broker(server)
    source = Path(shutil.copy(ROOT / "examples/loop.c", workshop))
    if linking == "dynamic":
        program = compile_program(built, source, *pkg_config(stage, "--cflags", "--libs"))
        assert "libtokenbroker.so.0" in needed(program)
    else:
        program = compile_program(built, source, *pkg_config(stage, "--cflags"),
                                  stage / PREFIX / "lib/libtokenbroker.a")
        assert needed(program) == ["libc.so.6"]

    def call():
        env = {"LD_LIBRARY_PATH": str(stage / PREFIX / "lib")}
        process = world.process([program, server.port, "/rest/v2/profiles"], "loop",
                                uid=world.reader_uid, env=env)
        assert process.wait(40) == 0, process.err()
        return process.out()

    assert call() == "200\n"
    server.revoke_all()
    assert call() == "200\n", "after a 401: rejected, waited, once more"
    assert server.requests() == 2


# What it needs

def mapped_files(pid):
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {Path(name).name for name in re.findall(r" (/\S+)$", maps, re.MULTILINE)}


def test_get_needs_nothing_but_libc(world, stage, cli):
    assert needed(stage / PREFIX / "bin/tokenbroker") == ["libc.so.6"]
    assert needed(stage / PREFIX / "lib/libtokenbroker.so") == ["libc.so.6"]
    waiting = cli.start("get", "--wait", "60", uid=world.reader_uid)

    def is_waiting():
        return Path(f"/proc/{waiting.pid}/stat").read_text().split()[2] == "S"

    wait_until(lambda: "libc.so.6" in mapped_files(waiting.pid) and is_waiting(), 10, "it to wait")
    libraries = {name for name in mapped_files(waiting.pid) if ".so" in name}
    assert {re.sub(r"ld-.*", "ld", name) for name in libraries} == {"libc.so.6", "ld"}


# What the README says

def blocks(heading):
    """The texts between ``` in a section of the README, without their indentation."""
    behind = README.partition(f"# {heading}\n")[2]
    section = re.split(r"^#+ ", behind, maxsplit=1, flags=re.MULTILINE)[0]
    texts = re.findall(r"^ *```\w*\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    assert texts, f"{heading}: no block"
    return [textwrap.dedent(text) for text in texts]


class Newcomer:
    """A user who has an empty home directory and the README."""

    def __init__(self, world, stage):
        self.world = world
        self.stage = stage
        self.home = world.make_directory("home", 0o700, uid=STRANGER_UID)
        self.xdg = world.make_directory("xdg", 0o700, uid=STRANGER_UID)
        self.env = {name: value for name, value in world.environment().items()
                    if name != "TOKENBROKER_RUNTIME_DIR"}
        self.env |= {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.xdg),
                     "LD_LIBRARY_PATH": str(stage / PREFIX / "lib"),
                     "PATH": f"{stage}/{PREFIX}/bin:{os.environ['PATH']}"}
        if Path("/run/tokenbroker").exists():
            self.env["TOKENBROKER_RUNTIME_DIR"] = f"{self.xdg}/tokenbroker"

    def adapt(self, text):
        """What stands in the README, with this tree and home in it."""
        tree = f"{self.stage}/{PREFIX}/"
        return text.replace("/usr/local/", tree).replace("/home/me", str(self.home))

    def start(self, text, **env):
        """Types text into a shell."""
        return self.world.keep(Process(["bash", "-o", "pipefail", "-c", self.adapt(text)],
                                       self.world.output, "newcomer", uid=USER,
                                       env={**self.env, **env}, cwd=self.home))

    def type(self, text, **env):
        process = self.start(text, **env)
        assert process.wait(60) == 0, process.err()
        return process.out()

    def put_secret(self):
        """Step 2, with the secret typed as it says."""
        identity = {"user": USER, "group": USER, "extra_groups": []} if IS_ROOT else {}
        subprocess.run(["bash", "-ec", self.adapt(blocks("BlueConic")[0])], check=True, text=True,
                       input=SECRET + "\n", env=self.env, cwd=self.home, **identity)

    def put_config(self, text):
        path = self.home / ".config/tokenbroker/tokenbroker.conf"
        path.write_text(self.adapt(text))
        path.chmod(0o644)


@pytest.fixture
def newcomer(world, stage):
    newcomer = Newcomer(world, stage)
    newcomer.put_secret()
    return newcomer


def generic_config(server):
    text, = blocks("Any other provider")
    assert 'client_auth = basic ' in text
    return (text.replace("https://login.example.com/oauth2/token", server.generic_token_url)
            .replace("https://login.example.com/oauth2/revoke", server.generic_revoke_url)
            .replace("{\n", "{\n    allow_http = true\n", 1))


@pytest.fixture
def their_broker(newcomer, server):
    """Step 4 for any other provider: checked, tried, left running."""
    server.set_client("my-client", SECRET, auth="basic")
    newcomer.put_config(generic_config(server))
    check, trial, leave = blocks("BlueConic")[2].splitlines()
    assert leave.endswith(" &")
    newcomer.type(check)
    tried = newcomer.type(trial)
    assert server.active() == set(), "it was revoked again"
    assert SECRET not in tried
    broker = newcomer.start("exec " + leave.removesuffix(" &"))
    wait_until(lambda: newcomer.start("tokenbroker get").wait() == 0, 20, "the first token")
    return broker


def test_the_readme_leads_to_a_first_token_of_any_provider(newcomer, their_broker, server):
    status, call = blocks("BlueConic")[3].splitlines()
    wait_until(lambda: re.search(r"^default +valid ", newcomer.type(status), re.MULTILINE), 5,
               "the token in the status")
    newcomer.type(re.sub(r"https://\S+", shlex.quote(server.api_url), call).replace(
        "curl ", "curl --fail --silent "))
    assert ["scope", "read:things"] in server.last()["fields"]
    assert their_broker.is_running()
    assert SECRET not in their_broker.out() + their_broker.err()


def test_the_program_in_the_readme_reads_it(newcomer, their_broker, server, built, stage, workshop):
    program, build_line = blocks("From C")
    assert "pkg-config --cflags --libs tokenbroker" in build_line
    lines = [line for line in program.splitlines() if not line.startswith("#include")]
    source = workshop / "program.c"
    source.write_text("#include <stdio.h>\n#include <tokenbroker.h>\n"
                      "#define call_the_api(token) puts(token)\n"
                      "int main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n")
    binary = compile_program(built, source, *pkg_config(stage, "--cflags", "--libs"))
    assert fingerprint(newcomer.type(str(binary)).strip()) in server.active()


def test_the_shell_lines_in_the_readme_work(newcomer, their_broker, server):
    header, run, remember, wait, reject = blocks("From the shell and other languages")[0].splitlines()
    token = newcomer.type(header).strip().removeprefix("Authorization: Bearer ")
    assert fingerprint(token) in server.active()

    legacy = newcomer.home / "legacy-program"
    legacy.write_text('#!/bin/sh\ncat "$BEARER_TOKEN_FILE"\n')
    legacy.chmod(0o755)
    assert fingerprint(newcomer.type(run).strip()) == fingerprint(token)

    generation = int(newcomer.type(remember + '\necho "$generation"'))
    waiting = newcomer.start(wait, generation=str(generation))
    newcomer.type(reject, generation=str(generation))
    assert waiting.wait(20) == 0 and waiting.out() == f"{generation + 1}\n"


def test_the_blueconic_example_in_the_readme_is_accepted(newcomer):
    newcomer.put_config(blocks("BlueConic")[1])
    newcomer.type(blocks("BlueConic")[2].splitlines()[0])


def test_directories_may_be_chosen_after_the_build(built, tmp_path):
    make(built, "install", f"DESTDIR={tmp_path}", "PREFIX=/usr", "LIBDIR=/usr/lib64")
    text = (tmp_path / "usr/lib64/pkgconfig/tokenbroker.pc").read_text()
    assert "libdir=/usr/lib64\n" in text and "includedir=/usr/include\n" in text


def test_what_is_installed_is_found_below_an_outer_make_that_prints_directories():
    env = os.environ | {"MAKEFLAGS": "w", "MAKELEVEL": "1"}
    asked = subprocess.run([ROOT / "packaging/install-dependencies"], text=True, env=env,
                           capture_output=True, check=False, timeout=120)
    assert (asked.returncode, asked.stdout) == (0, "")
