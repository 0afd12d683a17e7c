"""A pin that is switched on for a moment: a door strike, a relay, a lamp."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_runtime.errors import DeliveryError, MissingDependency
from edge_runtime.outside.notice import Notice
from edge_runtime.outside.policy import within


@dataclass(frozen=True, slots=True, kw_only=True)
class GpioConfig:
    """A pin.

    Attributes:
        pin: Its Broadcom number, as in GPIO17.
        pulse_ms: How long it is on for each notice.
        active_low: Whether "on" is the low level, as with most relay boards.
    """

    pin: int
    pulse_ms: int = 500
    active_low: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no pin."""
        within("pin", self.pin, 0, 27)
        within("pulse_ms", self.pulse_ms, 1, 30_000)


class Pin(Protocol):
    """A pin that can be switched."""

    def on(self) -> None:
        """Switch on."""

    def off(self) -> None:
        """Switch off."""

    def close(self) -> None:
        """Let go of it; it is off before."""


class GpioSink:
    """Pulses a pin. It is off whenever nothing is delivered, after an error and after the end."""

    def __init__(self, config: GpioConfig, open_pin: Callable[[GpioConfig], Pin] | None = None) -> None:
        """Open the pin, switched off.

        Args:
            config: Which pin, and for how long.
            open_pin: Opens it; :func:`gpiozero_pin` if None.

        Raises:
            MissingDependency: gpiozero is not installed.
            DeliveryError: The pin cannot be had.
        """
        self._config = config
        self._pin = (open_pin or gpiozero_pin)(config)
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"GPIO{self._config.pin}"

    def keep(self) -> None:
        """There is no connection."""

    def send(self, notice: Notice) -> None:
        """Switch on, wait, switch off.

        Raises:
            DeliveryError: The pin cannot be switched.
        """
        try:
            with self._lock:
                if self._ended.is_set():
                    raise DeliveryError("is closed.", final=True)
                self._pin.on()
            self._ended.wait(self._config.pulse_ms / 1000)
        except OSError as error:
            raise DeliveryError(f"cannot be switched: {error.strerror or error}.") from error
        finally:
            with self._lock:
                if not self._ended.is_set():
                    self._pin.off()

    def close(self) -> None:
        """Switch off, even in the middle of a pulse, and let go of the pin."""
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
            try:
                self._pin.off()
            finally:
                self._pin.close()


def gpiozero_pin(config: GpioConfig) -> Pin:
    """The pin, by gpiozero, switched off from the first moment on.

    gpiozero switches off and lets go of its pins at the end of the process by itself as well.

    Raises:
        MissingDependency: gpiozero is not installed.
        DeliveryError: There is no such pin, it is in use, or this user may not have it.
    """
    try:
        import gpiozero
    except ImportError as error:
        raise MissingDependency(
            "gpiozero is not installed, and it is what switches pins. Run: pip install 'siamlite[gpio]', or on "
            "Raspberry Pi OS: sudo apt install python3-gpiozero."
        ) from error
    try:
        pin: Pin = gpiozero.DigitalOutputDevice(config.pin, active_high=not config.active_low, initial_value=False)
    except Exception as error:  # Each of its back ends has errors of its own.
        raise DeliveryError(f"GPIO{config.pin} cannot be had: {error or type(error).__name__}.") from error
    return pin
