//! The few lines that a start prints.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use server::OtlpAddresses;
use url::Url;

use crate::config::Settings;
use crate::terminal;

/// Where it can be reached.
#[derive(Clone, Debug)]
pub struct Places {
    pub api: Url,
    /// For people: the public URL, else the dashboard's address, else the API's.
    pub page: Url,
    pub dashboard: Option<SocketAddr>,
    pub otlp: Option<OtlpAddresses>,
}

impl Places {
    /// With the addresses that were bound.
    pub fn new(
        settings: &Settings,
        api: SocketAddr,
        dashboard: Option<SocketAddr>,
        otlp: Option<OtlpAddresses>,
    ) -> Self {
        let api = url(api);
        let page = settings.public_url.clone().or_else(|| dashboard.map(url)).unwrap_or_else(|| api.clone());
        Self { api, page, dashboard, otlp }
    }
}

/// As this machine reaches it: "every address" is not one.
fn url(address: SocketAddr) -> Url {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(host, address.port());
    Url::parse(&format!("http://{address}")).expect("a socket address is a host and a port")
}

pub fn say(settings: &Settings, places: &Places) {
    terminal::say(&lines(settings, places).join("\n"));
}

fn lines(settings: &Settings, places: &Places) -> Vec<String> {
    vec![
        format!("Watchkeeper {} keeps its data in {}", env!("CARGO_PKG_VERSION"), settings.data.display()),
        format!("  Page      {}", page(places)),
        format!("  API       {}", places.api),
        format!("  OTLP      {}", otlp(places)),
        format!("  Watching  {}", watched(settings)),
        format!("  Telling   {}", told(settings)),
    ]
}

fn page(places: &Places) -> String {
    match places.dashboard {
        None => "switched off".to_owned(),
        Some(address) if address.ip().is_unspecified() => {
            format!("{}  (on every address of this machine)", places.page)
        }
        Some(_) => places.page.to_string(),
    }
}

fn otlp(places: &Places) -> String {
    match places.otlp {
        None => format!("{} only", places.api),
        Some(OtlpAddresses { http, grpc }) => format!("{} (HTTP), {} (gRPC)", url(http), url(grpc)),
    }
}

fn watched(settings: &Settings) -> String {
    let sources: Vec<_> = settings.sources.iter().map(|source| source.name.as_str()).collect();
    match sources.as_slice() {
        [] if settings.probe => "this host; OpenCode, when it is found at http://127.0.0.1:4096".to_owned(),
        [] => "this host".to_owned(),
        names => format!("this host; OpenCode: {}", names.join(", ")),
    }
}

fn told(settings: &Settings) -> String {
    let receivers = [
        settings.email.as_ref().map(|_| "e-mail"),
        settings.slack.as_ref().map(|_| "Slack"),
        settings.webhook.as_ref().map(|_| "webhook"),
    ];
    let names: Vec<_> = receivers.into_iter().flatten().collect();
    if names.is_empty() {
        "nobody yet: no receiver is configured (docs/configuration.md)".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::{Startup, load};

    #[test]
    fn people_are_sent_where_they_can_go() {
        let (mut settings, _) = load(&Startup::default()).unwrap();
        let every = Some("0.0.0.0:8083".parse().unwrap());
        let api = "127.0.0.1:8080".parse().unwrap();
        assert_eq!(Places::new(&settings, api, every, None).page.as_str(), "http://127.0.0.1:8083/");
        assert_eq!(Places::new(&settings, api, None, None).page.as_str(), "http://127.0.0.1:8080/");
        settings.public_url = Some("https://watch.example".parse().unwrap());
        assert_eq!(Places::new(&settings, api, every, None).page.as_str(), "https://watch.example/");
    }
}
