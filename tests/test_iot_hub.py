"""The official IoT device SDK for Python against `twinscope serve`."""

import base64
import hashlib
import hmac
import json
import random
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import paho.mqtt.client as mqtt
import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.iot.device import IoTHubDeviceClient, Message, MethodResponse
from azure.iot.device.exceptions import CredentialError
from twinscope.programs import eventually


@pytest.fixture
def hub(serve):
    """Serves on a loopback address of its own, because the SDK knows no port but 8883."""
    address = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))

    def start(*arguments, **options):
        server = serve("--listen", address, *arguments, **options)
        assert server.connect["iotHub"]["port"] == 8883
        return server

    return start


@pytest.fixture
def device():
    """Connects the SDK's client as a device; disconnects them all at the end."""
    clients = []

    def connect(server, name, connection_string=None):
        hub = server.connect["iotHub"]
        with open(hub["ca"], encoding="ascii") as ca:
            client = IoTHubDeviceClient.create_from_connection_string(
                connection_string or hub["devices"][name],
                server_verification_cert=ca.read(),
                connection_retry=False,
            )
        clients.append(client)
        client.connect()
        return client

    yield connect
    for client in clients:
        client.shutdown()


def test_a_real_thermostat_reaches_its_room(hub, device):
    server = hub()
    twins = server.client()
    thermostat = device(server, "thermo_0011")
    message = Message(json.dumps({"temperature": 27.25, "humidity": 40}), content_encoding="utf-8", content_type="application/json")
    message.message_id = "m 1/1"
    message.custom_properties["floor"] = "1 & 2"
    thermostat.send_message(message)

    def room_follows():
        return twins.get_digital_twin("Room_11")["currentTemp"] == 27.25

    eventually(room_follows)
    assert twins.get_digital_twin("thermo_0011")["temperature"] == 27.25
    # Without a content type it is the same to a function.
    thermostat.send_message('{"temperature": 28.5}')
    eventually(lambda: twins.get_digital_twin("Room_11")["currentTemp"] == 28.5)


def test_only_with_the_devices_own_key(hub, device):
    server = hub()
    strings = server.connect["iotHub"]["devices"]
    key = strings["thermo_0001"].split("SharedAccessKey=")[1]
    other = strings["thermo_0002"].split("SharedAccessKey=")[1]
    assert key != other
    for wrong in (
        strings["thermo_0001"].replace(key, other),
        strings["thermo_0001"].replace("DeviceId=thermo_0001", "DeviceId=nobody"),
    ):
        with pytest.raises(CredentialError):
            device(server, "thermo_0001", wrong)
    device(server, "thermo_0001")


