"""Sends what an application sends: python otlp_client.py http|grpc ENDPOINT NAME

Everything else comes from the variables that OpenTelemetry's SDKs read.
"""

import logging
import sys
import time

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

protocol, endpoint, name = sys.argv[1:4]
if protocol == "http":
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    def where(signal):
        return {"endpoint": f"{endpoint}/v1/{signal}"}
else:
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    def where(signal):
        return {"endpoint": endpoint, "insecure": True}

logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
resource = Resource.create({"service.name": name, "service.instance.id": "1"})
reader = PeriodicExportingMetricReader(OTLPMetricExporter(**where("metrics")), export_interval_millis=3_600_000)
meters = MeterProvider(resource=resource, metric_readers=[reader])
tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**where("traces"))))
loggers = LoggerProvider(resource=resource)
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**where("logs"))))

meter = meters.get_meter("demo")
steps = meter.create_counter("demo.steps", unit="{step}")
seconds = meter.create_histogram("demo.wait", unit="s")
tracer = tracers.get_tracer("demo")
logger = loggers.get_logger("demo")
for round in range(3):
    for step in range(10):
        with tracer.start_as_current_span("chat demo", attributes={"gen_ai.request.model": "demo", "step": step}):
            steps.add(1, {"agent": "a"})
            seconds.record(0.1 * step)
            # Work takes time: a metric has an instant of a millisecond.
            time.sleep(0.002)
            logger.emit(_logs.LogRecord(body="a step was made", attributes={"step": step}))
    if not meters.force_flush():
        sys.exit("metrics were not taken")
for what in (tracers, loggers, meters):
    if not what.force_flush():
        sys.exit(f"{what} was not taken")
    what.shutdown()
