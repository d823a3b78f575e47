"""`kill -9` while official clients send, receive and settle, and copies of the folder cut past what was acknowledged.

What was accepted is there after a restart, in order; what was completed does not come back. `make crash` runs many rounds.
"""

import os
import random
import shutil
import threading
import time

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode
from twinscope.programs import eventually

ROUNDS = int(os.environ.get("TWINSCOPE_CRASH_ROUNDS", "2"))
ENTITIES = ("--empty", "--event-hub", "telemetry:2", "--queue", "orders", "--entities")
SESSIONS = ("a", "b")
QUICK = {"retry_total": 0}


class Load:
    """Clients at work until their server dies, and what they were told until then."""

    def __init__(self, server, start):
        self.log = server.data / "journal.log-0"
        self.numbers = start
        self.log_bytes = 0
        self.lock = threading.Lock()
        self.accepted = {}
        self.settling, self.completed = set(), set()
        self.stopped = False
        connect = server.connect
        self.hub, self.orders, self.visits = connect["eventHubs"]["telemetry"], connect["serviceBus"]["orders"], connect["serviceBus"]["visits"]
        work = [lambda: self.send_events("0"), lambda: self.send_events("1"), self.send_orders, self.complete_orders, self.send_visits]
        self.threads = [threading.Thread(target=self.until_it_dies, args=(each,)) for each in work]
        for thread in self.threads:
            thread.start()

    def until_it_dies(self, work):
        try:
            work()
        except Exception:  # The server was killed: any error of the clients may come of that.
            if not self.stopped:
                time.sleep(0.5)
                assert self.stopped, "a client failed before the kill"

    def accept(self, where, numbers):
        # The log has at least what was acknowledged; what a later look finds may be cut away.
        length = self.log.stat().st_size
        with self.lock:
            self.log_bytes = max(self.log_bytes, length)
            self.accepted.setdefault(where, []).extend(numbers)

    def send_events(self, partition):
        with EventHubProducerClient.from_connection_string(self.hub, **QUICK) as client:
            number = self.numbers
            while not self.stopped:
                batch = client.create_batch(partition_id=partition)
                numbers = range(number, number + 5)
                for each in numbers:
                    batch.add(EventData(str(each)))
                client.send_batch(batch)
                self.accept(partition, numbers)
                number += 5

    def send_orders(self):
        with ServiceBusClient.from_connection_string(self.orders, **QUICK) as client, client.get_queue_sender("orders") as sender:
            number = self.numbers
            while not self.stopped:
                numbers = range(number, number + 4)
                sender.send_messages([ServiceBusMessage(str(each)) for each in numbers])
                self.accept("orders", numbers)
                number += 4

    def complete_orders(self):
        with ServiceBusClient.from_connection_string(self.orders, **QUICK) as client, client.get_queue_receiver("orders") as receiver:
            while not self.stopped:
                for message in receiver.receive_messages(max_message_count=10, max_wait_time=1):
                    number = int(str(message))
                    # One in three stays locked, and is there again after the restart.
                    if number % 3:
                        self.settling.add(number)
                        receiver.complete_message(message)
                        self.completed.add(number)
                        self.accept("completions", [number])

    def send_visits(self):
        with ServiceBusClient.from_connection_string(self.visits, **QUICK) as client, client.get_queue_sender("visits") as sender:
            number = self.numbers
            while not self.stopped:
                for session in SESSIONS:
                    sender.send_messages(ServiceBusMessage(str(number), session_id=session))
                    self.accept(session, [number])
                number += 1

    def kill(self, server):
        self.stopped = True
        server.kill()
        for thread in self.threads:
            thread.join(30)


def read_events(server, partition, first, least):
    """The numbers of all events from that sequence number on, of which there are at least so many."""
    events, counts = [], []
    client = EventHubConsumerClient.from_connection_string(server.connect["eventHubs"]["telemetry"], "$Default")
    last = client.get_partition_properties(partition)["last_enqueued_sequence_number"]
    if last < first:
        assert least == 0
        return []
    thread = threading.Thread(
        target=client.receive,
        args=(lambda _, event: (events.append(event), counts.append(event.sequence_number)),),
        kwargs={"partition_id": partition, "starting_position": first, "starting_position_inclusive": True},
    )
    thread.start()
    eventually(lambda: len(events) > last - first)
    client.close()
    thread.join(20)
    assert counts == list(range(first, last + 1)) and len(events) >= least
    return [int(event.body_as_str()) for event in events]


