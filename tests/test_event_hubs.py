"""Event Hubs with the official client for Python, unchanged, against `twinscope serve`."""

import asyncio
import base64
import datetime
import hashlib
import hmac
import http.client
import ssl
import threading
import time
import urllib.parse

import pytest
from azure.core.credentials import AzureSasCredential
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, TransportType
from azure.eventhub.aio import EventHubConsumerClient as AsyncConsumer
from azure.eventhub.aio import EventHubProducerClient as AsyncProducer
from azure.eventhub.exceptions import AuthenticationError, EventHubError
from twinscope.programs import eventually

HUB = "telemetry"


@pytest.fixture
def server(serve):
    """Serves a hub of two partitions with a second consumer group."""
    return serve("--empty", "--event-hub", f"{HUB}:2/dashboard")


@pytest.fixture
def hub(server):
    """The hub's connection string."""
    return server.connect["eventHubs"][HUB]


def producer(hub, **options):
    return EventHubProducerClient.from_connection_string(hub, **options)


def send(hub, *bodies, **where):
    with producer(hub) as client:
        batch = client.create_batch(**where)
        for body in bodies:
            batch.add(EventData(body))
        client.send_batch(batch)


class Reader:
    """Reads in a thread until it is closed."""

    def __init__(self, hub, group="$Default", checkpoints=None, **receive):
        self.events, self.errors = [], []
        options = {"checkpoint_store": checkpoints, "retry_total": 0}
        self.client = EventHubConsumerClient.from_connection_string(hub, group, **options)
        receive = {"starting_position": "-1", "on_error": lambda _, error: self.errors.append(error), **receive}
        self.thread = threading.Thread(target=self.client.receive, args=(self.on_event,), kwargs=receive)
        self.thread.start()

    def on_event(self, context, event):
        self.events.append(event)
        context.update_checkpoint(event)

    def bodies(self):
        return [event.body_as_str() for event in self.events]

    def wait_for(self, *bodies):
        def arrived():
            return len(self.events) >= len(bodies)

        eventually(arrived)
        assert self.bodies() == list(bodies)

    def close(self):
        self.client.close()
        self.thread.join(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_batches_and_single_events_arrive_in_order_with_their_properties(hub):
    send(hub, "one", "two", partition_id="0")
    with producer(hub) as client:
        event = EventData("three")
        event.properties = {"unit": "°C", "level": 7}
        event.content_type, event.message_id, event.correlation_id = "text/plain", "id-3", "cause"
        client.send_event(event, partition_id="0")
    with Reader(hub, partition_id="0") as reader:
        reader.wait_for("one", "two", "three")
    assert [event.sequence_number for event in reader.events] == [0, 1, 2]
    offsets = [int(event.offset) for event in reader.events]
    assert offsets == sorted(set(offsets)) and offsets[0] == 0
    last = reader.events[-1]
    assert last.properties == {b"unit": b"\xc2\xb0C", b"level": 7}
    assert (last.content_type, last.message_id, last.correlation_id) == ("text/plain", "id-3", "cause")
    age = datetime.datetime.now(datetime.timezone.utc) - last.enqueued_time
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=1)


def test_a_partition_key_decides_the_partition_for_good(hub):
    for _ in range(3):
        send(hub, "a", partition_key="thermo_0001")
        send(hub, "b", partition_key="thermo_0002")
    with producer(hub) as client:
        counts = [client.get_partition_properties(id)["last_enqueued_sequence_number"] for id in client.get_partition_ids()]
    assert sum(count + 1 for count in counts) == 6
    with Reader(hub) as reader:
        eventually(lambda: len(reader.events) == 6)
    by_partition = {}
    for event in reader.events:
        by_partition.setdefault(event.partition_key, set()).add(event.body_as_str())
    assert by_partition == {b"thermo_0001": {"a"}, b"thermo_0002": {"b"}}


def test_reading_begins_at_each_kind_of_position(hub):
    send(hub, "one", "two", partition_id="0")
    with Reader(hub, partition_id="0") as reader:
        reader.wait_for("one", "two")
    second = reader.events[1]
    between = datetime.datetime.now(datetime.timezone.utc)
    send(hub, "three", partition_id="0")
    for position, inclusive, expected in [
        ("-1", False, ["one", "two", "three"]),
        (second.offset, False, ["three"]),
        (second.offset, True, ["two", "three"]),
        (second.sequence_number, False, ["three"]),
        (second.sequence_number, True, ["two", "three"]),
        (between, False, ["three"]),
    ]:
        where = {"starting_position": position, "starting_position_inclusive": inclusive}
        with Reader(hub, partition_id="0", **where) as reader:
            reader.wait_for(*expected)
    with Reader(hub, partition_id="0", starting_position="@latest") as reader:
        with producer(hub) as client:

            def reached():
                client.send_event(EventData("later"), partition_id="0")
                return reader.events

            eventually(reached, every=0.5)
        assert set(reader.bodies()) == {"later"}


