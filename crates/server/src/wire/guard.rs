//! Decides, from the table of routes, whether a handler may run. Denies what it cannot decide.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Peer;
use crate::access::{Access, Permission};
use crate::app::Shared;
use crate::auth::{Identity, Via};
use crate::problem::Problem;

pub(crate) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    match admit(&app, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => *refusal,
    }
}

/// The boxed response is the refusal.
async fn admit(app: &Shared, request: &mut Request) -> Result<(), Box<Response>> {
    let refuse = |problem: Problem| Box::new(problem.into_response());
    if !has_valid_host(request) {
        return Err(refuse(Problem::bad_request("The Host header is missing or not a host name.")));
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
        && comes_from_elsewhere(request.headers(), app.settings.public_url.as_deref())
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
    match decide(access, identity, is_direct_local(peer, request.headers())) {
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
fn comes_from_elsewhere(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let Some(origin) = text(header::ORIGIN) else { return false };
    let authority = |url: &str| url.split_once("://").map(|(_, rest)| rest.trim_end_matches('/').to_owned());
    let of_origin = authority(origin);
    let of_host = text(header::HOST).map(str::to_owned);
    let of_public =
        public_url.and_then(authority).map(|rest| rest.split('/').next().unwrap_or("").to_owned());
    of_origin.is_none() || (of_origin != of_host && of_origin != of_public)
}

/// Connected from this machine, by one of its own names, and not on behalf of another.
fn is_direct_local(peer: Peer, headers: &HeaderMap) -> bool {
    let is_forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let is_local_name = matches!(name, "localhost" | "[::1]") || name.starts_with("127.");
    peer.address().is_loopback() && !is_forwarded && is_local_name
}

/// A request without a host cannot be judged for its origin.
fn has_valid_host(request: &Request) -> bool {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    // HTTP/2 carries it in the URI.
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    host.is_some_and(|host| {
        !host.is_empty()
            && host.len() <= 255
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
    })
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
        for (pairs, elsewhere) in [
            (&[("host", "watch:8083")][..], false),
            (&[("host", "watch:8083"), ("sec-fetch-site", "same-origin")], false),
            (&[("host", "watch:8083"), ("sec-fetch-site", "cross-site")], true),
            (&[("host", "watch:8083"), ("sec-fetch-site", "same-site")], true),
            (&[("host", "watch:8083"), ("origin", "http://watch:8083")], false),
            (&[("host", "watch:8083"), ("origin", "http://evil:8083")], true),
            (&[("host", "watch:8083"), ("origin", "null")], true),
            (&[("host", "inner:8083"), ("origin", "https://watch.example.com")], false),
        ] {
            let found = comes_from_elsewhere(&headers(pairs), Some("https://watch.example.com/base"));
            assert_eq!(found, elsewhere, "{pairs:?}");
        }
    }

    #[test]
    fn local_means_direct_and_by_a_local_name() {
        let local = Peer("127.0.0.1:9".parse().unwrap());
        let mapped = Peer("[::ffff:127.0.0.1]:9".parse().unwrap());
        let far = Peer("192.0.2.7:9".parse().unwrap());
        for (peer, pairs, expected) in [
            (local, &[("host", "127.0.0.1:8080")][..], true),
            (local, &[("host", "localhost")], true),
            (local, &[("host", "[::1]:8080")], true),
            (mapped, &[("host", "localhost:8080")], true),
            (local, &[("host", "rebound.example.com")], false),
            (local, &[("host", "localhost"), ("x-forwarded-for", "192.0.2.7")], false),
            (far, &[("host", "localhost")], false),
        ] {
            assert_eq!(is_direct_local(peer, &headers(pairs)), expected, "{peer:?} {pairs:?}");
        }
    }

    #[test]
    fn the_way_back_after_a_login_cannot_leave_the_site() {
        let response = to_login(&"/dashboard/operations?x=//evil".parse().unwrap());
        let target = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(target, "/login?next=/dashboard/operations%3Fx%3D//evil");
    }
}
