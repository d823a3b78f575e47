"""Import jobs and delete jobs, through the generated layer of the official SDK and over plain HTTP."""

import http.server
import json
import threading
import time

import pytest
from azure.core.exceptions import HttpResponseError
from test_conformance import MODELS, Plain, leads, room
from twinscope.programs import eventually


def lines(*documents):
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


HEADER = [{"Section": "Header"}, {"fileVersion": "1.0.0", "author": "test", "organization": "contoso"}]
TWINS = [{"$dtId": f"t{number}", **room(name=f"r{number}")} for number in range(700)]
RELATIONSHIPS = [{**leads("", "to", f"t{n + 350}"), "$dtId": f"t{n}"} for n in range(350)]
GOOD = lines(
    *HEADER,
    {"Section": "Models"},
    *MODELS,
    {"Section": "Twins"},
    *TWINS,
    {"Section": "Relationships"},
    *({key: value for key, value in each.items() if key != "$sourceId"} for each in RELATIONSHIPS),
)


class Blobs(http.server.ThreadingHTTPServer):
    """A storage with SAS addresses: what is put can be got."""

    daemon_threads = True

    def __init__(self):
        self.blobs = {}
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def address(self, name):
        return f"http://127.0.0.1:{self.server_port}/container/{name}?sig=very-secret"

    class Handler(http.server.BaseHTTPRequestHandler):
        def name(self):
            path, _, sas = self.path.partition("?")
            assert sas == "sig=very-secret"
            return path.rsplit("/", 1)[1]

        def do_GET(self):
            body = self.server.blobs.get(self.name())
            if self.name() == "slow":
                return self.send_slowly()
            if self.name() == "hangs":
                return self.rfile.read(1)
            self.send_response(200 if body is not None else 404)
            more = 1000 if self.name() == "lies" else 0
            self.send_header("Content-Length", str(len(body or b"") + more))
            self.end_headers()
            self.wfile.write(body or b"")
            self.close_connection = True

        def send_slowly(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(lines(*HEADER, {"Section": "Models"}, *MODELS, {"Section": "Twins"}))
            for twin in TWINS:
                try:
                    self.wfile.write(lines(twin))
                except OSError:
                    break
                time.sleep(0.05)
            self.close_connection = True

        def do_PUT(self):
            assert self.headers["x-ms-blob-type"] == "BlockBlob"
            self.server.blobs[self.name()] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass


@pytest.fixture
def blobs():
    server = Blobs()
    yield server
    server.shutdown()
    server.server_close()


def imports(client):
    return client._client.import_jobs


def run_import(client, name, source, output):
    body = {"inputBlobUri": source, "outputBlobUri": output}
    job = imports(client).add(name, body)
    assert (job.id, job.finished_date_time) == (name, None)
    return eventually(lambda: (job := imports(client).get_by_id(name)).finished_date_time and job)


def log_of(raw):
    return [json.loads(line) for line in raw.splitlines()]


def test_a_blob_is_imported_and_all_is_deleted(serve, blobs):
    server = serve("--empty")
    client = server.client()
    blobs.blobs["in"] = GOOD
    job = run_import(client, "job1", blobs.address("in"), blobs.address("out"))
    assert (job.status, job.error) == ("succeeded", None)
    assert "secret" not in json.dumps(job.serialize()) and job.input_blob_uri.endswith("/container/in")
    log = log_of(blobs.blobs["out"])
    assert {(each["jobId"], each["jobType"], each["logType"]) for each in log} == {("job1", "Import", "Info")}
    assert [each["details"].get("section") for each in log if each["details"]["status"] == "Succeeded"] == [
        "Models",
        "Twins",
        "Relationships",
        None,
    ]
    counts = {name: list(client.query_twins(f"SELECT COUNT() FROM {name}")) for name in ("DIGITALTWINS", "RELATIONSHIPS")}
    assert counts == {"DIGITALTWINS": [{"COUNT": 700}], "RELATIONSHIPS": [{"COUNT": 350}]}
    assert [job.id for job in imports(client).list()] == ["job1"]

    status, headers, job = Plain(server)("POST", "/jobs/deletions", operation_id="away")
    assert (status, job["id"]) == (202, "away")
    where = headers["Operation-Location"]
    done = eventually(lambda: (job := Plain(server)("GET", where)[2])["finishedDateTime"] and job)
    assert (done["status"], done["error"]) == ("succeeded", None)
    assert not list(client.list_models()) and not list(client.query_twins("SELECT * FROM DIGITALTWINS"))
    assert [job["id"] for job in Plain(server)("GET", "/jobs/deletions")[2]["value"]] == ["away"]
    # It can be forgotten.
    imports(client).delete("job1")
    assert not list(imports(client).list())


def test_a_file_with_faults_says_which_lines(serve, tmp_path):
    client = serve("--empty").client()
    source, output = tmp_path / "in.ndjson", tmp_path / "out.ndjson"
    source.write_bytes(
        b"\xef\xbb\xbf"
        + lines(*HEADER, {"Section": "Models"}, *MODELS, {"Section": "Twins"}, TWINS[0])
        + b"{ not json\n"
        + lines({"$dtId": "bad", **room(nope=1)}, {"name": "no id"}, TWINS[1])
    )
    job = run_import(client, "faults", source.as_uri(), output.as_uri())
    assert (job.status, job.error.code) == ("failed", "ValidationFailed")
    log = log_of(output.read_bytes())
    assert sorted(each["details"]["line"] for each in log if "line" in each["details"]) == [9, 10, 11]
    assert {"section": "Twins", "status": "Partial"} in [each["details"] for each in log]
    assert client.get_digital_twin("t1")["name"] == "r1"
    # What is there is not written over.
    again = run_import(client, "again", source.as_uri(), output.as_uri())
    assert again.status == "failed"
    assert log_of(output.read_bytes()) == log


def test_what_cannot_be_read_changes_nothing(serve, blobs, tmp_path):
    client = serve("--empty").client()
    blobs.blobs |= {
        "lies": GOOD[: len(GOOD) // 100],
        "version": lines(HEADER[0], {"fileVersion": "7"}),
        "section": lines(MODELS[0]),
        "models": lines(*HEADER, {"Section": "Models"}, {"@id": "dtmi:t:X;1"}),
        "long": b'{"Section": "' + b"x" * (3 * 1024 * 1024) + b'"}',
    }
    cases = {
        "lies": "broke off",
        "version": "1.0.0",
        "section": "no section",
        "models": "None of the models",
        "long": "longer than 2 MiB",
        "absent": "404",
    }
    for name, words in cases.items():
        job = run_import(client, name, blobs.address(name), blobs.address(f"{name}-out"))
        assert job.status == "failed" and words in job.error.message, f"{name}: {job.error}"
        assert "secret" not in job.error.message
        assert log_of(blobs.blobs[f"{name}-out"])[-1]["details"] == {"status": "Failed"}
    job = run_import(client, "nobody", "http://127.0.0.1:9/in", (tmp_path / "log").as_uri())
    assert job.status == "failed" and "cannot be read" in job.error.message
    assert not list(client.query_twins("SELECT * FROM DIGITALTWINS"))


def test_one_runs_at_a_time_and_can_be_cancelled(serve, blobs):
    client = serve("--empty").client()

    def add(name, **options):
        addresses = {"inputBlobUri": blobs.address("slow"), "outputBlobUri": blobs.address(f"{name}-out")}
        return imports(client).add(name, addresses, **options)

    add("slow")
    eventually(lambda: imports(client).get_by_id("slow").status == "running")
    with pytest.raises(HttpResponseError, match="TooManyRequests"):
        add("other", retry_total=0)
    assert imports(client).cancel("slow").status in ("cancelling", "cancelled")
    eventually(lambda: imports(client).get_by_id("slow").status == "cancelled")
    assert log_of(blobs.blobs["slow-out"])[-1]["details"] == {"status": "Cancelled"}
    assert add("other").status == "notstarted"


def test_jobs_are_cancelled_and_forgotten_at_any_time(serve, blobs):
    """As the SDKs' own tests do it, and the record answers: neither is too late, nor too early."""
    server = serve("--empty")
    client, ask = server.client(), Plain(server)
    blobs.blobs["in"] = GOOD
    run_import(client, "done", blobs.address("in"), blobs.address("out"))
    ended = ask("GET", "/jobs/imports/done")[2]
    assert ask("POST", "/jobs/imports/done/cancel")[::2] == (200, ended), "it stays as it is"
    imports(client).delete("done")
    assert ask("GET", "/jobs/imports/done")[2]["error"]["code"] == "JobNotFound"

    addresses = {"inputBlobUri": blobs.address("slow"), "outputBlobUri": blobs.address("slow-out")}
    imports(client).add("slow", addresses)
    eventually(lambda: imports(client).get_by_id("slow").status == "running")
    assert imports(client).cancel("slow").status in ("cancelling", "cancelled")
    imports(client).delete("slow")
    assert ask("GET", "/jobs/imports/slow")[0] == 404
    eventually(lambda: "slow-out" in blobs.blobs and log_of(blobs.blobs["slow-out"])[-1]["details"] == {"status": "Cancelled"})
    # Its id is free, and it counts among those that run no more.
    assert run_import(client, "slow", blobs.address("in"), blobs.address("again")).finished_date_time


def test_a_storage_that_hangs_holds_nobody_up(serve, blobs):
    client = serve("--empty").client()
    job = imports(client).add("h", {"inputBlobUri": blobs.address("hangs"), "outputBlobUri": blobs.address("out")})
    assert job.status == "notstarted"
    client.create_models(MODELS)
    assert imports(client).get_by_id("h").status == "running"
    imports(client).cancel("h")
    job = eventually(lambda: (job := imports(client).get_by_id("h")).status == "cancelled" and job, seconds=3)
    assert job.finished_date_time is None
    assert log_of(blobs.blobs["out"])[-1]["details"] == {"status": "Cancelled"}


def test_a_job_that_a_crash_ended_has_failed(serve, blobs):
    server = serve("--empty")
    addresses = {"inputBlobUri": blobs.address("slow"), "outputBlobUri": blobs.address("out")}
    imports(server.client()).add("slow", addresses)
    eventually(lambda: len(list(server.client().list_models())) == 3)
    server.kill()
    job = imports(serve("--empty").client()).get_by_id("slow")
    assert job.status == "failed" and "was stopped" in job.error.message


def test_jobs_are_refused(serve, blobs):
    server = serve("--empty")
    client, ask = server.client(), Plain(server)
    blobs.blobs["in"] = GOOD
    run_import(client, "done", blobs.address("in"), blobs.address("out"))

    def add(name, source, output):
        return lambda _: imports(client).add(name, {"inputBlobUri": source, "outputBlobUri": output})

    here, there = blobs.address("in"), blobs.address("more")
    cases = {
        "no address": (add("x", "nonsense", there), 400, "InvalidArgument", "Azure Storage Blob URI 'nonsense' failed"),
        "other scheme": (add("x", "ftp://host/in", there), 400, "InvalidArgument", "file:// of a local file"),
        "bad id": (add("x" * 129, here, there), 400, "ValidationFailed", "128"),
        "there already": (add("done", here, there), 409, "JobIdAlreadyExists", "Provided Job ID already exists: done."),
        "get": (lambda c: imports(c).get_by_id("no"), 404, "JobNotFound", "provided id no."),
        "delete": (lambda c: imports(c).delete("no"), 404, "JobNotFound", "provided id no."),
        "cancel": (lambda c: imports(c).cancel("no"), 404, "JobNotFound", "provided id no."),
    }
    for name, (call, status, code, words) in cases.items():
        with pytest.raises(HttpResponseError) as error:
            call(client)
        body = json.loads(error.value.response.text())["error"]
        assert (error.value.status_code, body["code"]) == (status, code), f"{name}: {body}"
        assert words in body["message"], f"{name}: {body}"
    assert ask("GET", "/jobs/deletions/no")[0] == 404
    assert ask("GET", "/jobs/deletions/no")[2]["error"]["code"] == "DeleteJobNotFound"
    assert ask("PUT", "/jobs/imports/x", {"inputBlobUri": here})[2]["error"]["code"] == "ValidationFailed"
    for version in ("2020-10-31", "2022-05-31"):
        assert ask("GET", "/jobs/imports", version=version)[0] == 404
