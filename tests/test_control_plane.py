"""The control plane, driven by the official management client with its base address set to ours."""

import json
import stat
import subprocess

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.digitaltwins.core import DigitalTwinsEventRoute
from azure.eventhub import EventHubConsumerClient
from azure.mgmt.digitaltwins import AzureDigitalTwinsManagementClient
from azure.mgmt.digitaltwins.models import (
    CheckNameRequest,
    DigitalTwinsDescription,
    DigitalTwinsEndpointResource,
    DigitalTwinsPatchDescription,
    DigitalTwinsPatchProperties,
    EventGrid,
    EventHub,
    ServiceBus,
    TimeSeriesDatabaseConnection,
)
from twinscope.programs import BINARIES, Token, eventually

SUBSCRIPTION = "50016170-c839-41ba-a724-51e9df440b9e"
KEYED = "Endpoint=sb://somewhere.example/;SharedAccessKeyName=Root;SharedAccessKey=aHVzaGh1c2g=;EntityPath=changes"
SECRET = "aHVzaGh1c2g="


def management(server, token="any"):
    # The client does not wait longer between two looks than the service says.
    return AzureDigitalTwinsManagementClient(
        Token(token),
        SUBSCRIPTION,
        base_url=server.connect["adt"]["endpoint"],
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=server.connect["adt"]["ca"],
        retry_total=0,
    )


@pytest.fixture
def server(serve, tmp_path):
    workspace = tmp_path / "my building"
    workspace.mkdir()
    return serve("--workspace", workspace, "--event-hub", "changes")


@pytest.fixture
def client(server):
    with management(server) as client:
        yield client


NAME = "my-building"


def put(client, name, properties):
    resource = DigitalTwinsEndpointResource(properties=properties)
    return client.digital_twins_endpoint.begin_create_or_update("any-group", NAME, name, resource)


def names(client):
    return [endpoint.name for endpoint in client.digital_twins_endpoint.list("any-group", NAME)]


def secrets(server):
    file = server.data / "secrets.json"
    return json.loads(file.read_text()) if file.exists() else {}


