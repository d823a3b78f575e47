"""`twinscope serve` is stopped in order, and started again on its port, while official clients send, receive and settle.

Nothing that was accepted is lost or there twice, nothing that was completed comes back, and clients go on by themselves.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusConnectionError
from test_javascript_messaging import JAVASCRIPT
from twinscope.programs import eventually, free_port

ENTITIES = ("--empty", "--event-hub", "telemetry:1", "--queue", "orders")
# They try again for as long as the server takes to come back.
PATIENT = {"retry_total": 20, "retry_backoff_factor": 0.2, "retry_backoff_max": 1}


def receive(receiver):
    """A few messages. Once its second is over, the client tells of a lost connection; asked anew it makes another."""
    try:
        return receiver.receive_messages(max_message_count=5, max_wait_time=1)
    except (ServiceBusConnectionError, OperationTimeoutError):
        return []


class Work:
    """Clients that work over a stop and a start, and what they were told."""

    def __init__(self, server):
        hub, bus = server.connect["eventHubs"]["telemetry"], server.connect["serviceBus"]["orders"].replace("EntityPath=orders;", "")
        self.hub, self.bus = hub, bus
        self.sent, self.read = [], []
        self.orders, self.completed, self.doubtful = [], [], []
        self.failures, self.done = [], False
        self.reader = EventHubConsumerClient.from_connection_string(hub, "$Default", **PATIENT)
        work = [self.send_events, self.read_events, self.send_orders, self.complete_orders]
        self.threads = [threading.Thread(target=self.run, args=(each,), daemon=True) for each in work]
        for thread in self.threads:
            thread.start()

    def run(self, work):
        try:
            work()
        except Exception as error:  # Told by the test, which waits in another thread.
            self.failures.append((work.__name__, error))

    def send_events(self):
        with EventHubProducerClient.from_connection_string(self.hub, **PATIENT) as client:
            while not self.done:
                client.send_event(EventData(str(len(self.sent))), partition_id="0")
                self.sent.append(len(self.sent))

    def read_events(self):
        def on_event(_, event):
            self.read.append(int(event.body_as_str()))

        self.reader.receive(on_event, partition_id="0", starting_position="-1", on_error=lambda _, e: self.failures.append(("reader", e)))

    def send_orders(self):
        with ServiceBusClient.from_connection_string(self.bus, **PATIENT) as client, client.get_queue_sender("orders") as sender:
            while not self.done:
                sender.send_messages(ServiceBusMessage(str(len(self.orders))))
                self.orders.append(len(self.orders))

    def complete_orders(self):
        with ServiceBusClient.from_connection_string(self.bus, **PATIENT) as client, client.get_queue_receiver("orders") as receiver:
            while not self.done:
                for message in receive(receiver):
                    number = int(str(message))
                    assert number not in self.completed, f"{number} was completed and came back"
                    try:
                        receiver.complete_message(message)
                        self.completed.append(number)
                    except Exception:  # Its lock went with the server; it may have been completed before.
                        self.doubtful.append(number)

    def goes_on(self):
        """All four have done something since now."""
        lists = (self.sent, self.read, self.orders, self.completed)
        before = [len(each) for each in lists]

        def moved():
            assert not self.failures, self.failures
            return all(len(each) > count + 5 for each, count in zip(lists, before))

        eventually(moved, 40)

    def end(self):
        self.done = True
        eventually(lambda: self.failures or len(self.read) >= len(self.sent))
        self.reader.close()
        for thread in self.threads:
            thread.join(30)
        assert not self.failures, self.failures


def left(work):
    mode = {"receive_mode": ServiceBusReceiveMode.RECEIVE_AND_DELETE}
    found = []
    with ServiceBusClient.from_connection_string(work.bus) as client, client.get_queue_receiver("orders", **mode) as receiver:
        while messages := receiver.receive_messages(max_message_count=500, max_wait_time=0.5):
            found += [int(str(message)) for message in messages]
    return found


def test_clients_work_on_over_a_stop_and_a_start(serve):
    ports = ("--amqp-port", str(free_port()))
    server = serve(*ENTITIES, *ports)
    work = Work(server)
    for end in (signal.SIGTERM, signal.SIGINT):
        work.goes_on()
        server.process.send_signal(end)
        begun = time.monotonic()
        assert server.process.wait(10) == 0
        print(f"{end.name}: ended after {time.monotonic() - begun:.2f} s")
        server = serve(*ENTITIES, *ports)
    work.goes_on()
    work.end()
    # What was read before the stop was answered, and what was not read was sent again: once each.
    assert work.read == work.sent
    completed, rest = set(work.completed), left(work)
    print(f"{len(work.sent)} events, {len(work.orders)} orders, {len(work.doubtful)} of them doubtful")
    assert len(rest) == len(set(rest)) and not completed & set(rest)
    missing = set(work.orders) - completed - set(rest)
    assert missing <= set(work.doubtful), f"lost: {sorted(missing)}"


class AtWork:
    """The clients for JavaScript at work, in a process of their own."""

    def __init__(self, server):
        connect = server.connect
        strings = {"TWINSCOPE_EVENT_HUB": connect["eventHubs"]["telemetry"], "TWINSCOPE_SERVICE_BUS": connect["serviceBus"]["orders"]}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([shutil.which("node"), "at-work.mjs"], cwd=JAVASCRIPT, env={**os.environ, **strings}, **pipes)
        self.said = {"events": 0, "read": 0, "orders": 0, "handled": 0}
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        for line in self.process.stdout:
            self.said = json.loads(line)

    def goes_on(self):
        before = self.said

        def moved():
            assert self.process.poll() is None, "the clients gave up"
            return all(self.said[name] > before[name] + 5 for name in ("events", "read", "orders", "handled"))

        try:
            eventually(moved, 40)
        except AssertionError as error:
            raise AssertionError(f"{before} became {self.said}") from error

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.thread.join(5)
        return self.said


def test_clients_for_javascript_work_on_over_a_stop_and_a_start(serve):
    ports = ("--amqp-port", str(free_port()))
    server = serve(*ENTITIES, *ports)
    work = AtWork(server)
    try:
        work.goes_on()
        server.process.terminate()
        assert server.process.wait(10) == 0
        serve(*ENTITIES, *ports)
        work.goes_on()
        said = work.end()
    finally:
        work.process.kill()
    print(f"{said['events']} events, {said['orders']} orders, {said['errors']}")
    assert said["read"] == list(range(said["events"]))
    assert set(said["handled"]) == set(range(said["orders"]))


def test_a_low_limit_of_open_files_is_raised(serve):
    """Each client is an open file: a shell's usual limit must not be that of clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1_000:
        pytest.skip(f"the hard limit is {hard} here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        server = serve(*ENTITIES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    address = server.connect["eventHubs"]["telemetry"].split(";")[0].removeprefix("Endpoint=sb://").strip("/").split(":")
    header = b"AMQP\x00\x01\x00\x00"
    clients = [socket.create_connection((address[0], int(address[1])), timeout=10) for _ in range(300)]
    for client in clients:
        client.sendall(header)
    assert all(client.recv(8) == header for client in clients)
    for client in clients:
        client.close()
