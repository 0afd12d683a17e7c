"""From the file to deliveries at work."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.errors import SiamliteError
from edge_runtime.outside.command import CommandConfig, CommandSink
from edge_runtime.outside.config import SinkConfig, read_events
from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.gpio import GpioConfig, GpioSink
from edge_runtime.outside.mqtt import MqttSink
from edge_runtime.outside.outbox import Outbox
from edge_runtime.outside.sink import Sink
from edge_runtime.outside.webhook import WebhookConfig, WebhookSink


def open_outbox(path: Path) -> Outbox:
    """An outbox for all places that a file names.

    Args:
        path: The file; see :func:`edge_runtime.outside.config.read_events`.

    Raises:
        UsageError: The file, a secret or a certificate cannot be used.
        MissingDependency: A package that one of the places needs is not installed.
        DeliveryError: A pin cannot be had.
    """
    places, sinks = read_events(path).places, []
    try:
        for place in places:
            sinks.append(open_sink(place.sink))
    except SiamliteError:
        for sink in sinks:
            sink.close()
        raise
    return Outbox([Delivery(sink, place.delivery) for sink, place in zip(sinks, places, strict=True)])


def open_sink(config: SinkConfig) -> Sink:
    """What reaches one place; a connection is not made yet.

    Raises:
        UsageError: A secret or a certificate cannot be used.
        MissingDependency: A package that it needs is not installed.
        DeliveryError: The pin cannot be had.
    """
    if isinstance(config, CommandConfig):
        return CommandSink(config)
    if isinstance(config, WebhookConfig):
        return WebhookSink(config)
    return GpioSink(config) if isinstance(config, GpioConfig) else MqttSink(config)
