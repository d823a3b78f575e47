"""The built programs as a person runs them: `twinscope serve` and the window."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from azure.core.credentials import AccessToken
from azure.digitaltwins.core import DigitalTwinsClient
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.options import ArgOptions

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROFILE = os.environ.get("TWINSCOPE_PROFILE", "debug")
BINARIES = ROOT / "target" / PROFILE
TAURI_DRIVER = ROOT / "target" / "tools" / "bin" / "tauri-driver"


class Token:
    """A credential that hands out one bearer token."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, int(time.time()) + 3600)


def eventually(question, seconds=20, every=0.1):
    """The first true answer to `question` within `seconds`, else an AssertionError."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = question()
        except (NoSuchElementException, StaleElementReferenceException):
            # It is not there yet, or was drawn anew between finding and reading it.
            answer = None
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s: {question.__name__}"
        time.sleep(every)


def text_of(element):
    """An element's whole text; WebKit's driver leaves out what an ellipsis may hide."""
    return element.get_property("textContent")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def client(connect, token="any"):
    """The official client for what a connect.json describes."""
    adt = connect["adt"]
    return DigitalTwinsClient(adt["endpoint"], Token(token), connection_verify=adt["ca"])


def end_group(process):
    """Ends the driver and the window that it started: they are one process group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    process.wait(10)


ANSWERED = re.compile(r'adt_service::answered: method=(\w+) path="([^"]*)" status=(\d+) code="(\w*)"')


class Serve:
    """A running `twinscope serve`."""

    def __init__(self, process, data, log):
        self.process = process
        self.data = data
        self.log = log

    @classmethod
    def start(cls, data, *arguments):
        home = data.parent / f"{data.name}-home"
        home.mkdir(parents=True, exist_ok=True)
        command = [BINARIES / "twinscope", "serve", "--data", data, *arguments]
        log_filter = {"TWINSCOPE_LOG": "warn,adt_service::answered=debug", "NO_COLOR": "1"}
        environment = {**log_filter, **os.environ, "HOME": str(home)}
        log = home / "log"
        with open(log, "ab") as file:
            process = subprocess.Popen(command, env=environment, stderr=file)
        server = cls(process, data, log)

        def listening():
            assert process.poll() is None, f"serve ended: {log.read_text()}"
            # After a kill the file of the killed process is still there.
            return (data / "connect.json").exists() and server.connect["pid"] == process.pid

        eventually(listening)
        return server

    @property
    def connect(self):
        return json.loads((self.data / "connect.json").read_text())

    def client(self, token="any"):
        return client(self.connect, token)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("serve did not stop within 10 s of SIGTERM") from None

    @property
    def answered(self):
        """All that it answered so far: method, route, status and error code."""
        found = ANSWERED.findall(self.log.read_text())
        return {(method, path, int(status), code) for method, path, status, code in found}


class Window:
    """The desktop window under WebDriver."""

    def __init__(self, driver, proxy, home, pictures):
        self.driver = driver
        self.proxy = proxy
        self.home = home
        self.pictures = pictures

    @classmethod
    def open(cls, home, pictures):
        home.mkdir(parents=True, exist_ok=True)
        port, native_port = free_port(), free_port()
        environment = {**os.environ, "HOME": str(home)}
        for name in [name for name in environment if name.startswith("XDG_") and name != "XDG_RUNTIME_DIR"]:
            del environment[name]
        command = [TAURI_DRIVER, "--port", str(port), "--native-port", str(native_port)]
        with open(pictures / "window.log", "wb") as log:
            proxy = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

        def accepting():
            # The proxy takes connections before the driver behind it does.
            return listens(port) and listens(native_port)

        eventually(accepting)
        options = ArgOptions()
        options.set_capability("browserName", "wry")
        options.set_capability("tauri:options", {"application": str(BINARIES / "twinscope-desktop")})
        try:
            driver = webdriver.Remote(f"http://127.0.0.1:{port}", options=options)
        except BaseException:
            # Nobody else knows of the proxy yet.
            end_group(proxy)
            raise
        return cls(driver, proxy, home, pictures)

    def close(self):
        if self.proxy.poll() is not None:
            return
        try:
            self.driver.quit()
        finally:
            end_group(self.proxy)

    @property
    def connect(self):
        """The connect.json of the sample's embedded instance in this home."""
        return json.loads((self.home / ".local/share/twinscope/sample/connect.json").read_text())

    def all(self, test_id, **data):
        selector = f'[data-testid="{test_id}"]'
        selector += "".join(f'[data-{name}="{value}"]' for name, value in data.items())
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, test_id, seconds=20, **data):
        def found():
            return next(iter(self.all(test_id, **data)), None)

        found.__name__ = f"{test_id} {data}"
        return eventually(found, seconds)

    def ready(self, seconds=60):
        """Waits until twins are drawn."""

        def drawn():
            return self.driver.execute_script("return document.documentElement.dataset.ready") == "true"

        eventually(drawn, seconds)
        return self

    def open_target(self, target):
        """Opens something as the dialog does, through the one door to the backend."""
        script = "window.__TAURI_INTERNALS__.invoke('call', {request: {type: 'open', target: arguments[0]}})"
        self.driver.execute_script(script, target)

    def twin_center(self, twin):
        """Where a twin is on the screen, by the element that stands for it."""

        def element():
            found = self.driver.find_elements(By.CSS_SELECTOR, f'[data-twin-id="{twin}"]')
            return found[0] if found else None

        element.__name__ = f"{twin} on the screen"
        rect = self.driver.execute_script(
            "const r = arguments[0].getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]",
            eventually(element),
        )
        return round(rect[0]), round(rect[1])

    def click_at(self, x, y):
        """A real pointer click at a place of the page."""
        actions = ActionBuilder(self.driver, duration=50)
        actions.pointer_action.move_to_location(x, y).click()
        actions.perform()

    def drag(self, start, by):
        """Drags from a place of the page by so many pixels, in steps as a hand does."""
        actions = ActionBuilder(self.driver, duration=50)
        pointer = actions.pointer_action
        pointer.move_to_location(*start).pointer_down()
        for part in (0.25, 0.5, 0.75, 1):
            pointer.move_to_location(round(start[0] + by[0] * part), round(start[1] + by[1] * part))
        pointer.pointer_up()
        actions.perform()

    def picture(self, name):
        path = self.pictures / f"{name}.png"
        assert self.driver.save_screenshot(str(path)), path
        return path
