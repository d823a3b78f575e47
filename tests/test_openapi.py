"""The OpenAPI document: valid, and what the server answers is what it says."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import requests
from openapi_spec_validator import validate
from selenium import webdriver
from selenium.webdriver.common.by import By
from twinscope.programs import eventually

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
# The ids that the document gives as examples: with them requests get further than a 404.
ROOM, WINDOW = "dtmi:com:contoso:Room;1", "dtmi:com:contoso:Window;1"
CONTEXT = "dtmi:dtdl:context;3"
MODELS = [
    {
        "@context": CONTEXT,
        "@id": ROOM,
        "@type": "Interface",
        "contents": [
            {"@type": "Property", "name": "name", "schema": "string"},
            {"@type": "Property", "name": "temperature", "schema": "double"},
            {"@type": "Telemetry", "name": "temperatureReading", "schema": "double"},
            {"@type": "Relationship", "name": "rel", "properties": [{"@type": "Property", "name": "since", "schema": "integer"}]},
            {"@type": "Component", "name": "controls", "schema": WINDOW},
        ],
    },
    {
        "@context": CONTEXT,
        "@id": WINDOW,
        "@type": "Interface",
        "contents": [{"@type": "Property", "name": "open", "schema": "boolean"}],
    },
]


def document(server):
    adt = server.connect["adt"]
    answer = requests.get(f"{adt['endpoint']}/openapi.json", verify=adt["ca"], timeout=10)
    assert answer.headers["content-type"].startswith("application/json")
    return answer.json()


def test_the_document_is_valid_openapi(serve):
    server = serve("--empty", "--token", "the-one")
    api = document(server)
    validate(api)
    assert api["servers"] == [{"url": server.connect["adt"]["endpoint"]}]
    assert "the-one" not in json.dumps(api)


def seed(server):
    client = server.client()
    client.create_models(MODELS)
    twin = {"$metadata": {"$model": ROOM}, "controls": {"$metadata": {}}}
    for name in ("Room_01", "Room_02"):
        client.upsert_digital_twin(name, twin)
    relationship = {"$targetId": "Room_02", "$relationshipName": "rel"}
    client.upsert_relationship("Room_01", "has_thermo_0001", relationship)


# `make openapi` asks for more of both.
EXAMPLES = os.environ.get("TWINSCOPE_OPENAPI_EXAMPLES", "15")
SECONDS = int(os.environ.get("TWINSCOPE_OPENAPI_SECONDS", "30"))


@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize(("limits", "seconds", "least"), [("none", SECONDS, 500), ("service", 10, 100)])
def test_the_server_answers_nothing_undocumented(serve, tmp_path, limits, seconds, least):
    server = serve("--empty", "--limits", limits)
    seed(server)
    adt = server.connect["adt"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{adt['endpoint']}/openapi.json"]
    command += ["--tls-verify", adt["ca"], "--header", "Authorization: Bearer any", "--checks", CHECKS]
    command += ["--max-time", str(seconds), "--max-examples", EXAMPLES, "--seed", "1", "--continue-on-failure", "--no-shrink"]
    command += ["--no-color", "--warnings", "off", "--generation-database", "none"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS + 90)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    generated = re.search(r"(\d+) generated", run.stdout)
    assert generated and int(generated[1]) > least, run.stdout
    assert server.process.poll() is None


@pytest.fixture
def browser():
    """A browser that takes the certificate unseen: trust has tests of its own."""
    found = sorted(pathlib.Path("/usr").glob("lib*/**/webkit2gtk-4.1/MiniBrowser"))
    if not found:
        pytest.skip("no MiniBrowser of WebKitGTK here")
    if not os.environ.get("DISPLAY"):
        pytest.fail("The page's test needs a display: run it with `make desktop`.")
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(found[0])
    options.add_argument("--automation")
    options.accept_insecure_certs = True
    service = webdriver.WebKitGTKService(shutil.which("WebKitWebDriver"))
    driver = webdriver.WebKitGTK(options, service)
    yield driver
    driver.quit()


def test_the_page_sends_requests(serve, browser):
    server = serve("--empty", "--token", "the-one")
    browser.get(f"{server.connect['adt']['endpoint']}/docs")

    def result(operation, **fields):
        details = eventually(lambda: next(iter(browser.find_elements(By.ID, operation)), None))
        if not details.get_attribute("open"):
            details.find_element(By.TAG_NAME, "summary").click()
        form = eventually(lambda: next(iter(details.find_elements(By.TAG_NAME, "form")), None))
        for name, value in fields.items():
            field = form.find_element(By.NAME, name)
            field.clear()
            field.send_keys(value)
        output = form.find_element(By.TAG_NAME, "pre")
        browser.execute_script("arguments[0].textContent = ''", output)
        form.find_element(By.TAG_NAME, "button").click()
        return eventually(lambda: output.text)

    assert result("DigitalTwinModels_List").startswith("401")
    token = browser.find_element(By.ID, "token")
    token.clear()
    token.send_keys("the-one")
    assert result("DigitalTwinModels_List").startswith("200")
    assert result("DigitalTwinModels_Add", body=json.dumps(MODELS)).startswith("201")
    body = json.dumps({"$metadata": {"$model": WINDOW}, "open": True})
    assert '"open": true' in result("DigitalTwins_Add", id="a b?c&d", body=body)
    assert '"$dtId": "a b?c&d"' in result("Query_QueryTwins")
