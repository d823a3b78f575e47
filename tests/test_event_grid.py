"""The official Event Grid publisher client for Python against `twinscope serve`, and web hooks."""

import base64
import datetime
import hashlib
import hmac
import http.server
import json
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest
from azure.core.credentials import AzureKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient, generate_sas
from azure.eventhub import EventHubConsumerClient
from azure.servicebus import ServiceBusClient, ServiceBusReceiveMode
from twinscope.programs import ROOT, eventually, free_port, listens
from twinscope.workspaces import rooms

FAST = ("--delivery-time-factor", "0.01")


class Hook:
    """A web hook: what it got, and how it answers."""

    def __init__(self):
        self.events = []
        self.headers = []
        self.answers = []
        self.handshake = "echo"
        self.validation_url = None
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_OPTIONS(self):
                allowed = {} if hook.handshake == "silent" else {"WebHook_Allowed_Origin": hook.handshake}
                hook.validation_url = self.headers["WebHook-Request-Callback"]
                self.answer(200, **allowed)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers["aeg-event-type"] == "SubscriptionValidation":
                    data = body[0]["data"]
                    hook.validation_url = data["validationUrl"]
                    code = {"echo": data["validationCode"], "wrong": "no"}.get(hook.handshake)
                    if hook.handshake == "redirect":
                        return self.answer(302, Location="http://localhost:1/")
                    return self.answer(200, json.dumps({"validationResponse": code}).encode() if code else b"")
                status = hook.answers.pop(0) if hook.answers else 200
                if status == 200:
                    hook.events.extend(body if isinstance(body, list) else [body])
                hook.headers.append((status, dict(self.headers)))
                self.answer(status)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/hook?code=secret"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ids(self):
        return [event["id"] for event in self.events]


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture
def serve(serve, tmp_path):
    """Serves a topic that no route leads to, so that it has the tests' events alone."""
    folder = rooms(tmp_path / "rooms", topology={"endpoints": {"eg-twins": {"kind": "eventGrid"}}})

    def start(*arguments, **options):
        return serve("--workspace", folder, *arguments, **options)

    return start


class Topic:
    """The topic of the workspace, by its HTTP door."""

    def __init__(self, server, connect=None):
        connect = connect or server.connect["eventGrid"]["eg-twins"]
        self.endpoint, self.key = connect["endpoint"], connect["key"]

    def client(self, credential=None):
        return EventGridPublisherClient(self.endpoint, credential or AzureKeyCredential(self.key), retry_total=0)

    def request(self, method, path, body=None, **headers):
        url = self.endpoint.removesuffix("/api/events") + path
        headers = {"aeg-sas-key": self.key, "content-type": "application/json", **headers}
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else text

    def subscribe(self, name, hook, **properties):
        destination = {"endpointType": "WebHook", "properties": {"endpointUrl": hook.url}}
        destination["properties"] |= properties.pop("batching", {})
        return self.request("PUT", f"/eventSubscriptions/{name}", {"properties": {"destination": destination, **properties}})

    def counts(self, name):
        return self.request("GET", f"/eventSubscriptions/{name}")[1]["counts"]


def own(identity, subject="/floors/1", **data):
    return EventGridEvent(subject=subject, event_type="Room.Changed", data=data, data_version="1.0", id=identity)


def cloud(identity, **data):
    return CloudEvent(source="/rooms", type="Room.Changed", data=data, id=identity, subject="/floors/1")


