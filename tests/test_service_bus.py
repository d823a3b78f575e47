"""Service Bus with the official client for Python, unchanged, against `twinscope serve`."""

import asyncio
import datetime
import json
import time

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
    TransportType,
)
from azure.servicebus.aio import ServiceBusClient as AsyncClient
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusError,
)
from twinscope.programs import eventually

ENTITIES = {
    "queues": {
        "orders": {"maxDeliveryCount": 3},
        "quick": {"lockSeconds": 1, "maxDeliveryCount": 2},
        "once": {"duplicateSeconds": 600},
        "rooms": {"requiresSession": True},
        "short": {"deadLetterExpired": True},
    },
    "topics": {
        "twins": {
            "subscriptions": {
                "all": {},
                "warm": {"rules": {"warm": {"sql": "temperature > 25 AND sys.Label LIKE 'thermo%'"}}},
                "room": {"rules": {"room": {"correlation": {"properties": {"room": "Room_11"}}}}},
            }
        },
        "single": {"duplicateSeconds": 600, "subscriptions": {"one": {}, "other": {}}},
    },
}


@pytest.fixture
def start(serve, tmp_path):
    """Serves the entities; a client of them."""
    clients = []

    def start(*arguments):
        file = tmp_path / "entities.json"
        file.write_text(json.dumps(ENTITIES))
        server = serve("--empty", "--entities", str(file), *arguments)
        connection = server.connect["serviceBus"]["orders"].replace("EntityPath=orders;", "")
        client = ServiceBusClient.from_connection_string(connection, retry_total=0)
        clients.append(client)
        client.server, client.string = server, connection
        return client

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def bus(start):
    return start()


def send(bus, queue, *messages, topic=None):
    sender = bus.get_topic_sender(topic) if topic else bus.get_queue_sender(queue)
    with sender:
        sender.send_messages([m if isinstance(m, ServiceBusMessage) else ServiceBusMessage(m) for m in messages])


def receive(receiver, count, wait=5):
    got = []
    end = time.monotonic() + wait
    while len(got) < count and time.monotonic() < end:
        got += receiver.receive_messages(count - len(got), max_wait_time=1)
    return got


def bodies(messages):
    return [str(message) for message in messages]


def drain(bus, queue, **options):
    with bus.get_queue_receiver(queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE, **options) as receiver:
        return receive(receiver, 100, 2)


def test_each_settlement(bus):
    with bus.get_queue_receiver("orders") as receiver:
        send(bus, "orders", ServiceBusMessage("one", application_properties={"room": "R"}, subject="s", correlation_id="c"), "two", "three", "four")
        one, two, three, four = receive(receiver, 4)
        assert bodies([one, two, three, four]) == ["one", "two", "three", "four"]
        assert one.application_properties == {b"room": b"R"} and one.subject == "s" and one.correlation_id == "c"
        assert [one.sequence_number, two.sequence_number] == [1, 2] and one.delivery_count == 0
        assert one.locked_until_utc > datetime.datetime.now(datetime.timezone.utc)
        receiver.complete_message(one)
        receiver.abandon_message(two)
        receiver.defer_message(three)
        receiver.dead_letter_message(four, reason="no good", error_description="it is four")
        (again,) = receive(receiver, 1)
        assert (str(again), again.delivery_count) == ("two", 1)
        receiver.complete_message(again)
        assert receiver.receive_messages(1, max_wait_time=1) == []
        (deferred,) = receiver.receive_deferred_messages([three.sequence_number])
        assert str(deferred) == "three"
        receiver.complete_message(deferred)
    with bus.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
        (letter,) = receive(dead, 1)
        assert str(letter) == "four"
        assert (letter.dead_letter_reason, letter.dead_letter_error_description) == ("no good", "it is four")
        assert letter.dead_letter_source == "orders"
        dead.complete_message(letter)
    assert drain(bus, "orders") == []