def test_the_instance_is_listed_read_and_tagged(client, server):
    [listed] = client.digital_twins.list()
    [of_group] = client.digital_twins.list_by_resource_group("any-group")
    read = client.digital_twins.get("any-group", NAME)
    assert (listed.name, of_group.name, read.name) == (NAME, NAME, NAME)
    assert read.id == of_group.id and read.id.startswith(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/any-group/")
    assert (read.provisioning_state, read.public_network_access) == ("Succeeded", "Enabled")
    assert "https://" + read.host_name == server.connect["adt"]["endpoint"]
    patched = client.digital_twins.begin_update("any-group", NAME, DigitalTwinsPatchDescription(tags={"a": "b"}))
    assert patched.result().tags == {"a": "b"}
    same = DigitalTwinsDescription(location="local")
    assert client.digital_twins.begin_create_or_update("any-group", NAME, same).result().tags == {"a": "b"}
    assert read.created_time == client.digital_twins.get("any-group", NAME).created_time


def test_what_the_instance_cannot_be_is_said(client):
    closed = DigitalTwinsPatchDescription(properties=DigitalTwinsPatchProperties(public_network_access="Disabled"))
    for call, code in (
        (lambda: client.digital_twins.begin_update("g", NAME, closed), "NotSupported"),
        (lambda: client.digital_twins.begin_delete("g", NAME), "OperationNotAllowed"),
        (
            lambda: client.digital_twins.begin_create_or_update("g", "another", DigitalTwinsDescription(location="x")),
            "OperationNotAllowed",
        ),
    ):
        with pytest.raises(HttpResponseError) as refused:
            call()
        assert refused.value.error.code == code
        assert refused.value.error.message.endswith(".")
    with pytest.raises(ResourceNotFoundError):
        client.digital_twins.get("g", "another")


def test_names_are_checked(client):
    taken, invalid = "AlreadyExists", "Invalid"
    for name, reason in (("free-name", None), (NAME, taken), ("My-Building", taken), ("-x", invalid), ("x", invalid)):
        answer = client.digital_twins.check_name_availability("westus2", CheckNameRequest(name=name))
        assert (answer.name_available, answer.reason) == (reason is None, reason)


def test_an_endpoint_is_made_followed_to_its_end_changed_and_deleted(client, server):
    poller = put(client, "to-hub", EventHub(connection_string_primary_key=KEYED))
    begun = json.loads(poller.polling_method()._initial_response.http_response.text())
    assert begun["properties"]["provisioningState"] == "Provisioning"
    made = poller.result()
    assert (made.name, made.properties.provisioning_state) == ("to-hub", "Succeeded")
    assert made.properties.connection_string_secondary_key is None
    changed = EventHub(connection_string_primary_key=KEYED, connection_string_secondary_key=KEYED)
    assert put(client, "to-hub", changed).result().properties.connection_string_secondary_key
    again = client.digital_twins_endpoint.get("any-group", NAME, "to-hub")
    assert again.properties.created_time == made.properties.created_time
    assert names(client) == ["to-hub"]
    client.digital_twins_endpoint.begin_delete("any-group", NAME, "to-hub").result()
    assert names(client) == []
    assert secrets(server) == {}
    # What is not there is deleted already.
    client.digital_twins_endpoint.begin_delete("any-group", NAME, "to-hub").result()
    with pytest.raises(ResourceNotFoundError):
        client.digital_twins_endpoint.get("any-group", NAME, "to-hub")


def test_endpoints_are_of_each_kind_and_stay_between_starts(serve, server, client):
    kinds = {
        "eh-keys": EventHub(connection_string_primary_key=KEYED),
        "eh-identity": EventHub(
            authentication_type="IdentityBased", endpoint_uri="sb://somewhere.example/", entity_path="changes"
        ),
        "sb-keys": ServiceBus(primary_connection_string=KEYED, secondary_connection_string=KEYED),
        "eg-keys": EventGrid(
            topic_endpoint="https://topic.example/api/events", access_key1="one", access_key2="two"
        ),
        "letters": EventHub(
            connection_string_primary_key=KEYED, dead_letter_secret="https://blobs.example/letters?sig=aHVzaGh1c2g="
        ),
    }
    for poller in [put(client, name, kind) for name, kind in kinds.items()]:
        assert poller.result().properties.provisioning_state == "Succeeded"
    before = {name: client.digital_twins_endpoint.get("g", NAME, name).serialize(keep_readonly=True) for name in kinds}
    server.stop()
    again = serve("--workspace", server.data.parent / "my building", "--event-hub", "changes")
    with management(again) as client:
        for name, kind in kinds.items():
            read = client.digital_twins_endpoint.get("g", NAME, name)
            assert read.serialize(keep_readonly=True) == before[name]
            assert read.properties.authentication_type == (kind.authentication_type or "KeyBased")


def test_secrets_are_never_returned_and_closed_to_others(client, server):
    keyed = EventHub(connection_string_primary_key=KEYED, dead_letter_secret=f"https://x/?sig={SECRET}")
    put(client, "to-hub", keyed).result()
    address = f"{server.connect['adt']['endpoint']}/subscriptions/s/resourceGroups/g/providers/Microsoft.DigitalTwins"
    read = requests.get(
        f"{address}/digitalTwinsInstances/{NAME}/endpoints/to-hub?api-version=2023-01-31",
        headers={"Authorization": "Bearer any"},
        verify=server.connect["adt"]["ca"],
        timeout=30,
    )
    assert read.status_code == 200
    assert SECRET not in read.text and "SharedAccessKey=***" in read.text
    assert stat.S_IMODE((server.data / "secrets.json").stat().st_mode) == 0o600
    assert any(SECRET in value for value in secrets(server).values())
    for file in server.data.rglob("*"):
        if file.is_file() and file.name != "secrets.json":
            assert SECRET.encode() not in file.read_bytes(), file


def test_what_was_shown_may_be_sent_back(client, server):
    keyed = EventHub(connection_string_primary_key=KEYED, connection_string_secondary_key=KEYED)
    put(client, "to-hub", keyed).result()
    shown = client.digital_twins_endpoint.get("g", NAME, "to-hub").properties
    shown.dead_letter_uri = "https://blobs.example/letters"
    assert put(client, "to-hub", shown).result().properties.dead_letter_uri == "https://blobs.example/letters"
    assert set(secrets(server).values()) == {KEYED}


NO_ENDPOINTS = [
    ("to-hub", EventHub(), "connectionStringPrimaryKey"),
    ("to-hub", EventHub(connection_string_primary_key="nothing"), "connectionStringPrimaryKey"),
    ("to-hub", EventHub(connection_string_primary_key=KEYED.split(";EntityPath")[0]), "EntityPath"),
    (
        "to-hub",
        EventHub(connection_string_primary_key=KEYED, connection_string_secondary_key=KEYED + "2"),
        "different EntityPaths",
    ),
    ("to-hub", EventHub(authentication_type="IdentityBased", endpoint_uri="sb://x/"), "entityPath"),
    ("to-hub", EventHub(authentication_type="IdentityBased", endpoint_uri="x", entity_path="y"), "address"),
    ("to-grid", EventGrid(access_key1="one", topic_endpoint=None), "TopicEndpoint"),
    ("to-grid", EventGrid(authentication_type="IdentityBased", topic_endpoint="https://x/", access_key1="k"), "keys"),
    ("to-bus", ServiceBus(primary_connection_string=KEYED, dead_letter_uri="nothing"), "address"),
    ("no_name", EventHub(connection_string_primary_key=KEYED), "name"),
    ("12345", EventHub(connection_string_primary_key=KEYED), "name"),
]


def test_what_cannot_be_an_endpoint_is_refused_with_a_sentence(client, server):
    for name, properties, words in NO_ENDPOINTS:
        with pytest.raises(HttpResponseError) as refused:
            put(client, name, properties)
        assert refused.value.status_code == 400
        assert words in refused.value.error.message and SECRET not in refused.value.error.message
    assert names(client) == [] and secrets(server) == {}


def test_an_instance_has_so_many_endpoints(client):
    pollers = [put(client, f"hub-{number}", EventHub(connection_string_primary_key=KEYED)) for number in range(6)]
    for poller in pollers:
        poller.result()
    with pytest.raises(HttpResponseError) as refused:
        put(client, "one-more", EventHub(connection_string_primary_key=KEYED))
    assert "at most 6" in refused.value.error.message


def test_an_endpoint_that_cannot_be_set_to_work_has_failed_and_nothing_of_it_is_left(client, server):
    put(client, "to-hub", EventHub(connection_string_primary_key=KEYED)).result()
    before, kept = client.digital_twins_endpoint.get("g", NAME, "to-hub"), secrets(server)
    twins = server.client()
    # Others are told where everything is by a file that can no longer be written.
    connect = server.data / "connect.json"
    text = connect.read_text()
    connect.unlink()
    connect.mkdir()
    other = EventHub(connection_string_primary_key=KEYED.replace("changes", "other"))
    for begin in (
        lambda: put(client, "one-more", EventHub(connection_string_primary_key=KEYED)),
        lambda: put(client, "to-hub", other),
        lambda: client.digital_twins_endpoint.begin_delete("g", NAME, "to-hub"),
    ):
        with pytest.raises(HttpResponseError) as failed:
            begin().result()
        assert "all is as it was before" in str(failed.value) and "connect.json" in str(failed.value)
        assert SECRET not in str(failed.value)
    failed = client.digital_twins_endpoint.get("g", NAME, "one-more").properties
    assert failed.provisioning_state == "Failed"
    with pytest.raises(HttpResponseError):
        twins.upsert_event_route("nowhere", DigitalTwinsEventRoute(endpoint_name="one-more", filter="true"))
    twins.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name="to-hub", filter="true"))
    assert secrets(server) == kept
    connect.rmdir()
    connect.write_text(text)
    assert put(client, "one-more", EventHub(connection_string_primary_key=KEYED)).result().name == "one-more"
    client.digital_twins_endpoint.begin_delete("g", NAME, "one-more").result()
    again = put(client, "to-hub", client.digital_twins_endpoint.get("g", NAME, "to-hub").properties).result()
    assert again.properties.created_time == before.properties.created_time
    assert again.properties.connection_string_primary_key == before.properties.connection_string_primary_key