def test_consumer_groups_read_apart_and_unknown_ones_are_refused(hub):
    send(hub, "for both", partition_id="1")
    with Reader(hub) as first, Reader(hub, "dashboard") as second:
        first.wait_for("for both")
        second.wait_for("for both")
    with Reader(hub, "nobody", partition_id="0") as stranger:
        eventually(lambda: stranger.errors)
    assert isinstance(stranger.errors[0], EventHubError), stranger.errors
    assert "could not be found" in str(stranger.errors[0])


def test_a_higher_epoch_takes_over_and_a_lower_one_is_refused(hub):
    with Reader(hub, partition_id="0", owner_level=1) as first:
        send(hub, "one", partition_id="0")
        first.wait_for("one")
        with Reader(hub, partition_id="0", owner_level=2) as second:
            second.wait_for("one")
            eventually(lambda: first.errors)
            with Reader(hub, partition_id="0", owner_level=1) as third:
                eventually(lambda: third.errors)
            send(hub, "two", partition_id="0")
            second.wait_for("one", "two")
    for reader in (first, third):
        assert "epoch" in str(reader.errors[0]), reader.errors
    assert first.bodies() == ["one"] and third.bodies() == []


class Checkpoints:
    """A checkpoint store in memory, as the client wants one."""

    def __init__(self):
        self.owners, self.points = {}, {}

    def list_ownership(self, *_, **__):
        return list(self.owners.values())

    def claim_ownership(self, ownership_list, **_):
        for owner in ownership_list:
            owner["etag"], owner["last_modified_time"] = "e", datetime.datetime.now().timestamp()
            self.owners[owner["partition_id"]] = owner
        return list(ownership_list)

    def update_checkpoint(self, checkpoint, **_):
        self.points[checkpoint["partition_id"]] = checkpoint

    def list_checkpoints(self, *_, **__):
        return list(self.points.values())


def test_reading_resumes_at_the_checkpoint_after_the_server_was_killed(serve):
    server = serve("--empty", "--event-hub", f"{HUB}:1")
    checkpoints = Checkpoints()
    send(server.connect["eventHubs"][HUB], "one", "two")
    with Reader(server.connect["eventHubs"][HUB], checkpoints=checkpoints) as reader:
        reader.wait_for("one", "two")
    send(server.connect["eventHubs"][HUB], "three")
    server.kill()
    hub = serve("--empty").connect["eventHubs"][HUB]
    send(hub, "four")
    with Reader(hub, checkpoints=checkpoints) as reader:
        reader.wait_for("three", "four")
    assert [event.sequence_number for event in reader.events] == [2, 3]


def test_the_asyncio_client_sends_and_receives(hub):
    async def run():
        async with AsyncProducer.from_connection_string(hub) as client:
            batch = await client.create_batch(partition_id="0")
            batch.add(EventData("one"))
            await client.send_batch(batch)
        got = asyncio.Event()
        bodies = []

        async def on_event(_context, event):
            bodies.append(event.body_as_str())
            got.set()

        client = AsyncConsumer.from_connection_string(hub, "$Default")
        async with client:
            receiving = asyncio.create_task(client.receive(on_event, starting_position="-1"))
            await asyncio.wait_for(got.wait(), 20)
            receiving.cancel()
        return bodies

    assert asyncio.run(run()) == ["one"]


def test_a_wrong_key_another_hub_and_too_much_are_refused(hub):
    wrong = hub.replace("SharedAccessKey=", "SharedAccessKey=x", 1)
    with producer(wrong, retry_total=0) as client, pytest.raises(AuthenticationError):
        client.get_partition_ids()
    other = hub.replace(f"EntityPath={HUB}", "EntityPath=nothing")
    with producer(other, retry_total=0) as client, pytest.raises(EventHubError, match="could not be found"):
        client.send_event(EventData("x"))
    with producer(hub, retry_total=0) as client:
        with pytest.raises(ValueError, match="size limit"):
            client.create_batch().add(EventData(b"x" * 1_100_000))
        with pytest.raises(EventHubError, match="larger than"):
            client.send_event(EventData(b"x" * 1_100_000))
        client.send_event(EventData("it still works"))


