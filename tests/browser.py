"""A headless Chromium that tests and benchmarks drive, over a pipe and without further packages."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-first-run",
    "--remote-debugging-pipe",
)


def find_chromium():
    """Return the path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page in a headless Chromium, spoken to by the protocol of its developer tools.

    Attributes
    ----------
    events : list of dict
        What the page has told: requests, dialogs, messages of the console, errors.
    """

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="browser_")
        # The ends that the browser reads and writes must be its descriptors 3 and 4.
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        self._process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec "$0" "$@" 3<&{read_there} 4>&{write_there}',
                find_chromium(),
                *FLAGS,
                f"--user-data-dir={self._folder}/profile",
            ],
            pass_fds=(read_there, write_there),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self._in, self._out = os.fdopen(write_here, "wb", 0), read_here
        self._rest, self._number, self._session = b"", 0, None
        self.events = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._in.close()
        os.close(self._out)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def send(self, method, **params):
        """Send a command, and return its result."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        self._in.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._notice(answer)

    def _read(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            if time.monotonic() > end:
                raise TimeoutError("The browser doesn't answer.")
            piece = os.read(self._out, 1 << 20)
            if not piece:
                raise RuntimeError("The browser has ended.")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def _notice(self, event):
        self.events.append(event)
        if event.get("method") == "Page.javascriptDialogOpening":
            # It would wait for an answer for ever.
            number = self._number = self._number + 1
            message = {
                "id": number,
                "method": "Page.handleJavaScriptDialog",
                "params": {"accept": True},
                "sessionId": self._session,
            }
            self._in.write(json.dumps(message).encode() + b"\0")

    def open(self, path, fragment=""):
        """Open a file and wait until it is there; events begin anew."""
        address = Path(path).resolve().as_uri() + (f"#{fragment}" if fragment else "")
        self.send("Page.navigate", url="about:blank")
        # A navigation that begins before this one has ended may be lost.
        self.wait_for("location.href === 'about:blank'")
        self.events.clear()
        self.send("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")
        return self

    def run(self, expression):
        """Return the value of an expression in the page; promises are awaited."""
        result = self.send(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    def wait_for(self, expression):
        end = time.monotonic() + PATIENCE
        while not self.run(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, **text)

    def resize(self, width, height, *, is_phone=False):
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )

    def prefer(self, scheme):
        """Set the colour scheme of the system: "light" or "dark"."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path, *, whole_page=True, **more):
        picture = self.send("Page.captureScreenshot", captureBeyondViewport=whole_page, **more)
        Path(path).write_bytes(base64.b64decode(picture["data"]))

    def downloads_to(self, folder):
        self.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def named(self, method):
        """Return the parameters of the events of a kind."""
        return [event["params"] for event in self.events if event.get("method") == method]
