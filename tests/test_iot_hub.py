"""The official IoT device SDK for Python against `twinscope serve`."""

import json
import random
import threading

import pytest
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
