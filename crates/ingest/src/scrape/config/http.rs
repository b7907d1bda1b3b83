//! How a job is spoken to: credentials, TLS, formats.

use std::path::Path;

use super::file::{Authorization, BasicAuth, Global, JobFile, Protocol, Tls};

/// As Prometheus asks by itself.
const PROTOCOLS: [Protocol; 4] = [
    Protocol::OpenMetricsText100,
    Protocol::OpenMetricsText001,
    Protocol::PrometheusText100,
    Protocol::PrometheusText004,
];

#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub protocols: Vec<Protocol>,
    pub fallback: Option<Protocol>,
    pub basic_auth: Option<BasicAuth>,
    pub authorization: Option<Authorization>,
    pub tls: Tls,
    pub follow_redirects: bool,
    pub compression: bool,
    pub http2: bool,
}

impl HttpSettings {
    /// Of a job; files are named relative to `folder`.
    pub(super) fn of(written: &JobFile, global: &Global, folder: &Path) -> Result<Self, String> {
        let beside =
            |file: &Option<String>| file.as_ref().map(|file| folder.join(file).display().to_string());
        let bearer = match (&written.bearer_token, &written.bearer_token_file) {
            (None, None) => None,
            (token, file) => Some(Authorization {
                kind: "Bearer".to_owned(),
                credentials: token.clone(),
                credentials_file: file.clone(),
            }),
        };
        if [written.authorization.is_some(), bearer.is_some(), written.basic_auth.is_some()]
            .iter()
            .filter(|is_there| **is_there)
            .count()
            > 1
        {
            return Err(
                "at most one of `basic_auth`, `authorization` and `bearer_token` may be there".to_owned()
            );
        }
        let authorization = written.authorization.clone().or(bearer);
        if let Some(authorization) = &authorization {
            if authorization.credentials.is_some() == authorization.credentials_file.is_some() {
                return Err("`authorization` needs one of `credentials` and `credentials_file`".to_owned());
            }
            if authorization.kind.eq_ignore_ascii_case("basic") {
                return Err("`authorization` of type Basic is written as `basic_auth`".to_owned());
            }
        }
        let authorization = authorization.map(|authorization| Authorization {
            credentials_file: beside(&authorization.credentials_file),
            ..authorization
        });
        let basic_auth = written.basic_auth.clone().map(|basic| BasicAuth {
            username_file: beside(&basic.username_file),
            password_file: beside(&basic.password_file),
            ..basic
        });
        let tls = written.tls_config.clone().unwrap_or_default();
        for (text, file, names) in [
            (tls.ca.is_some(), tls.ca_file.is_some(), "ca"),
            (tls.cert.is_some(), tls.cert_file.is_some(), "cert"),
            (tls.key.is_some(), tls.key_file.is_some(), "key"),
        ] {
            if text && file {
                return Err(format!("`tls_config` may have one of `{names}` and `{names}_file`"));
            }
        }
        if (tls.cert.is_some() || tls.cert_file.is_some()) != (tls.key.is_some() || tls.key_file.is_some()) {
            return Err("`tls_config` needs a certificate and its key, or neither".to_owned());
        }
        let tls = Tls {
            ca_file: beside(&tls.ca_file),
            cert_file: beside(&tls.cert_file),
            key_file: beside(&tls.key_file),
            ..tls
        };
        Ok(HttpSettings {
            protocols: protocols(written, global)?,
            fallback: written.fallback_scrape_protocol,
            basic_auth,
            authorization,
            tls,
            follow_redirects: written.follow_redirects,
            compression: written.enable_compression,
            http2: written.enable_http2,
        })
    }
}

/// Only protobuf can carry native histograms, so it is asked for first where they are wanted.
fn protocols(written: &JobFile, global: &Global) -> Result<Vec<Protocol>, String> {
    if let Some(chosen) = written.scrape_protocols.as_ref().or(global.scrape_protocols.as_ref()) {
        if chosen.is_empty() {
            return Err("`scrape_protocols` is empty".to_owned());
        }
        return Ok(chosen.clone());
    }
    let with_native = written.scrape_native_histograms.or(global.scrape_native_histograms).unwrap_or(false);
    let first = with_native.then_some(Protocol::PrometheusProto);
    Ok(first.into_iter().chain(PROTOCOLS).collect())
}