def test_endpoints_of_the_workspace_are_there_and_may_be_changed_until_the_file_says_else(serve, tmp_path):
    workspace = tmp_path / NAME
    workspace.mkdir()
    topology = workspace / "topology.json"
    topology.write_text(json.dumps({"endpoints": {"grid": {"kind": "eventGrid"}, "hub": {"kind": "eventHub"}}}))
    server = serve("--workspace", workspace)
    with management(server) as client:
        assert names(client) == ["grid", "hub"]
        assert client.digital_twins_endpoint.get("g", NAME, "hub").properties.connection_string_primary_key
        client.digital_twins_endpoint.begin_delete("g", NAME, "grid").result()
        put(client, "hub", ServiceBus(primary_connection_string=KEYED)).result()
        assert names(client) == ["hub"]
        topology.write_text(json.dumps({"endpoints": {"hub": {"kind": "eventHub", "entity": "other"}}}))
        eventually(
            lambda: client.digital_twins_endpoint.get("g", NAME, "hub").properties.endpoint_type == "EventHub"
        )
        assert names(client) == ["hub"]


def test_events_reach_an_endpoint_that_was_made_and_no_more_when_it_is_deleted(server, client):
    hub = server.connect["eventHubs"]["changes"]
    put(client, "to-hub", EventHub(connection_string_primary_key=hub)).result()
    twins = server.client()
    with pytest.raises(HttpResponseError):
        twins.upsert_event_route("nowhere", DigitalTwinsEventRoute(endpoint_name="never-made", filter="true"))
    twins.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name="to-hub", filter="true"))
    twins.create_models([{"@id": "dtmi:x:A;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3"}])
    twins.upsert_digital_twin("a", {"$metadata": {"$model": "dtmi:x:A;1"}})
    assert received(hub, 1) == ["Microsoft.DigitalTwins.Twin.Create"]
    client.digital_twins_endpoint.begin_delete("g", NAME, "to-hub").result()
    twins.upsert_digital_twin("b", {"$metadata": {"$model": "dtmi:x:A;1"}})
    # One made anew begins with what happens from now on.
    put(client, "to-hub", EventHub(connection_string_primary_key=hub)).result()
    twins.delete_digital_twin("b")
    assert received(hub, 3) == ["Microsoft.DigitalTwins.Twin.Create", "Microsoft.DigitalTwins.Twin.Delete"]