def test_both_schemas_come_and_go(serve, hook):
    topic = Topic(serve())
    other = Hook()
    assert topic.subscribe("own", hook)[0] == 201
    other.handshake = "eventgrid.azure.net"
    status, made = topic.subscribe("cloud", other, eventDeliverySchema="CloudEventSchemaV1_0", batching={"maxEventsPerBatch": 10})
    assert (status, made["properties"]["provisioningState"]) == (201, "Succeeded")
    assert "secret" not in json.dumps(made)
    topic.client().send([own("1", temperature=21.5), own("2")])
    topic.client().send(cloud("3", temperature=22))
    topic.client().send([cloud("4"), cloud("5")])
    eventually(lambda: sorted(hook.ids()) == list("12345") == sorted(other.ids()))
    first = next(event for event in hook.events if event["id"] == "1")
    assert first["data"] == {"temperature": 21.5}
    assert first["topic"].endswith("/topics/eg-twins") and first["metadataVersion"] == "1"
    as_cloud = next(event for event in other.events if event["id"] == "1")
    assert (as_cloud["specversion"], as_cloud["source"], as_cloud["type"]) == ("1.0", first["topic"], "Room.Changed")
    assert next(event for event in hook.events if event["id"] == "3")["specversion"] == "1.0"
    assert hook.headers[0][1]["aeg-event-type"] == "Notification"
    other.server.shutdown()


def test_only_with_a_key_or_token_of_the_topic(serve):
    topic = Topic(serve())
    with pytest.raises(ClientAuthenticationError):
        topic.client(AzureKeyCredential("d3Jvbmc=")).send(own("1"))
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    topic.client(AzureSasCredential(generate_sas(topic.endpoint, topic.key, later))).send(own("1"))
    earlier = later - datetime.timedelta(hours=2)
    for wrong in (
        generate_sas(topic.endpoint, topic.key, earlier),
        generate_sas(topic.endpoint, "d3Jvbmc=", later),
        generate_sas(topic.endpoint.replace("eg-twins", "other"), topic.key, later),
    ):
        with pytest.raises(ClientAuthenticationError):
            topic.client(AzureSasCredential(wrong)).send(own("1"))


def test_what_is_refused_says_why(serve):
    topic = Topic(serve())
    path = "/api/events?api-version=2018-01-01"
    cases = [
        ("/api/events", [], 400, "api-version"),
        ("/api/events?api-version=2017-01-01", [], 400, "api-version"),
        (path, {"id": "1"}, 400, "array"),
        (path, [{"id": "1"}], 400, "subject"),
        (path, b"{", 400, "JSON"),
        (path, b" " * (1024 * 1024 + 1), 413, "maximum size"),
    ]
    for where, body, status, words in cases:
        answer = topic.request("POST", where, body)
        assert answer[0] == status, answer
        assert words in answer[1]["error"]["message"]
    assert topic.request("POST", path, [], host="evil.example")[0] == 403
    assert topic.request("POST", path, [], origin="https://evil.example")[0] == 403
    with pytest.raises(HttpResponseError):
        topic.client().send(EventGridEvent(subject="", event_type="x", data=None, data_version="1"))


def test_a_hook_must_agree(serve, hook):
    topic = Topic(serve())
    for handshake in ("wrong", "redirect"):
        hook.handshake = handshake
        status, answer = topic.subscribe("sub", hook)
        assert (status, answer["error"]["code"]) == (400, "URL validation")
        assert "secret" not in json.dumps(answer)
    assert topic.request("GET", "/eventSubscriptions/sub")[0] == 404
    for schema, handshake in (("EventGridSchema", "by hand"), ("CloudEventSchemaV1_0", "silent")):
        hook.handshake = handshake
        status, made = topic.subscribe(f"by-hand-{schema[:5]}", hook, eventDeliverySchema=schema)
        assert (status, made["properties"]["provisioningState"]) == (201, "AwaitingManualAction")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(hook.validation_url + "x")
        with urllib.request.urlopen(hook.validation_url) as answer:
            assert b"successfully validated" in answer.read()
        shown = topic.request("GET", f"/eventSubscriptions/by-hand-{schema[:5]}")[1]
        assert shown["properties"]["provisioningState"] == "Succeeded"