@pytest.mark.parametrize("transport", TransportType)
def test_tls_and_websockets_share_the_port(server, hub, transport):
    secure = hub.replace(";UseDevelopmentEmulator=true", "")
    endpoint = hub.split(";")[0].removeprefix("Endpoint=")
    options = {"transport_type": transport, "connection_verify": server.connect["adt"]["ca"], "custom_endpoint_address": endpoint}
    large = "x" * 300_000
    with EventHubProducerClient.from_connection_string(secure, **options) as client:
        batch = client.create_batch(partition_id="0")
        batch.add(EventData("small"))
        batch.add(EventData(large))
        client.send_batch(batch)
    bodies = []
    with EventHubConsumerClient.from_connection_string(secure, "$Default", **options) as client:

        def on_event(_context, event):
            bodies.append(event.body_as_str())
            if len(bodies) == 2:
                client.close()

        client.receive(on_event, partition_id="0", starting_position="-1")
    assert bodies == ["small", large]


def test_a_page_cannot_open_a_websocket(hub):
    address = hub.split(";")[0].removeprefix("Endpoint=sb://").strip("/")

    def upgrade(path="/$servicebus/websocket", host=address, origin=None, protocol="AMQPWSB10"):
        name, port = address.split(":")
        connection = http.client.HTTPConnection(name, int(port), timeout=20)
        headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": protocol}
        connection.request("GET", path, headers=headers | ({"Origin": origin} if origin else {}))
        status = connection.getresponse().status
        connection.close()
        return status

    assert upgrade() == 101
    assert upgrade(origin=f"http://{address}") == 101
    assert upgrade(origin="http://example.org") == 403
    assert upgrade(host="example.org") == 403
    assert upgrade(path="/") == 404
    assert upgrade(protocol="mqtt") == 400


@pytest.mark.parametrize("tls", [False, True])
def test_http_that_is_no_websocket_is_told_so(server, hub, tls):
    name, port = hub.split(";")[0].removeprefix("Endpoint=sb://").strip("/").split(":")
    trusted = ssl.create_default_context(cafile=server.connect["adt"]["ca"])

    def ask(method, headers=None, body=None):
        connection = http.client.HTTPSConnection(name, int(port), timeout=20, context=trusted) if tls else http.client.HTTPConnection(name, int(port), timeout=20)
        connection.request(method, "/$servicebus/websocket", headers=headers or {}, body=body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert "AMQP over WebSockets at /$servicebus/websocket" in text
        return answer.status, answer.headers.get("Upgrade")

    assert ask("GET") == (426, "websocket")
    assert ask("HEADLESS") == (426, "websocket")
    assert ask("POST", body=b"x" * 200_000) == (426, "websocket")
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert ask("GET", upgrade) == (400, None)
    assert ask("GET", upgrade | {"Sec-WebSocket-Version": "13"}) == (400, None)
    send(hub, "it still works", partition_id="0")


def signature(hub, seconds):
    """A shared access signature as somebody else would give it, good for so long."""
    parts = dict(part.split("=", 1) for part in hub.split(";"))
    resource = urllib.parse.quote_plus(parts["Endpoint"].rstrip("/") + "/" + HUB)
    expiry = int(time.time()) + seconds
    signed = hmac.new(parts["SharedAccessKey"].encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    value = urllib.parse.quote_plus(base64.b64encode(signed))
    return f"SharedAccessSignature sr={resource}&sig={value}&se={expiry}&skn={parts['SharedAccessKeyName']}"


def test_a_token_opens_the_hub_until_it_expires(server, hub):
    endpoint = hub.split(";")[0].removeprefix("Endpoint=")
    host = endpoint.removeprefix("sb://").strip("/").split(":")[0]

    def client(seconds):
        credential = AzureSasCredential(signature(hub, seconds))
        options = {"connection_verify": server.connect["adt"]["ca"], "custom_endpoint_address": endpoint, "retry_total": 0}
        return EventHubProducerClient(host, HUB, credential, **options)

    with client(-10) as expired, pytest.raises(AuthenticationError):
        expired.get_partition_ids()
    with client(3) as brief:
        brief.send_event(EventData("in time"), partition_id="0")
        time.sleep(4)
        with pytest.raises(EventHubError):
            brief.send_event(EventData("too late"), partition_id="0")
    with Reader(hub) as reader:
        reader.wait_for("in time")
