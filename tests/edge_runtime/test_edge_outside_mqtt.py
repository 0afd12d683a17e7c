"""MQTT, with a real Mosquitto: killed, started again, with TLS, with passwords."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edge_helpers import ROOT
from outside_helpers import close, decision, eventually, notice

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")
from mqtt_helpers import PASSWORD, USER, Broker, Listener, broker_of, listening
from tls_helpers import Authority

from edge_runtime.decisions.decide import Outcome
from edge_runtime.errors import DeliveryError, UsageError
from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.mqtt import MqttConfig, MqttSink
from edge_runtime.outside.notice import OUTCOMES, of_camera
from edge_runtime.outside.outbox import Outbox
from edge_runtime.outside.policy import DeliveryPolicy

FAST = DeliveryPolicy(retry_first_s=0.02, retry_max_s=0.2)
TOPIC = "house/front-door"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_of(tmp_path) as made:
        yield made


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    with listening(broker) as made:
        yield made


def config(broker: Broker, **more: Any) -> MqttConfig:
    return MqttConfig(
        **{"host": "127.0.0.1", "port": broker.port, "tls": False, "topic": TOPIC, "timeout_s": 5, **more}
    )


def secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_decisions_and_the_camera_are_published(broker: Broker, listener: Listener) -> None:
    sink = MqttSink(config(broker))
    one, two = notice("Zoë"), of_camera("camera 0 lost: it was pulled out")
    sink.send(one)
    sink.send(two)
    eventually(lambda: listener.on(f"{TOPIC}/camera"))
    assert [json.loads(body) for body in listener.on(f"{TOPIC}/event")] == [one.values]
    assert [json.loads(body) for body in listener.on(f"{TOPIC}/camera")] == [two.values]
    assert listener.on(f"{TOPIC}/availability") == [b"online"]
    sink.close()
    eventually(lambda: listener.on(f"{TOPIC}/availability") == [b"online", b"offline"])
    # What comes too late does not bring the device back.
    with pytest.raises(DeliveryError, match="is closed"):
        sink.send(notice())
    assert listener.on(f"{TOPIC}/availability") == [b"online", b"offline"]


def test_who_comes_later_is_told_of_the_device_but_of_no_old_decision(broker: Broker) -> None:
    sink = MqttSink(config(broker, device="Front door"))
    sink.send(notice())
    with listening(broker) as late:
        eventually(lambda: late.on(f"{TOPIC}/availability"))
        assert all(retained for _, _, retained in late.got)
        topics = {topic: json.loads(body) for topic, body, _ in late.got if topic.startswith("homeassistant/")}
        node = "siamlite_house_front_door"
        assert set(topics) == {
            f"homeassistant/event/{node}/visit/config",
            f"homeassistant/sensor/{node}/last/config",
            f"homeassistant/sensor/{node}/camera/config",
        }
        for entity in topics.values():
            assert entity["availability_topic"] == f"{TOPIC}/availability"
            assert (entity["payload_available"], entity["payload_not_available"]) == ("online", "offline")
            assert entity["device"]["identifiers"] == [node]
            assert entity["device"]["name"] == "Front door"
        assert len({entity["unique_id"] for entity in topics.values()}) == 3
        visit = topics[f"homeassistant/event/{node}/visit/config"]
        assert visit["event_types"] == list(OUTCOMES)
        assert visit["state_topic"] == f"{TOPIC}/event"
        assert late.on(f"{TOPIC}/event") == []
    sink.close()


def test_without_discovery_nothing_is_said_to_home_assistant(broker: Broker, listener: Listener) -> None:
    sink = MqttSink(config(broker, discovery=""))
    sink.send(notice())
    eventually(lambda: listener.on(f"{TOPIC}/event"))
    assert {topic for topic, _, _ in listener.got} == {f"{TOPIC}/event", f"{TOPIC}/availability"}
    sink.close()


def test_a_broker_that_is_killed_and_started_again_gets_everything(broker: Broker) -> None:
    """Ten times; nobody waits, nothing is lost, and the order stays."""
    delivery = Delivery(MqttSink(config(broker)), FAST, keep_s=0.02)
    outbox, names, arrived = Outbox([delivery]), [], []
    for life in range(10):
        for number in range(3):
            names.append(f"{life}-{number}")
            outbox.decision(decision(Outcome.ACCEPTED, names[-1]).to_dict())
        broker.kill()
        outbox.decision(decision(Outcome.ACCEPTED, f"{life}-dead").to_dict())
        names.append(f"{life}-dead")
        broker.start()
        with listening(broker) as listener:
            eventually(lambda: delivery.delivered == len(names))
            eventually(lambda listener=listener: b"online" in listener.on(f"{TOPIC}/availability"))
            arrived += [json.loads(body)["person"] for body in listener.on(f"{TOPIC}/event")]
    outbox.close()
    assert (delivery.delivered, delivery.dropped) == (40, 0)
    # Confirmed notices may have gone before anybody listened again; what was seen is in order, and nothing else.
    first_seen = list(dict.fromkeys(arrived))
    assert first_seen == [name for name in names if name in set(arrived)]
    assert len(first_seen) >= 10


def test_a_broker_that_comes_later_is_found(tmp_path: Path) -> None:
    with broker_of(tmp_path) as broker:
        broker.kill()
        delivery = Delivery(MqttSink(config(broker)), FAST, keep_s=0.02)
        delivery.put(notice("early"))
        eventually(lambda: delivery._failing)
        broker.start()
        eventually(lambda: delivery.delivered == 1)
        close(delivery, 5)


def test_the_device_is_back_without_a_decision(broker: Broker) -> None:
    delivery = Delivery(MqttSink(config(broker)), FAST, keep_s=0.02)
    for _ in range(2):
        with listening(broker) as listener:
            eventually(lambda listener=listener: listener.on(f"{TOPIC}/availability") == [b"online"])
        broker.kill()
        broker.start()
    close(delivery, 5)


KILLED = """
import sys, time
from edge_runtime.outside.mqtt import MqttConfig, MqttSink
sink = MqttSink(MqttConfig(host="127.0.0.1", port=int(sys.argv[1]), tls=False, topic=sys.argv[2]))
sink.keep()
print("up", flush=True)
time.sleep(1000)
"""


def test_the_last_will_says_that_a_killed_device_is_gone(broker: Broker, listener: Listener) -> None:
    device = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(broker.port), TOPIC], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert device.stdout is not None
    assert device.stdout.readline() == "up\n"
    eventually(lambda: listener.on(f"{TOPIC}/availability") == [b"online"])
    os.kill(device.pid, signal.SIGKILL)
    device.wait()
    device.stdout.close()
    eventually(lambda: listener.on(f"{TOPIC}/availability") == [b"online", b"offline"])
    with listening(broker) as late:
        eventually(lambda: late.on(f"{TOPIC}/availability") == [b"offline"])


# paho-mqtt leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    with broker_of(tmp_path, tls=True, password=True) as broker:
        assert broker.authority is not None
        password = secret(tmp_path / "password", f"{PASSWORD}\n")
        good = config(broker, tls=True, ca_file=broker.authority.file, user=USER, password_file=password)
        with listening(broker, password=PASSWORD) as listener:
            sink = MqttSink(good)
            sink.send(notice())
            eventually(lambda: listener.on(f"{TOPIC}/event"))
            sink.close()
        others = Authority(tmp_path, "others").file
        for wrong, said in (
            ({"ca_file": others}, "certificate verify failed"),
            ({"ca_file": None}, "certificate verify failed"),
            ({"host": "localhost"}, "certificate verify failed|not valid for"),
            ({"password_file": secret(tmp_path / "wrong", "wrong")}, "refuses: Not authorized"),
            ({"user": None, "password_file": None}, "refuses: Not authorized"),
            ({"tls": False, "ca_file": None}, "was not reached|does not answer"),
        ):
            values = {name: getattr(good, name) for name in ("ca_file", "user", "password_file", "tls")}
            sink = MqttSink(config(broker, **{**values, "timeout_s": 2, **wrong}))
            with pytest.raises(DeliveryError, match=said) as caught:
                sink.send(notice())
            assert not caught.value.final
            assert PASSWORD not in str(caught.value)
            sink.close()


def test_a_broker_that_never_answers_is_given_up() -> None:
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        thread = threading.Thread(target=lambda: held.append(silent.accept()[0]), daemon=True)
        thread.start()
        sink = MqttSink(MqttConfig(host="127.0.0.1", port=silent.getsockname()[1], tls=False, timeout_s=0.3))
        with pytest.raises(DeliveryError, match=r"does not answer within 0\.3 s"):
            sink.keep()
        sink.close()
        thread.join()
        for connection in held:
            connection.close()


def test_a_password_is_for_its_owner_alone(tmp_path: Path) -> None:
    password = secret(tmp_path / "password", "x")
    password.chmod(0o644)
    with pytest.raises(UsageError, match="may be read by others"):
        MqttSink(MqttConfig(host="b", user="u", password_file=password))