def received(hub, most):
    """The types of the first events of an event hub."""
    types = []
    consumer = EventHubConsumerClient.from_connection_string(hub, "$Default")

    def on_event(_, event):
        if event is not None:
            kind = event.properties[b"cloudEvents:type"]
            types.append(kind.decode() if isinstance(kind, bytes) else kind)
        # Also where a partition has had nothing for a while.
        if event is None or len(types) >= most:
            consumer.close()

    with consumer:
        consumer.receive(on_event, starting_position="-1", max_wait_time=8)
    return sorted(types)


def test_what_azure_has_and_this_does_not_is_said(client):
    assert list(client.time_series_database_connections.list("g", NAME)) == []
    assert client.private_endpoint_connections.list("g", NAME).value == []
    assert client.private_link_resources.list("g", NAME).value == []
    for read in (
        lambda: client.time_series_database_connections.get("g", NAME, "adx"),
        lambda: client.private_endpoint_connections.get("g", NAME, "pe"),
        lambda: client.private_link_resources.get("g", NAME, "api"),
    ):
        with pytest.raises(ResourceNotFoundError):
            read()
    with pytest.raises(HttpResponseError) as refused:
        client.time_series_database_connections.begin_create_or_update("g", NAME, "adx", TimeSeriesDatabaseConnection())
    assert refused.value.error.code == "NotSupported"
    assert "Microsoft.DigitalTwins/digitalTwinsInstances/endpoints/write" in [o.name for o in client.operations.list()]


def test_versions_are_checked(server):
    url = f"{server.connect['adt']['endpoint']}/subscriptions/s/providers/Microsoft.DigitalTwins/digitalTwinsInstances"
    for query, code in (
        ("", "MissingApiVersionParameter"),
        ("?api-version=", "MissingApiVersionParameter"),
        ("?api-version=1999-01-01", "InvalidApiVersionParameter"),
    ):
        headers = {"Authorization": "Bearer any"}
        answer = requests.get(url + query, headers=headers, verify=server.connect["adt"]["ca"], timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_the_token_is_demanded(serve):
    server = serve("--empty", "--token", "the-one")
    with management(server, "another") as client, pytest.raises(ClientAuthenticationError):
        list(client.digital_twins.list())
    with management(server, "the-one") as client:
        assert [instance.name for instance in client.digital_twins.list()] == ["twinscope"]


def test_secrets_are_set_listed_and_removed_on_the_command_line(server):
    def secret(*arguments, given=""):
        command = [BINARIES / "twinscope", "secret", *arguments, "--data", server.data]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=30)

    assert secret("set", "hub", given=KEYED + "\n").returncode == 0
    listed = secret("list")
    assert (listed.returncode, listed.stdout) == (0, "hub\n") and SECRET not in listed.stderr
    assert secrets(server) == {"hub": KEYED}
    assert secret("set", "no name", given="x").returncode == 1
    assert secret("set", "empty").returncode == 1
    assert secret("remove", "hub").returncode == 0
    gone = secret("remove", "hub")
    assert gone.returncode == 1 and "«hub»" in gone.stderr