class Service:
    """The hub's service side: its REST API, with a token of the policy iothubowner."""

    def __init__(self, server):
        self.connect = server.connect["iotHub"]["service"]

    def request(self, method, path, body=None, token=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {"Authorization": token or self.token(), "Content-Type": "application/json"}
        request = urllib.request.Request(self.connect["endpoint"] + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def token(self, seconds=60):
        parts = dict(part.split("=", 1) for part in self.connect["connectionString"].split(";"))
        return sas(parts["HostName"], parts["SharedAccessKey"], seconds, parts["SharedAccessKeyName"])


def sas(resource, key, seconds=60, policy=None):
    resource, expires = urllib.parse.quote(resource, safe=""), int(time.time()) + seconds
    signed = hmac.new(base64.b64decode(key), f"{resource}\n{expires}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(signed), safe="")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expires}" + (f"&skn={policy}" if policy else "")


def test_messages_to_a_device_and_methods(hub, device):
    server = hub()
    service = Service(server)
    got = []
    thermostat = device(server, "thermo_0001")
    # Sent while nobody listens: it waits.
    path = "/devices/thermo_0001/messages/deviceBound"
    assert service.request("POST", path + "?level=2&%24.mid=first", b"hello")[0] == 204
    thermostat.on_message_received = got.append
    eventually(lambda: [message.data for message in got] == [b"hello"])
    assert (got[0].message_id, got[0].custom_properties) == ("first", {"level": "2"})
    eventually(lambda: service.request("GET", "/devices/thermo_0001")[1]["cloudToDeviceMessageCount"] == 0)

    def run(request):
        thermostat.send_method_response(MethodResponse(request.request_id, 207, {"got": request.payload, "name": request.name}))

    thermostat.on_method_request_received = run
    call = {"methodName": "set point", "payload": {"to": 21}, "responseTimeoutInSeconds": 20}
    answer = service.request("POST", "/twins/thermo_0001/methods", call)
    assert answer == (200, {"status": 207, "payload": {"got": {"to": 21}, "name": "set point"}})
    status, text = service.request("POST", "/twins/thermo_0002/methods", call)
    assert (status, "DeviceNotOnline" in text) == (404, True)
    assert service.request("GET", "/devices", token="SharedAccessSignature sr=a&sig=b&se=9")[0] == 401


def test_twins(hub, device):
    server = hub()
    service = Service(server)
    thermostat = device(server, "thermo_0001")
    patches = []
    thermostat.on_twin_desired_properties_patch_received = patches.append
    thermostat.patch_twin_reported_properties({"firmware": "1.2", "gone": 1})
    thermostat.patch_twin_reported_properties({"gone": None})
    assert thermostat.get_twin()["reported"] == {"firmware": "1.2", "$version": 3}
    assert service.request("PATCH", "/twins/thermo_0001", {"properties": {"desired": {"interval": 5}}})[0] == 200
    eventually(lambda: patches == [{"interval": 5, "$version": 2}])
    server.kill()
    server = hub()
    assert device(server, "thermo_0001").get_twin()["desired"] == {"interval": 5, "$version": 2}


def test_acknowledged_telemetry_survives_kill_9(hub, device):
    server = hub()
    thermostat = device(server, "thermo_0009")
    for step in range(20):
        thermostat.send_message(json.dumps({"temperature": 20 + step / 4}))
    server.kill()
    server = hub()
    eventually(lambda: server.client().get_digital_twin("Room_09")["currentTemp"] == 24.75)
    again = device(server, "thermo_0009")
    again.send_message('{"temperature": 30.5}')
    eventually(lambda: server.client().get_digital_twin("Room_09")["currentTemp"] == 30.5)


def test_devices_come_and_go(hub, device):
    server = hub()
    service = Service(server)
    status, made = service.request("PUT", "/devices/extra", {"deviceId": "extra"})
    assert (status, made["status"]) == (200, "enabled")
    key = made["authentication"]["symmetricKey"]["primaryKey"]
    host = server.connect["iotHub"]["host"]
    client = device(server, None, f"HostName={host};DeviceId=extra;SharedAccessKey={key}")
    assert service.request("GET", "/devices/extra")[1]["connectionState"] == "Connected"
    assert service.request("DELETE", "/devices/extra")[0] == 204
    eventually(lambda: not client.connected)
    assert service.request("GET", "/devices/extra")[0] == 404
    status, again = service.request("PUT", "/devices/extra", {"deviceId": "extra"})
    assert again["authentication"]["symmetricKey"]["primaryKey"] != key
    assert service.request("PUT", "/devices/a%20b", {})[0] == 400


class Plain:
    """A plain MQTT client, for what no SDK does."""

    def __init__(self, server, name, protocol=mqtt.MQTTv311, clean_session=True, seconds=60, password=None):
        hub = server.connect["iotHub"]
        key = hub["devices"][name].split("SharedAccessKey=")[1]
        self.code, self.ended, self.granted = None, None, None
        self.client = mqtt.Client(name, protocol=protocol, **({} if protocol == mqtt.MQTTv5 else {"clean_session": clean_session}))
        self.client.tls_set(hub["ca"], tls_version=ssl.PROTOCOL_TLS_CLIENT)
        token = password or sas(f"{hub['host']}/devices/{name}", key, seconds)
        self.client.username_pw_set(f"{hub['host']}/{name}/?api-version=2021-04-12", token)
        self.client.on_connect = lambda _c, _u, flags, code, *_: setattr(self, "code", code)
        self.client.on_disconnect = lambda _c, _u, code, *_: setattr(self, "ended", code)
        self.client.on_subscribe = lambda _c, _u, _m, granted, *_: setattr(self, "granted", list(granted))
        self.client.reconnect_delay_set(60, 60)
        self.client.connect(hub["host"], hub["port"], keepalive=5)
        self.client.loop_start()
        eventually(lambda: self.code is not None or self.ended is not None)

    def stop(self):
        self.client.loop_stop()
        self.client.disconnect()


def test_what_ends_a_connection(hub):
    server = hub()
    own = "devices/thermo_0003/messages/events/"
    offences = [
        ("devices/thermo_0004/messages/events/", b"{}", 1),
        (own, b"{}", 2),
        (own, b"x" * (256 * 1024 + 1), 1),
        ("$iothub/methods/POST/x/?$rid=1", b"", 1),
        (own + "%24.unknown=1", b"{}", 1),
    ]
    for topic, payload, qos in offences:
        plain = Plain(server, "thermo_0003")
        assert plain.code == 0
        plain.client.publish(topic, payload, qos)
        eventually(lambda: plain.ended is not None)
        plain.stop()
    for password, protocol, code in (
        ("SharedAccessSignature nonsense", mqtt.MQTTv311, 5),
        (None, mqtt.MQTTv31, 1),
    ):
        plain = Plain(server, "thermo_0003", protocol, password=password)
        assert plain.code == code
        plain.stop()
    late = Plain(server, "thermo_0003", seconds=-1)
    assert late.code == 5
    late.stop()


def test_subscriptions_sessions_and_take_over(hub):
    server = hub()
    service = Service(server)
    first = Plain(server, "thermo_0005", clean_session=False)
    bound = "devices/thermo_0005/messages/devicebound/#"
    first.client.subscribe([(bound, 2), ("devices/thermo_0006/messages/devicebound/#", 1), ("#", 0)])
    eventually(lambda: first.granted == [1, 128, 128])
    second = Plain(server, "thermo_0005", clean_session=False)
    eventually(lambda: first.ended is not None)
    first.stop()
    got = []
    second.client.on_message = lambda _c, _u, message: got.append(message.payload)
    # It did not subscribe itself: the session had.
    service.request("POST", "/devices/thermo_0005/messages/deviceBound", b"on")
    eventually(lambda: got == [b"on"])
    second.stop()
    token = Plain(server, "thermo_0005", seconds=2)
    eventually(lambda: token.ended is not None)
    token.stop()


def read_endpoint(server, count):
    """What the hub's Event-Hub-compatible endpoint has, read from the beginning."""
    events = []
    client = EventHubConsumerClient.from_connection_string(server.connect["eventHubs"]["iot-hub"], "$Default", retry_total=0)
    options = {"on_event": lambda _, event: events.append(event), "starting_position": "-1"}
    thread = threading.Thread(target=client.receive, kwargs=options)
    thread.start()
    try:
        eventually(lambda: len(events) >= count)
    finally:
        client.close()
        thread.join(20)
    return events


def test_telemetry_is_in_the_event_hub_compatible_endpoint(hub, device):
    server = hub()
    thermostat = device(server, "thermo_0001")
    message = Message('{"temperature": 21.5}', content_encoding="utf-8", content_type="application/json")
    message.message_id, message.correlation_id = "m-1", "c-1"
    message.custom_properties["floor"] = "1"
    thermostat.send_message(message)
    thermostat.send_message("second")
    device(server, "thermo_0002").send_message("of another device")
    # What was acknowledged is there after a kill, once.
    server.kill()
    server = hub()
    events = read_endpoint(server, 3)
    assert sorted(event.body_as_str() for event in events) == ["of another device", "second", '{"temperature": 21.5}']
    mine = [event for event in events if event.system_properties[b"iothub-connection-device-id"] == b"thermo_0001"]
    assert [event.body_as_str() for event in mine] == ['{"temperature": 21.5}', "second"]
    first = mine[0]
    assert (first.message_id, first.correlation_id, first.content_type) == ("m-1", "c-1", "application/json")
    assert first.properties == {b"floor": b"1"}
    system = first.system_properties
    assert system[b"iothub-message-source"] == b"Telemetry"
    assert json.loads(system[b"iothub-connection-auth-method"])["type"] == "sas"
    assert system[b"iothub-connection-auth-generation-id"].isdigit()
    assert abs(system[b"iothub-enqueuedtime"] / 1000 - time.time()) < 60
    assert abs(system[b"x-opt-enqueued-time"] / 1000 - time.time()) < 60
    sender = EventHubProducerClient.from_connection_string(server.connect["eventHubs"]["iot-hub"], retry_total=0)
    with sender, pytest.raises(EventHubError, match="'Send' claim"):
        sender.send_event(EventData("nobody but the hub writes here"))
