"""`make picture`: the README's picture, taken of the real window."""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from twinscope.programs import ROOT, Window, client, eventually  # noqa: E402

WARMING = [("thermo_0011", 23.6), ("thermo_0014", 24.9), ("thermo_0003", 17.4)]


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        app = Window.open(folder / "home", folder)
        try:
            app.ready()
            eventually(lambda: app.click_at(*app.twin_center("Room_11")) or app.all("property-row"), every=1)
            time.sleep(20)  # the sparkline wants something to show
            twins = client(app.connect)
            for twin, value in WARMING:
                twins.update_digital_twin(twin, [{"op": "add", "path": "/temperature", "value": value}])
            time.sleep(0.4)
            (ROOT / "assets" / "pictures").mkdir(exist_ok=True)
            app.driver.save_screenshot(str(ROOT / "assets" / "pictures" / "window.png"))
        finally:
            app.close()


main()
