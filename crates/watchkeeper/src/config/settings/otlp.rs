//! The receivers of OpenTelemetry's protocol.

use ingest::otlp::{MetricSettings, NameStrategy, OtlpSettings};
use server::OtlpAddresses;
use url::Url;

use super::Otlp;
use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn otlp_ports(&self) -> Option<OtlpAddresses> {
        let http = self.address("otlp.host", "otlp.http_port");
        let grpc = self.address("otlp.host", "otlp.grpc_port");
        if http.port() == grpc.port() && http.port() != 0 {
            self.problem(
                "otlp.grpc_port",
                format!("is {} like otlp.http_port; give each its own", http.port()),
            );
        }
        self.toggle("otlp.enabled").then_some(OtlpAddresses { http, grpc })
    }

    pub(super) fn otlp(&self) -> Otlp {
        let metrics = MetricSettings {
            names: NameStrategy::parse(&self.text("otlp.translation_strategy")).unwrap_or_default(),
            promoted: self.list("otlp.promote_resource_attributes"),
            promotes_all: self.toggle("otlp.promote_all_resource_attributes"),
            keeps_identifying: self.toggle("otlp.keep_identifying_resource_attributes"),
        };
        Otlp {
            origins: self.origins("otlp.origins"),
            receiver: OtlpSettings {
                message_bytes_max: usize::try_from(self.bytes("otlp.message_max")).unwrap_or(usize::MAX),
                streams_max: self.count("otlp.streams_max"),
                metrics,
            },
        }
    }

    /// As browsers write them: scheme, host and port, and nothing behind.
    fn origins(&self, key: &str) -> Vec<String> {
        let given = self.list(key);
        for origin in &given {
            let canonical = Url::parse(origin).map(|url| url.origin().ascii_serialization());
            if canonical.as_deref() != Ok(origin) {
                self.problem(key, format!("`{origin}` is not an origin such as https://app.example.com"));
            }
        }
        given
    }
}
