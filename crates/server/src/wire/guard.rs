//! Decides, from the table of routes, whether a handler may run. Denies what it cannot decide.

use std::net::Ipv4Addr;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Peer;
use crate::access::{Access, Permission};
use crate::app::Shared;
use crate::auth::{Identity, Via};
use crate::problem::Problem;
use crate::receive::is_from_listed_origin;

pub(crate) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    match admit(&app, &mut request).await {
        Ok(()) if is_change_of_somebody(&request) => app.changes.run(next.run(request)).await,
        Ok(()) => next.run(request).await,
        Err(refusal) => *refusal,
    }
}

/// Strangers can only try to sign in: that ends with their connection.
fn is_change_of_somebody(request: &Request) -> bool {
    is_unsafe(request.method()) && request.extensions().get::<Identity>().is_some()
}

/// The boxed response is the refusal.
async fn admit(app: &Shared, request: &mut Request) -> Result<(), Box<Response>> {
    let refuse = |problem: Problem| Box::new(problem.into_response());
    let Some(host) = host(request).filter(|host| is_host_name(host)).map(str::to_owned) else {
        return Err(refuse(Problem::bad_request("The Host header is missing or not a host name.")));
    };
    if !is_text(request.uri().path()) {
        return Err(refuse(Problem::bad_request("The path is not UTF-8.")));
    }
    let Some(template) = request.extensions().get::<MatchedPath>().cloned() else {
        // No route: the fallback answers that nothing is there.
        return Ok(());
    };
    let Some(access) = app.table.access(request.method(), template.as_str()) else {
        return Err(refuse(match app.table.methods(template.as_str()) {
            Some(allow) => Problem::method_not_allowed(Some(allow)),
            None => Problem::forbidden("This endpoint is not in the table of permissions."),
        }));
    };
    if is_unsafe(request.method())
        && comes_from_elsewhere(request.headers(), &host, app.settings.public_url.as_deref())
        && !is_from_listed_origin(app, template.as_str(), request.headers())
    {
        return Err(refuse(Problem::forbidden("The request was made by a page of another site.")));
    }
    let identity = app
        .auth
        .identify(request.headers())
        .await
        .map_err(|error| refuse(Problem::internal("look up the caller", &error)))?;
    if let Some(identity) = identity {
        if is_unsafe(request.method()) && needs_proof_of_intent(access, &identity, request.headers()) {
            return Err(refuse(Problem::forbidden(
                "Requests by cookie that change something need the header `X-Watchkeeper: 1`.",
            )));
        }
        request.extensions_mut().insert(identity);
    }
    let identity = request.extensions().get::<Identity>();
    let peer = Peer::of(request.extensions());
    match decide(access, identity, is_direct_local(peer, &host, request.headers())) {
        Decision::Admit => Ok(()),
        Decision::SignIn => Err(refuse(Problem::unauthenticated())),
        Decision::ToLogin => Err(Box::new(to_login(request.uri()))),
        Decision::Lacks(permission) => {
            let detail = format!("This needs the permission `{}`.", permission.as_str());
            Err(refuse(Problem::new(StatusCode::FORBIDDEN, "lacks-permission", detail)))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Admit,
    SignIn,
    ToLogin,
    Lacks(Permission),
}

/// Pure: the whole of authorization.
fn decide(access: Access, identity: Option<&Identity>, is_direct_local: bool) -> Decision {
    match (access, identity) {
        (Access::Open, _) | (Access::Page | Access::SignedIn, Some(_)) => Decision::Admit,
        (Access::Page, None) => Decision::ToLogin,
        (Access::NeedsUnlessLocal(_), _) if is_direct_local => Decision::Admit,
        (Access::Needs(permission) | Access::NeedsUnlessLocal(permission), Some(identity)) => {
            if identity.may(permission) { Decision::Admit } else { Decision::Lacks(permission) }
        }
        (_, None) => Decision::SignIn,
    }
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Browsers send cookies on their own, but never this header across sites. Signing in needs
/// none: there may be an old cookie, and nothing is done in its name.
fn needs_proof_of_intent(access: Access, identity: &Identity, headers: &HeaderMap) -> bool {
    let is_proven = headers.get("x-watchkeeper").is_some_and(|value| value == "1");
    access != Access::Open && matches!(identity.via, Via::Session(_)) && !is_proven
}

/// What browsers say about the page that made the request. Programs say nothing.
fn comes_from_elsewhere(headers: &HeaderMap, host: &str, public_url: Option<&str>) -> bool {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let Some(origin) = text(header::ORIGIN) else { return false };
    let authority = |url: &str| url.split_once("://").map(|(_, rest)| rest.trim_end_matches('/').to_owned());
    let of_origin = authority(origin);
    let of_public =
        public_url.and_then(authority).map(|rest| rest.split('/').next().unwrap_or("").to_owned());
    of_origin.is_none() || (of_origin.as_deref() != Some(host) && of_origin != of_public)
}

/// Connected from this machine, by one of its own names, and not on behalf of another.
fn is_direct_local(peer: Peer, host: &str, headers: &HeaderMap) -> bool {
    let is_forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let is_local_address = name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    let is_local_name = matches!(name, "localhost" | "[::1]") || is_local_address;
    peer.address().is_loopback() && !is_forwarded && is_local_name
}

/// HTTP/1 carries it in a header, HTTP/2 in the URI. A request without a host cannot be judged
/// for its origin.
fn host(request: &Request) -> Option<&str> {
    let named = request.headers().get(header::HOST).map(|value| value.to_str().unwrap_or_default());
    named.or_else(|| request.uri().authority().map(|authority| authority.as_str()))
}

fn is_host_name(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

/// Whether a path is UTF-8 once its escapes are undone: names in it are looked up as text.
fn is_text(path: &str) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            None => bytes.push(*first),
        }
    }
    std::str::from_utf8(&bytes).is_ok()
}

fn to_login(uri: &Uri) -> Response {
    let next = uri.path_and_query().map_or("/", |path| path.as_str());
    let target =
        if next == "/" { "/login".to_owned() } else { format!("/login?next={}", percent_encoded(next)) };
    (StatusCode::FOUND, [(header::LOCATION, target)]).into_response()
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_of_another_site_is_told_by_its_headers() {
        for (host, pairs, elsewhere) in [
            ("watch:8083", &[][..], false),
            ("watch:8083", &[("sec-fetch-site", "same-origin")], false),
            ("watch:8083", &[("sec-fetch-site", "cross-site")], true),
            ("watch:8083", &[("sec-fetch-site", "same-site")], true),
            ("watch:8083", &[("origin", "http://watch:8083")], false),
            ("watch:8083", &[("origin", "http://evil:8083")], true),
            ("watch:8083", &[("origin", "null")], true),
            ("inner:8083", &[("origin", "https://watch.example.com")], false),
        ] {
            let found = comes_from_elsewhere(&headers(pairs), host, Some("https://watch.example.com/base"));
            assert_eq!(found, elsewhere, "{host} {pairs:?}");
        }
    }

    #[test]
    fn local_means_direct_and_by_a_local_name() {
        let local = Peer("127.0.0.1:9".parse().unwrap());
        let mapped = Peer("[::ffff:127.0.0.1]:9".parse().unwrap());
        let far = Peer("192.0.2.7:9".parse().unwrap());
        for (peer, host, pairs, expected) in [
            (local, "127.0.0.1:8080", &[][..], true),
            (local, "localhost", &[], true),
            (local, "[::1]:8080", &[], true),
            (mapped, "localhost:8080", &[], true),
            (local, "rebound.example.com", &[], false),
            (local, "127.0.0.1.example.com", &[], false),
            (local, "localhost", &[("x-forwarded-for", "192.0.2.7")], false),
            (far, "localhost", &[], false),
        ] {
            assert_eq!(is_direct_local(peer, host, &headers(pairs)), expected, "{peer:?} {host} {pairs:?}");
        }
    }

    #[test]
    fn the_host_of_http_2_is_in_its_uri() {
        let request = |uri: &str, pairs: &[(&'static str, &str)]| {
            let mut request = Request::new(axum::body::Body::empty());
            *request.uri_mut() = uri.parse().unwrap();
            *request.headers_mut() = headers(pairs);
            request
        };
        assert_eq!(host(&request("http://watch:8083/health", &[])), Some("watch:8083"));
        assert_eq!(host(&request("/health", &[("host", "watch:8083")])), Some("watch:8083"));
        assert_eq!(host(&request("/health", &[])), None);
    }

    #[test]
    fn paths_are_text() {
        for (path, expected) in [
            ("/a/b", true),
            ("/%C3%A4", true),
            ("/100%", true),
            ("/%zz", true),
            ("/%FF", false),
            ("/%c3", false),
        ] {
            assert_eq!(is_text(path), expected, "{path}");
        }
    }

    #[test]
    fn the_way_back_after_a_login_cannot_leave_the_site() {
        let response = to_login(&"/dashboard/operations?x=//evil".parse().unwrap());
        let target = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(target, "/login?next=/dashboard/operations%3Fx%3D//evil");
    }
}
