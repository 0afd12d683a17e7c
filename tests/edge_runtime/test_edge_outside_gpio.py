"""Pins: with a stand-in for what switches them, and with gpiozero's own mock pins where it is installed."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from outside_helpers import close, eventually, notice

from edge_runtime.decisions.decide import Outcome
from edge_runtime.errors import DeliveryError, MissingDependency, UsageError
from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.gpio import GpioConfig, GpioSink, gpiozero_pin
from edge_runtime.outside.policy import DeliveryPolicy


class Lamp:
    """What :class:`edge_runtime.outside.gpio.Pin` asks for."""

    def __init__(self, config: GpioConfig) -> None:
        self.said: list[str] = []
        self.lit = threading.Event()

    def on(self) -> None:
        self.said.append("on")
        self.lit.set()

    def off(self) -> None:
        self.said.append("off")

    def close(self) -> None:
        self.said.append("close")


def sink_of(**config: Any) -> tuple[GpioSink, Lamp]:
    lamps: list[Lamp] = []

    def make(config: GpioConfig) -> Lamp:
        lamps.append(Lamp(config))
        return lamps[0]

    return GpioSink(GpioConfig(pin=17, **config), make), lamps[0]


def test_each_notice_is_one_pulse() -> None:
    sink, lamp = sink_of(pulse_ms=1)
    sink.send(notice())
    sink.send(notice())
    sink.close()
    sink.close()
    assert lamp.said == ["on", "off", "on", "off", "off", "close"]
    with pytest.raises(DeliveryError, match="is closed"):
        sink.send(notice())
    assert lamp.said[-1] == "close"


def test_a_pulse_ends_when_the_program_does() -> None:
    sink, lamp = sink_of(pulse_ms=30_000)
    delivery = Delivery(sink, DeliveryPolicy())
    delivery.put(notice())
    assert lamp.lit.wait(30)
    close(delivery, 0.01)
    eventually(lambda: not delivery._thread.is_alive())
    assert lamp.said == ["on", "off", "close"]


def test_it_is_off_after_an_error() -> None:
    sink, lamp = sink_of(pulse_ms=1)

    def broken() -> None:
        lamp.said.append("broken")
        raise OSError(5, "Input/output error")

    lamp.on = broken  # type: ignore[method-assign]
    with pytest.raises(DeliveryError, match="cannot be switched: Input/output error"):
        sink.send(notice())
    assert lamp.said == ["broken", "off"]


@pytest.mark.parametrize("wrong", [{"pin": 28}, {"pin": -1}, {"pin": 4, "pulse_ms": 0}, {"pin": 4, "pulse_ms": 30_001}])
def test_what_is_no_pin_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        GpioConfig(**wrong)


def test_without_gpiozero_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "gpiozero":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match=r"siamlite\[gpio\]"):
        gpiozero_pin(GpioConfig(pin=17))


@pytest.fixture
def mock_pin() -> Iterator[Callable[[int], Any]]:
    gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")
    from gpiozero.pins.mock import MockFactory

    before = gpiozero.Device.pin_factory
    factory = gpiozero.Device.pin_factory = MockFactory()
    yield factory.pin
    factory.reset()
    gpiozero.Device.pin_factory = before


@pytest.mark.parametrize("active_low", [False, True])
def test_gpiozeros_pin_is_off_but_for_the_pulse(mock_pin: Callable[[int], Any], active_low: bool) -> None:
    sink = GpioSink(GpioConfig(pin=17, pulse_ms=20, active_low=active_low))
    pin = mock_pin(17)
    assert (pin.function, bool(pin.state)) == ("output", active_low)
    pin.clear_states()
    sink.send(notice())
    assert [bool(state.state) for state in pin.states] == [active_low, not active_low, active_low]
    sink.close()
    assert pin.function == "input"


def test_gpiozeros_pin_is_off_after_closing_in_a_pulse(mock_pin: Callable[[int], Any]) -> None:
    sink = GpioSink(GpioConfig(pin=4, pulse_ms=30_000))
    pin = mock_pin(4)
    delivery = Delivery(sink, DeliveryPolicy())
    delivery.put(notice("ben", Outcome.ACCEPTED))
    eventually(lambda: pin.state)
    pin.clear_states()
    close(delivery, 0.01)
    assert [bool(state.state) for state in pin.states] == [True, False]


def test_a_pin_that_is_taken_is_one_error(mock_pin: Callable[[int], Any]) -> None:
    sink = GpioSink(GpioConfig(pin=4))
    with pytest.raises(DeliveryError, match="GPIO4 cannot be had"):
        GpioSink(GpioConfig(pin=4))
    sink.close()