def test_locks_expire_are_renewed_and_lost(bus):
    send(bus, "quick", "held")
    with bus.get_queue_receiver("quick") as receiver:
        (first,) = receive(receiver, 1)
        receiver.renew_message_lock(first)
        time.sleep(2.0)
        with pytest.raises(MessageLockLostError):
            receiver.complete_message(first)
        (second,) = receive(receiver, 1)
        assert (str(second), second.delivery_count) == ("held", 1)
        time.sleep(1.5)
    # Twice it was not settled in time, which is the most here.
    with bus.get_queue_receiver("quick", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
        (letter,) = receive(dead, 1)
    assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"


def test_a_lock_ends_with_its_message(bus):
    send(bus, "quick", "deleted", "deferred")
    with bus.get_queue_receiver("quick", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        assert bodies(receive(receiver, 1)) == ["deleted"]
    with bus.get_queue_receiver("quick") as receiver:
        [message] = receive(receiver, 1)
        receiver.defer_message(message)
        number = message.sequence_number
        [again] = receiver.receive_deferred_messages([number, number])
        receiver.complete_message(again)
    # Longer than locks last here: whoever looks for ended ones must find none of these.
    time.sleep(1.5)
    send(bus, "quick", "next")
    assert bodies(drain(bus, "quick")) == ["next"]


def test_subscriptions_take_what_their_rules_match(bus):
    def event(body, temperature, room, subject="thermostat"):
        return ServiceBusMessage(body, subject=subject, application_properties={"temperature": temperature, "room": room})

    send(bus, None, event("cold", 19.5, "Room_11"), event("warm", 26.5, "Room_12"), event("other", 30, "x", "boiler"), topic="twins")
    for subscription, expected in [("all", ["cold", "warm", "other"]), ("warm", ["warm"]), ("room", ["cold"])]:
        with bus.get_subscription_receiver("twins", subscription) as receiver:
            got = receive(receiver, len(expected))
            assert bodies(got) == expected
            for message in got:
                receiver.complete_message(message)
            assert receiver.receive_messages(1, max_wait_time=0.5) == []


def test_scheduled_messages_come_when_they_are_due(bus):
    def soon(seconds):
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)

    with bus.get_queue_sender("orders") as sender, bus.get_queue_receiver("orders") as receiver:
        due = soon(2)
        (number,) = sender.schedule_messages(ServiceBusMessage("later"), due)
        (never,) = sender.schedule_messages(ServiceBusMessage("never"), soon(2))
        sender.cancel_scheduled_messages(never)
        assert receiver.receive_messages(1, max_wait_time=0.5) == []
        (message,) = receive(receiver, 1)
        assert (str(message), message.sequence_number) == ("later", number)
        assert datetime.datetime.now(datetime.timezone.utc) >= due
        receiver.complete_message(message)
        assert receiver.receive_messages(1, max_wait_time=1) == []


def test_peeking_takes_nothing(bus):
    send(bus, "orders", "one", "two", "three")
    with bus.get_queue_receiver("orders") as receiver:
        assert bodies(receiver.peek_messages(2)) == ["one", "two"]
        assert bodies(receiver.peek_messages(5)) == ["three"]
        assert bodies(receiver.peek_messages(5, sequence_number=2)) == ["two", "three"]
    assert bodies(drain(bus, "orders")) == ["one", "two", "three"]
    with bus.get_queue_receiver("orders") as receiver:
        assert receiver.peek_messages(1) == []


def test_sessions_keep_their_order_and_their_holder(bus):
    messages = [ServiceBusMessage(f"{room}-{n}", session_id=room) for n in range(3) for room in ("a", "b")]
    send(bus, "rooms", *messages)
    with bus.get_queue_receiver("rooms", session_id="b") as receiver:
        got = receive(receiver, 3)
        assert bodies(got) == ["b-0", "b-1", "b-2"]
        receiver.session.set_state("half way")
        assert receiver.session.get_state() == b"half way"
        assert receiver.session.renew_lock() > datetime.datetime.now(datetime.timezone.utc)
        with pytest.raises(ServiceBusError, match="cannot be accepted"):
            with bus.get_queue_receiver("rooms", session_id="b") as other:
                other.receive_messages(1, max_wait_time=1)
        receiver.complete_message(got[0])
    with bus.get_queue_receiver("rooms", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5) as receiver:
        assert receiver.session.session_id == "a"
        for message in receive(receiver, 3):
            receiver.complete_message(message)
    with bus.get_queue_receiver("rooms", session_id="b") as receiver:
        assert bodies(receive(receiver, 2)) == ["b-1", "b-2"]
        assert receiver.session.get_state() == b"half way"
    with pytest.raises(ServiceBusError, match="SessionId"):
        send(bus, "rooms", "without a session")
    with pytest.raises(OperationTimeoutError):
        with bus.get_queue_receiver("rooms", session_id="c") as taken:
            taken.session.get_state()
            with bus.get_queue_receiver("rooms", session_id="b") as other:
                other.session.get_state()
                with bus.get_queue_receiver("rooms", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1):
                    pass


def test_duplicates_and_times_to_live(bus):
    send(bus, "once", ServiceBusMessage("first", message_id="same"), ServiceBusMessage("again", message_id="same"))
    send(bus, "once", ServiceBusMessage("third", message_id="same"), ServiceBusMessage("other", message_id="other"))
    assert bodies(drain(bus, "once")) == ["first", "other"]
    send(bus, "short", ServiceBusMessage("gone", time_to_live=datetime.timedelta(milliseconds=300)))
    time.sleep(1)
    assert drain(bus, "short") == []
    (letter,) = drain(bus, "short", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    assert (str(letter), letter.dead_letter_reason) == ("gone", "TTLExpiredException")


def test_what_was_settled_stays_settled_after_a_kill(start):
    bus = start()
    send(bus, "orders", "completed", "deferred", "locked", "dead", "untouched")
    with bus.get_queue_receiver("orders") as receiver:
        completed, deferred, _locked, dead = receive(receiver, 4)
        receiver.complete_message(completed)
        receiver.defer_message(deferred)
        receiver.dead_letter_message(dead, reason="r")
        bus.server.kill()
    bus = start()
    assert bodies(drain(bus, "orders")) == ["locked", "untouched"]
    with bus.get_queue_receiver("orders") as receiver:
        (again,) = receiver.receive_deferred_messages([deferred.sequence_number])
        assert str(again) == "deferred"
    assert bodies(drain(bus, "orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER)) == ["dead"]


def test_an_entity_that_is_not_there(bus):
    with pytest.raises(ServiceBusError, match="could not be found"), bus.get_queue_sender("nothing") as sender:
        sender.send_messages(ServiceBusMessage("x"))
    with pytest.raises(ServiceBusError, match="could not be found"), bus.get_subscription_receiver("twins", "none") as receiver:
        receiver.receive_messages(1, max_wait_time=1)


def test_many_messages_go_through_in_order(bus):
    expected = [f"m{n}" for n in range(500)]
    with bus.get_queue_sender("orders") as sender:
        sender.send_messages([ServiceBusMessage(body) for body in expected])

    def arrived():
        got.extend(receiver.receive_messages(100, max_wait_time=1))
        return len(got) >= len(expected)

    got = []
    with bus.get_queue_receiver("orders") as receiver:
        eventually(arrived)
        for message in got:
            receiver.complete_message(message)
    assert bodies(got) == expected
    assert drain(bus, "orders") == []


@pytest.mark.parametrize("transport", TransportType)
def test_tls_and_websockets_share_the_port(bus, transport):
    secure = bus.string.replace(";UseDevelopmentEmulator=true", "").replace("UseDevelopmentEmulator=true", "")
    endpoint = secure.split(";")[0].removeprefix("Endpoint=")
    options = {"transport_type": transport, "connection_verify": bus.server.connect["adt"]["ca"], "custom_endpoint_address": endpoint}
    large = "x" * 300_000
    with ServiceBusClient.from_connection_string(secure, **options) as client:
        send(client, "orders", "small", large)
        with client.get_queue_receiver("orders") as receiver:
            got = receive(receiver, 2)
            assert bodies(got) == ["small", large]
            for message in got:
                receiver.complete_message(message)
    assert drain(bus, "orders") == []


def test_the_asyncio_client_sends_receives_and_settles(bus):
    async def run():
        async with AsyncClient.from_connection_string(bus.string) as client:
            async with client.get_queue_sender("orders") as sender:
                await sender.send_messages([ServiceBusMessage("one"), ServiceBusMessage("two")])
            async with client.get_queue_receiver("orders") as receiver:
                one, two = await receiver.receive_messages(2, max_wait_time=5)
                await receiver.complete_message(one)
                await receiver.dead_letter_message(two, reason="r")
                return str(one), str(two)

    assert asyncio.run(run()) == ("one", "two")
    assert bodies(drain(bus, "orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER)) == ["two"]


def test_a_lock_is_renewed_by_itself(bus):
    send(bus, "quick", "held")
    with AutoLockRenewer() as renewer, bus.get_queue_receiver("quick") as receiver:
        (message,) = receive(receiver, 1)
        renewer.register(receiver, message, max_lock_renewal_duration=10)
        time.sleep(2.5)
        receiver.complete_message(message)
    assert drain(bus, "quick") == []


def test_a_topic_detects_duplicates_for_all_its_subscriptions(bus):
    def message(body, message_id):
        return ServiceBusMessage(body, message_id=message_id)

    send(bus, None, message("first", "a"), message("again", "a"), topic="single")
    send(bus, None, message("third", "a"), message("other", "b"), topic="single")
    for subscription in ("one", "other"):
        with bus.get_subscription_receiver("single", subscription, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
            assert bodies(receive(receiver, 10, 2)) == ["first", "other"]


def test_a_wrong_key_and_too_much_are_refused(bus):
    wrong = bus.string.replace("SharedAccessKey=", "SharedAccessKey=x", 1)
    with ServiceBusClient.from_connection_string(wrong, retry_total=0) as client, pytest.raises(ServiceBusAuthenticationError):
        send(client, "orders", "x")
    with bus.get_queue_sender("orders") as sender:
        batch = sender.create_message_batch()
        with pytest.raises(MessageSizeExceededError):
            batch.add_message(ServiceBusMessage("x" * 1_100_000))
        with pytest.raises(ServiceBusError):
            sender.send_messages(ServiceBusMessage("x" * 1_100_000))
    send(bus, "orders", "it still works")
    assert bodies(drain(bus, "orders")) == ["it still works"]