def test_filters_batches_retries_and_dead_letters(serve, hook):
    server = serve(*FAST)
    topic = Topic(server)
    filters = [{"operatorType": "NumberGreaterThan", "key": "data.t", "value": 20}]
    topic.subscribe("warm", hook, filter={"subjectBeginsWith": "/floors/2", "advancedFilters": filters}, batching={"maxEventsPerBatch": 10})
    broken = Hook()
    dead = {"deadLetterDestination": {"endpointType": "Folder", "properties": {}}}
    topic.subscribe("broken", broken, retryPolicy={"maxDeliveryAttempts": 3}, **dead)
    topic.subscribe("bad", broken, filter={"subjectEndsWith": "/9"}, **dead)
    hook.answers = [500, 503]
    broken.answers = [500] * 50
    topic.client().send([own(str(n), f"/floors/{n % 3}", t=n) for n in range(15, 30)])
    wanted = {str(n) for n in range(21, 30) if n % 3 == 2}
    eventually(lambda: set(hook.ids()) == wanted)
    assert [status for status, _ in hook.headers[:2]] == [500, 503]
    assert [headers["aeg-delivery-count"] for status, headers in hook.headers if status == 200] == ["2"]
    eventually(lambda: topic.counts("broken")["deadLettered"] == 15, seconds=30)
    letters = [json.loads(path.read_text()) for path in (server.data / "dead-letter" / "eg-twins" / "BROKEN").rglob("*.json")]
    letters = [letter for file in letters for letter in file]
    assert {letter["deadLetterReason"] for letter in letters} == {"MaxDeliveryAttemptsExceeded"}
    assert {letter["deliveryAttempts"] for letter in letters} == {3}
    broken.server.shutdown()


def test_published_is_delivered_after_kill_9(serve, hook):
    server = serve(*FAST)
    topic = Topic(server)
    topic.subscribe("sub", hook)
    hook.answers = [500] * 40
    for n in range(30):
        topic.client().send(own(str(n)))
    server.kill()
    server = serve(*FAST)
    eventually(lambda: set(hook.ids()) == {str(n) for n in range(30)}, seconds=30)
    eventually(lambda: Topic(server).counts("sub")["pending"] == 0)


def test_a_hanging_hook_holds_up_nobody_else(serve, hook):
    topic = Topic(serve())
    hanging = Hook()
    topic.subscribe("hangs", hanging)
    hanging.server.shutdown()  # Accepts by its backlog, and answers nothing.
    topic.subscribe("well", hook)
    topic.client().send([own(str(n)) for n in range(100)])
    eventually(lambda: len(set(hook.ids())) == 100)


AZURITE = ROOT / "target/tools/azurite/node_modules/.bin/azurite"
# The emulator's account, which everybody knows.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def account_sas():
    expires = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    parts = {"sv": "2019-12-12", "ss": "b", "srt": "sco", "sp": "rwdlac", "se": expires}
    order = [ACCOUNT, parts["sp"], parts["ss"], parts["srt"], "", expires, "", "", parts["sv"], ""]
    signed = hmac.new(base64.b64decode(ACCOUNT_KEY), "\n".join(order).encode(), hashlib.sha256).digest()
    return urllib.parse.urlencode({**parts, "sig": base64.b64encode(signed).decode()})


@pytest.mark.skipif(not AZURITE.exists(), reason="Azurite is not installed: `make desktop` does that")
def test_dead_letters_in_a_blob_container(serve, hook, tmp_path):
    port = free_port()
    command = [AZURITE, "--blobPort", str(port), "--queuePort", "0", "--tablePort", "0", "--location", tmp_path / "blobs"]
    emulator = subprocess.Popen([*command, "--silent", "--skipApiVersionCheck", "--loose", "--disableTelemetry"])
    try:
        eventually(lambda: listens(port), seconds=30)
        container = f"http://127.0.0.1:{port}/{ACCOUNT}/letters?{account_sas()}"
        urllib.request.urlopen(urllib.request.Request(container + "&restype=container", b"", method="PUT")).close()
        topic = Topic(serve(*FAST))
        dead = {"endpointType": "StorageBlob", "properties": {"containerUrl": container}}
        status, made = topic.subscribe("broken", hook, deadLetterDestination=dead)
        assert (status, "sig=" in json.dumps(made)) == (201, False)
        hook.answers = [400]
        topic.client().send(own("1"))
        eventually(lambda: topic.counts("broken")["deadLettered"] == 1, seconds=30)
        with urllib.request.urlopen(container + "&restype=container&comp=list") as answer:
            name = re.search("<Name>(.*?)</Name>", answer.read().decode()).group(1)
        assert name.startswith("eg-twins/BROKEN/20") and name.endswith(".json")
        with urllib.request.urlopen(container.replace("/letters?", f"/letters/{name}?")) as answer:
            letter = json.loads(answer.read())[0]
        assert (letter["id"], letter["deadLetterReason"]) == ("1", "UndeliverableDueToHttpBadRequest")
    finally:
        emulator.terminate()
        emulator.wait(10)


