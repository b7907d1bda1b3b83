//! The ports: bound before anything else starts, so that a port in use is told at once.

mod accept;

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::settings::{OtlpAddresses, ServerSettings};

pub(crate) use accept::accept;

/// All ports, bound.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) api: TcpListener,
    pub(crate) dashboard: Option<TcpListener>,
    pub(crate) otlp: Vec<TcpListener>,
    api_addr: SocketAddr,
    dashboard_addr: Option<SocketAddr>,
    otlp_addrs: Option<OtlpAddresses>,
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "the {what} cannot listen on {address}: another program uses this port; stop it, or set `{setting}`"
    )]
    InUse { what: &'static str, address: SocketAddr, setting: &'static str },
    #[error("the {what} cannot listen on {address}; change `{setting}`")]
    Failed {
        what: &'static str,
        address: SocketAddr,
        setting: &'static str,
        #[source]
        source: std::io::Error,
    },
}

impl Listeners {
    pub async fn bind(settings: &ServerSettings) -> Result<Self, BindError> {
        let api = bind("API", settings.api_addr, "server.port").await?;
        let dashboard = match settings.dashboard_addr {
            Some(address) => Some(bind("dashboard", address, "dashboard.port").await?),
            None => None,
        };
        let (otlp, otlp_addrs) = match settings.otlp_addrs {
            Some(asked) => {
                let http = bind("receiver of OTLP over HTTP", asked.http, "otlp.http_port").await?;
                let grpc = bind("receiver of OTLP over gRPC", asked.grpc, "otlp.grpc_port").await?;
                let bound = OtlpAddresses { http: bound(&http, asked.http), grpc: bound(&grpc, asked.grpc) };
                (vec![http, grpc], Some(bound))
            }
            None => (Vec::new(), None),
        };
        Ok(Self {
            otlp,
            otlp_addrs,
            api_addr: bound(&api, settings.api_addr),
            dashboard_addr: match (&dashboard, settings.dashboard_addr) {
                (Some(listener), Some(asked)) => Some(bound(listener, asked)),
                _ => None,
            },
            api,
            dashboard,
        })
    }

    /// Where the API really listens: port 0 takes a free one.
    pub fn api_addr(&self) -> SocketAddr {
        self.api_addr
    }

    pub fn dashboard_addr(&self) -> Option<SocketAddr> {
        self.dashboard_addr
    }

    pub fn otlp_addrs(&self) -> Option<OtlpAddresses> {
        self.otlp_addrs
    }
}

async fn bind(
    what: &'static str,
    address: SocketAddr,
    setting: &'static str,
) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => BindError::InUse { what, address, setting },
        _ => BindError::Failed { what, address, setting, source },
    })
}

fn bound(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}
