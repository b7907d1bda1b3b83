//! The other end of the connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Put into each request by the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// For requests that came by no connection: an address of the block for documentation, so
/// that they are never taken for local.
const NOWHERE: Peer = Peer(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 0)), 0));

impl Peer {
    pub(crate) fn of(extensions: &axum::http::Extensions) -> Peer {
        extensions.get::<Peer>().copied().unwrap_or(NOWHERE)
    }

    pub fn address(&self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Peer::of(&parts.extensions))
    }
}
