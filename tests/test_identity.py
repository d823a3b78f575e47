"""Unchanged code: `twinscope env`, the identity endpoint and the system's trust store."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest
from dotenv import dotenv_values
from twinscope.programs import BINARIES

# As in the service's own samples: it knows an address and Azure's identity library.
UNCHANGED = """
import os
from azure.identity import DefaultAzureCredential
from azure.digitaltwins.core import DigitalTwinsClient

client = DigitalTwinsClient(os.environ["AZURE_DIGITALTWINS_URL"], DefaultAzureCredential())
client.create_models([{"@id": "dtmi:x:A;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3"}])
client.upsert_digital_twin("a", {"$metadata": {"$model": "dtmi:x:A;1"}})
print(client.get_digital_twin("a")["$dtId"])
"""
# What would have DefaultAzureCredential find another identity first.
FOREIGN = ("AZURE_", "IDENTITY_", "MSI_")


def environment(server, *arguments, **more):
    """What a shell has after `eval "$(twinscope env)"`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    script = 'eval "$("$0" env "$@")" && exec env -0'
    command = ["sh", "-c", script, BINARIES / "twinscope", "--data", server.data, *arguments]
    run = subprocess.run(command, env={**plain, **more}, capture_output=True, text=True, check=True)
    return dict(entry.split("=", 1) for entry in run.stdout.split("\0") if entry)


@pytest.mark.parametrize("demanded", [[], ["--token", "the-one"]], ids=["any token", "one token"])
def test_default_azure_credential_needs_only_the_environment(serve, demanded):
    server = serve("--empty", *demanded)
    run = subprocess.run(
        [sys.executable, "-c", UNCHANGED], env=environment(server), capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stdout) == (0, "a\n"), run.stderr


def test_node_needs_only_the_environment(serve):
    node = shutil.which("node")
    if not node:
        pytest.skip("no Node.js here")
    script = "fetch(`${process.env.AZURE_DIGITALTWINS_URL}/models`).then((answer) => console.log(answer.status))"
    run = subprocess.run(
        [node, "-e", script], env=environment(serve("--empty")), capture_output=True, text=True, timeout=30
    )
    assert run.stdout == "401\n", run.stderr


def ask(identity, header=None, **changed):
    query = {"api-version": "2019-08-01", "resource": "https://digitaltwins.azure.net"}
    query = urllib.parse.urlencode({**query, **changed.pop("query", {})})
    headers = {"X-IDENTITY-HEADER": header or identity["header"], **changed.pop("headers", {})}
    request = urllib.request.Request(f"{identity['endpoint']}?{query}", headers=headers, **changed)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        body = error.read()
        return error.code, json.loads(body) if body else None


def test_the_identity_gives_its_token_to_nobody_else(serve):
    identity = serve("--empty", "--token", "the-one").connect["identity"]
    status, answer = ask(identity)
    assert (status, answer["access_token"], answer["token_type"]) == (200, "the-one", "Bearer")
    assert answer["resource"] == "https://digitaltwins.azure.net"
    assert int(answer["expires_on"]) > 0
    for case, expected in [
        ({"header": "guessed"}, 401),
        ({"header": identity["header"][:-1]}, 401),
        ({"headers": {"Origin": "https://evil.example"}}, 403),
        ({"headers": {"Host": "evil.example"}}, 403),
        ({"query": {"resource": "https://storage.azure.com"}}, 400),
        ({"query": {"resource": ""}}, 400),
        ({"query": {"api-version": "2017-09-01"}}, 400),
        ({"method": "POST"}, 405),
    ]:
        status, answer = ask(identity, **case)
        assert status == expected, case
        assert "the-one" not in json.dumps(answer)


def test_each_start_has_its_own_secret(serve):
    first = serve("--empty")
    before = first.connect["identity"]
    first.stop()
    after = serve("--empty").connect["identity"]
    assert before["header"] != after["header"]
    assert ask(after, header=before["header"])[0] == 401


@pytest.mark.parametrize("form", ["shell", "dotenv", "powershell"])
def test_env_has_the_same_variables_in_every_form(serve, form):
    server = serve("--empty")
    run = subprocess.run(
        [BINARIES / "twinscope", "env", "--data", server.data, "--form", form],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.removeprefix("export ").removeprefix("$env:").split("=")[0].strip() for line in run.stdout.splitlines()]
    assert names == [
        "AZURE_DIGITALTWINS_URL",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    ]


ODD = ["a b", "o'neil", 'x "y" $HOME', "`id` $(id) #1", "back\\slash\\new", "ünï 😀"]