def named(kind, name, **properties):
    """A subscription's body, with a resource id as Azure Resource Manager has it."""
    place = {"EventHub": "Microsoft.EventHub/namespaces/n/eventhubs", "ServiceBusQueue": "Microsoft.ServiceBus/namespaces/n/queues"}
    place = place.get(kind, "Microsoft.ServiceBus/namespaces/n/topics")
    identity = f"/subscriptions/s/resourceGroups/g/providers/{place}/{name}"
    return {"properties": {"destination": {"endpointType": kind, "properties": {"resourceId": identity}}, **properties}}


def received(connection, **entity):
    with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
        open_receiver = client.get_queue_receiver if "queue_name" in entity else client.get_subscription_receiver
        with open_receiver(**entity, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
            return receiver.receive_messages(max_message_count=10, max_wait_time=5)


def test_subscriptions_deliver_to_event_hubs_queues_and_topics(serve):
    server = serve(*FAST, "--event-hub", "sink:1", "--queue", "letters", "--topic", "news/all")
    topic = Topic(server)
    assert topic.request("PUT", "/eventSubscriptions/hub", named("EventHub", "sink"))[0] == 201
    cloud = {"eventDeliverySchema": "CloudEventSchemaV1_0"}
    assert topic.request("PUT", "/eventSubscriptions/queue", named("ServiceBusQueue", "letters"))[0] == 201
    assert topic.request("PUT", "/eventSubscriptions/topic", named("ServiceBusTopic", "news", **cloud))[0] == 201
    assert topic.request("PUT", "/eventSubscriptions/nowhere", named("ServiceBusQueue", "none"))[0] == 201
    topic.client().send(own("e-1", t=21.5))
    (letter,) = received(server.connect["serviceBus"]["letters"], queue_name="letters")
    event = json.loads(str(letter))
    assert (event["id"], event["data"], event["subject"]) == ("e-1", {"t": 21.5}, "/floors/1")
    properties = {key.decode(): value.decode() for key, value in letter.application_properties.items()}
    assert properties["aeg-subscription-name"] == "QUEUE" and properties["aeg-event-type"] == "Notification"
    assert (properties["aeg-output-event-id"], properties["aeg-data-version"]) == ("e-1", "1.0")
    assert letter.content_type == "application/json; charset=utf-8"
    (news,) = received(server.connect["serviceBus"]["news"], topic_name="news", subscription_name="all")
    assert json.loads(str(news))["specversion"] == "1.0" and news.content_type.startswith("application/cloudevents+json")
    events = []
    client = EventHubConsumerClient.from_connection_string(server.connect["eventHubs"]["sink"], "$Default")
    thread = threading.Thread(target=client.receive, args=(lambda _, event: events.append(event),), kwargs={"starting_position": "-1"})
    thread.start()
    eventually(lambda: events)
    client.close()
    thread.join(20)
    assert [event["id"] for event in json.loads(events[0].body_as_str())] == ["e-1"]
    eventually(lambda: topic.counts("nowhere")["failedAttempts"] >= 1)
    assert [topic.counts(name)["delivered"] for name in ("hub", "queue", "topic", "nowhere")] == [1, 1, 1, 0]