def drain(receiver):
    numbers = []
    while messages := receiver.receive_messages(max_message_count=500, max_wait_time=0.5):
        numbers += [int(str(message)) for message in messages]
    return numbers


def drained(server):
    """Numbers of the orders, and of the visits by session, all taken out."""
    delete = {"receive_mode": ServiceBusReceiveMode.RECEIVE_AND_DELETE}
    with ServiceBusClient.from_connection_string(server.connect["serviceBus"]["orders"]) as client:
        with client.get_queue_receiver("orders", **delete) as receiver:
            orders = drain(receiver)
    visits = {}
    with ServiceBusClient.from_connection_string(server.connect["serviceBus"]["visits"]) as client:
        for session in SESSIONS:
            with client.get_queue_receiver("visits", session_id=session, **delete) as receiver:
                visits[session] = drain(receiver)
    return orders, visits


def in_order(numbers):
    return all(one < other for one, other in zip(numbers, numbers[1:]))


def check(server, load, events_before):
    for partition in ("0", "1"):
        accepted = load.accepted.get(partition, [])
        there = read_events(server, partition, events_before[partition], len(accepted))
        # All that was accepted, and of the last batch all or nothing.
        assert there[: len(accepted)] == accepted and len(there) - len(accepted) in (0, 5)
    orders, visits = drained(server)
    assert in_order(orders), orders
    assert not load.completed & set(orders), "completed orders came back"
    missing = set(load.accepted.get("orders", [])) - load.settling - set(orders)
    assert not missing, f"accepted orders are lost: {sorted(missing)}"
    for session, there in visits.items():
        accepted = load.accepted.get(session, [])
        assert there[: len(accepted)] == accepted and len(there) - len(accepted) in (0, 1)


def cut_copy(server, load, to):
    """A copy of the dead server's folder whose log ends anywhere behind what was acknowledged."""
    end = load.log.stat().st_size
    assert 0 < load.log_bytes <= end
    shutil.copytree(server.data, to, ignore=shutil.ignore_patterns("connect.json"))
    os.truncate(to / load.log.name, random.randint(load.log_bytes, end))


@pytest.fixture
def entities(tmp_path):
    file = tmp_path / "entities.json"
    file.write_text('{"queues": {"visits": {"requiresSession": true}}}')
    return (*ENTITIES, file)


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_nothing_accepted_is_lost_and_nothing_completed_comes_back(serve, entities, tmp_path):
    totals = {"accepted": 0, "completed": 0}
    events_before = {"0": 0, "1": 0}
    for each in range(ROUNDS):
        server = serve(*entities)
        load = Load(server, 1_000_000 * (each + 1))
        time.sleep(random.uniform(0.8, 2.0))
        load.kill(server)
        # The log begins in this file with each start, and goes on in the other when it is full.
        if 0 < load.log_bytes <= load.log.stat().st_size:
            cut_copy(server, load, tmp_path / f"cut-{each}")
            cut = serve(*entities, data=f"cut-{each}")
            check(cut, load, events_before)
            cut.stop()
        server = serve(*entities)
        check(server, load, events_before)
        for partition in events_before:
            with EventHubConsumerClient.from_connection_string(server.connect["eventHubs"]["telemetry"], "$Default") as client:
                events_before[partition] = client.get_partition_properties(partition)["last_enqueued_sequence_number"] + 1
        server.stop()
        totals["accepted"] += sum(len(numbers) for numbers in load.accepted.values())
        totals["completed"] += len(load.completed)
    print(f"{ROUNDS} rounds: {totals['accepted']} accepted, {totals['completed']} of them completions")
    assert totals["accepted"] > 50 * ROUNDS and totals["completed"] > 0
