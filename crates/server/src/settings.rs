//! What the server believes about itself.

use std::net::SocketAddr;
use std::time::Duration;

use crate::receive::ReceiveSettings;

/// Where and how the server answers.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The API: loopback unless told otherwise.
    pub api_addr: SocketAddr,
    /// The page and the same API; none when the dashboard is turned off.
    pub dashboard_addr: Option<SocketAddr>,
    /// The receivers of OTLP: loopback unless told otherwise; none when they are turned off.
    pub otlp_addrs: Option<OtlpAddresses>,
    /// How people reach the page from outside, for links: `https://watch.example.com`.
    pub public_url: Option<String>,
    /// Sessions are marked `Secure`: browsers send them over HTTPS only.
    pub secure_cookies: bool,
    /// A session that is not used ends after this.
    pub session_idle: Duration,
    /// A session ends after this in any case.
    pub session_max: Duration,
    /// The largest body of a request.
    pub body_bytes_max: usize,
    /// The longest that a handler may think. Streams go on after it.
    pub request_timeout: Duration,
    /// The longest that a PromQL query may take; also the upper bound of `timeout=`.
    pub query_timeout: Duration,
    /// Connections beyond this wait to be accepted.
    pub connections_max: usize,
    /// Live streams beyond this are refused.
    pub live_clients_max: usize,
    pub receive: ReceiveSettings,
    pub configuration: ConfigurationView,
}

/// Both answer HTTP and gRPC alike; clients expect each on a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtlpAddresses {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
}

/// The settings of other subsystems that the status call shows.
#[derive(Clone, Debug)]
pub struct ConfigurationView {
    pub metrics_interval: Duration,
    pub health_interval: Duration,
    pub alert_interval: Duration,
    pub auto_recovery: bool,
    pub retention_days: u64,
    pub enable_mobile: bool,
    pub service_name: String,
    pub version: String,
}

impl ServerSettings {
    /// OWASP's session limits; bodies of 1 MiB hold every request of this API.
    pub fn new(
        api_addr: SocketAddr,
        dashboard_addr: Option<SocketAddr>,
        configuration: ConfigurationView,
    ) -> Self {
        Self {
            api_addr,
            dashboard_addr,
            otlp_addrs: None,
            public_url: None,
            secure_cookies: false,
            session_idle: Duration::from_secs(30 * 60),
            session_max: Duration::from_secs(12 * 60 * 60),
            body_bytes_max: 1 << 20,
            request_timeout: Duration::from_secs(30),
            query_timeout: Duration::from_secs(20),
            connections_max: 4096,
            live_clients_max: 256,
            receive: ReceiveSettings::default(),
            configuration,
        }
    }
}
