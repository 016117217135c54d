"""A real JupyterLab as a hub serves it (base URL, token, XSRF), and the switches of a Chromium for it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

TOKEN: Final = "a-token-for-tests"
BASE_URL: Final = "/user/x/"
_SWAPPED: Final = os.environ.get("MLOPS_TEST_THEMES") == "swapped"
THEMES: Final = ("JupyterLab Light", "JupyterLab Dark")[:: -1 if _SWAPPED else 1]
"""What a Lab starts in, and what the rest of a file's tests goes on in. ``MLOPS_TEST_THEMES=swapped`` swaps the two:
what was clicked in light is clicked in the dark, and the other way round."""
START_S: Final = 90
CHROMIUM: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_OURS: Final = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
_DROPPED: Final = {"MLOPS_WORKSPACE", "MLOPS_ACTOR", "JUPYTERHUB_USER", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"}


CONTRASTS: Final = """root => {
  const parse = colour => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return colour.startsWith('color(') ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((part, i) => part * a + under[i] * (1 - a));
  const light = rgb => {
    const [r, g, b] = rgb.map(part => part / 255).map(p => (p <= 0.03928 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.unshift(parse(getComputedStyle(at).backgroundColor));
    return chain.reduce((under, colour) => over(colour, under), [255, 255, 255]);
  };
  const found = {};
  for (const element of document.querySelectorAll(`${root} *`)) {
    const text = [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join('');
    if (!text || !element.offsetParent || element.closest('[aria-disabled=true], :disabled, .cm-editor, [class^=ansi-]')) continue;
    const under = behind(element);
    const [a, b] = [light(over(parse(getComputedStyle(element).color), under)), light(under)].sort((x, y) => y - x);
    found[text] = (a + 0.05) / (b + 0.05);
  }
  return found;
}"""
"""Gives the contrast of each text below a selector with what is behind it, by WCAG's formula.

What is switched off need not be read, and what Lab's editor or a program's ANSI sequences colour is theirs.
"""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A running JupyterLab."""

    url: str
    """With the base URL and a slash at the end."""
    folder: Path
    """What its file browser shows."""
    env: dict[str, str]
    """The environment it was started in."""
    process: subprocess.Popen[bytes]
    arguments: tuple[str, ...]

    def get(self, path: str, token: str = TOKEN) -> Any:
        """Return what the server answers to a GET, as JSON."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it has."""
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """End it and all that it started, at once: nobody will look at any of it again."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
        self.process.kill()
        self.process.wait()

    def again(self) -> Lab:
        """Start it once more after it ended, on the same port, as it was."""
        port = self.url.split(":")[2].split("/")[0]
        kept = [one for one in self.arguments if not one.startswith("--port=")]
        return _started(self.folder, self.env, (*kept, f"--port={port}", "--ServerApp.port_retries=0"))


def chromium() -> str:
    """Return the path of Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "no Chromium on the PATH: .ci/browser.sh installs it"
    return program


def is_installed() -> bool:
    """Tell whether this environment has our front end."""
    return (Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "jupyter-mlops" / "package.json").is_file()


def start_lab(
    folder: Path,
    home: Path,
    *,
    theme: str = THEMES[0],
    disabled: Iterable[str] = (),
    options: Iterable[str] = (),
    program: str = "jupyterlab",
    token: str = TOKEN,
    env: dict[str, str] | None = None,
) -> Lab:
    """Start JupyterLab on a folder, with a ``home`` in which it sees nothing of whoever runs this."""
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}', "utf-8")
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}), "utf-8")
    labconfig = home / "config" / "labconfig"
    labconfig.mkdir(parents=True)
    page = {"disabledExtensions": dict.fromkeys(disabled, True)}
    (labconfig / "page_config.json").write_text(json.dumps(page), "utf-8")
    ours = {name: str(home / name_of) for name, name_of in _OURS.items()}
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    arguments = (
        sys.executable, "-m", program, "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
        f"--ServerApp.base_url={BASE_URL}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        *options,
    )  # fmt: skip
    return _started(folder, {**kept, **ours, **(env or {})}, arguments)


def _started(folder: Path, env: dict[str, str], arguments: tuple[str, ...]) -> Lab:
    log = Path(env["JUPYTER_CONFIG_DIR"]).parent / "lab.log"
    with log.open("ab") as output:
        process = subprocess.Popen(arguments, cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True)
    url = _wait_for_url(process, Path(env["JUPYTER_RUNTIME_DIR"]), log)
    return Lab(url=url, folder=folder, env=env, process=process, arguments=arguments)


def _wait_for_url(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Return where the server answers, from the file it writes about itself."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        for file in runtime.glob(f"jpserver-{process.pid}.json"):
            try:
                about = json.loads(file.read_text("utf-8"))
                with urllib.request.urlopen(f"{about['url']}api?token={about['token']}", timeout=5):
                    return str(about["url"]).replace("localhost", "127.0.0.1")
            except (OSError, ValueError):
                continue  # half-written, or not listening yet
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text('utf-8', 'replace')[-4000:]}")