@pytest.mark.parametrize("name", ODD)
def test_odd_paths_come_through_every_form(serve, tmp_path, name):
    server = serve("--empty", data=name)
    ca = server.connect["adt"]["ca"]
    assert pathlib.Path(ca).parent == tmp_path / name
    assert environment(server)["NODE_EXTRA_CA_CERTS"] == ca
    command = [BINARIES / "twinscope", "env", "--data", server.data, "--form"]
    dotenv = tmp_path / ".env"
    dotenv.write_text(subprocess.run([*command, "dotenv"], capture_output=True, text=True, check=True).stdout)
    assert dotenv_values(dotenv)["NODE_EXTRA_CA_CERTS"] == ca
    # PowerShell's single quotes: nothing in them is special but themselves, doubled.
    lines = subprocess.run([*command, "powershell"], capture_output=True, text=True, check=True).stdout.splitlines()
    value = next(line for line in lines if line.startswith("$env:NODE_EXTRA_CA_CERTS")).split(" = ", 1)[1]
    assert value[0] == value[-1] == "'" and value[1:-1].replace("''", "\0").replace("'", "") == ca.replace("'", "\0")


def test_other_https_goes_on_working(serve, tmp_path):
    """The bundle holds what the user trusted, and ours once, however often it is made."""
    server = serve("--empty")
    own = pathlib.Path(server.connect["adt"]["ca"]).read_text().strip()
    other = serve("--empty", data="other")
    company = pathlib.Path(other.connect["adt"]["ca"])
    first = environment(server, REQUESTS_CA_BUNDLE=str(company))
    bundle = pathlib.Path(first["REQUESTS_CA_BUNDLE"])
    assert first["SSL_CERT_FILE"] == str(bundle)
    for _ in range(2):
        text = bundle.read_text()
        assert text.count(own) == 1 and text.count(company.read_text().strip()) == 1
        first = environment(server, **{name: first[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")})
    # One shell, both servers: the other stands for the rest of the world.
    asks = "import os, sys, requests; print([requests.get(url).status_code for url in sys.argv[1:]])"
    urls = [each.connect["adt"]["endpoint"] + "/models" for each in (server, other)]
    run = subprocess.run([sys.executable, "-c", asks, *urls], env=first, capture_output=True, text=True, timeout=60)
    assert run.stdout == "[401, 401]\n", run.stderr


def test_env_falls_back_to_the_systems_bundle(serve):
    system = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    if not system.exists():
        pytest.skip("this system keeps its bundle elsewhere")
    bundle = environment(serve("--empty"), REQUESTS_CA_BUNDLE="/nowhere", SSL_CERT_FILE="")["REQUESTS_CA_BUNDLE"]
    assert pathlib.Path(bundle).read_text().startswith(system.read_text().strip()[:2000])


# In a mount namespace of its own: the store that it changes is a copy, the machine's stays.
TRUST = """
set -eu
for folder in /etc/ssl/certs /usr/local/share/ca-certificates; do
  copy=$(mktemp -d -p "$SCRATCH"); cp -a "$folder/." "$copy"; mount --bind "$copy" "$folder"
done
reach() { curl --silent --output /dev/null "$URL/models" && echo trusted || echo "not trusted"; }
reach
"$TWINSCOPE" trust install --data "$DATA"; reach
"$TWINSCOPE" trust install --data "$DATA"; reach
"$TWINSCOPE" trust remove --data "$DATA"; reach
"$TWINSCOPE" trust remove --data "$DATA"
ls /usr/local/share/ca-certificates /etc/ssl/certs | grep -c twinscope || true
"""


def in_a_namespace(script, **variables):
    plain = {name: value for name, value in os.environ.items() if "CERT" not in name and "CA_BUNDLE" not in name}
    command = ["unshare", "--mount", "sh", "-c", script]
    return subprocess.run(command, env={**plain, **variables}, capture_output=True, text=True, timeout=120)


def test_the_trust_store_takes_the_ca_and_gives_it_back(serve, tmp_path):
    if os.geteuid() != 0 or in_a_namespace("true").returncode != 0:
        pytest.skip("changing a trust store needs root and a mount namespace")
    if not pathlib.Path("/usr/local/share/ca-certificates").is_dir():
        pytest.skip("not Debian's trust store")
    if not shutil.which("curl"):
        pytest.skip("no curl to ask with")
    server = serve("--empty")
    run = in_a_namespace(
        TRUST,
        SCRATCH=str(tmp_path),
        URL=server.connect["adt"]["endpoint"],
        DATA=str(server.data),
        TWINSCOPE=str(BINARIES / "twinscope"),
    )
    assert run.stdout.split("\n") == ["not trusted", "trusted", "trusted", "not trusted", "0", ""], run.stderr
    assert "update-ca-certificates" in run.stderr


def test_without_rights_it_says_the_commands(serve):
    if os.geteuid() != 0:
        prefix = []
    else:
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    server = serve("--empty")
    readable = server.data
    run = subprocess.run(
        [*prefix, BINARIES / "twinscope", "trust", "remove", "--data", readable], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "Nothing was changed" in run.stderr and "sudo update-ca-certificates" in run.stderr
