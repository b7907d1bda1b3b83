//! The HTTP client of a job: TLS, redirects, and whom it trusts.

use std::net::SocketAddr;

use disk::Disk;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Identity};
use url::Url;

use super::FetchError;
use crate::scrape::config::{HttpSettings, Tls};
use crate::scrape::target::Target;

/// As many as Prometheus follows.
const REDIRECTS_MAX: usize = 10;

/// Certificates and credentials are small.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(super) fn client(
    http: &HttpSettings,
    target: &Target,
    disk: &dyn Disk,
) -> Result<reqwest::Client, FetchError> {
    let refused = |error: reqwest::Error| FetchError::Client(super::told(&error));
    let authorities = match text_or_file(http.tls.ca.as_deref(), http.tls.ca_file.as_deref(), disk)? {
        Some(pem) => Some(Certificate::from_pem_bundle(&pem).map_err(refused)?),
        None => None,
    };
    let identity = identity(&http.tls, disk)?;
    let build = |trusted: Option<Vec<Certificate>>| {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
            // A proxy would see targets that are meant for nobody else.
            .no_proxy()
            .redirect(if http.follow_redirects {
                reqwest::redirect::Policy::limited(REDIRECTS_MAX)
            } else {
                reqwest::redirect::Policy::none()
            })
            .tls_danger_accept_invalid_certs(http.tls.insecure_skip_verify);
        if !http.http2 {
            builder = builder.http1_only();
        }
        if let Some(trusted) = trusted {
            builder = builder.tls_certs_only(trusted);
        }
        if let Some(identity) = &identity {
            builder = builder.identity(identity.clone());
        }
        if http.tls.server_name.is_some() {
            builder = builder.dns_resolver(Elsewhere { host: host_of(&target.url) });
        }
        builder.build()
    };
    // A machine without authorities of its own still scrapes what needs none.
    let without_any = || build(Some(Vec::new()));
    match authorities {
        Some(trusted) => build(Some(trusted)).map_err(refused),
        None => build(None).or_else(|_| without_any()).map_err(refused),
    }
}

fn identity(tls: &Tls, disk: &dyn Disk) -> Result<Option<Identity>, FetchError> {
    let certificate = text_or_file(tls.cert.as_deref(), tls.cert_file.as_deref(), disk)?;
    let key = text_or_file(tls.key.as_ref().map(|key| key.expose()), tls.key_file.as_deref(), disk)?;
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let pem = [certificate.as_slice(), b"\n", key.as_slice()].concat();
    Identity::from_pem(&pem).map(Some).map_err(|error| FetchError::Client(super::told(&error)))
}

fn text_or_file(
    text: Option<&str>,
    file: Option<&str>,
    disk: &dyn Disk,
) -> Result<Option<Vec<u8>>, FetchError> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(path)) => read(disk, path).map(Some),
        (None, None) => Ok(None),
    }
}

pub(super) fn read(disk: &dyn Disk, path: &str) -> Result<Vec<u8>, FetchError> {
    let fault = |reason: String| FetchError::File { path: path.to_owned(), reason };
    let path = std::path::Path::new(path);
    let size = disk.open(path).and_then(|file| file.size()).map_err(|error| fault(error.to_string()))?;
    if size > FILE_BYTES_MAX {
        return Err(fault(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    disk::read_all(disk, path).map_err(|error| fault(error.to_string()))
}

/// With `server_name`, the certificate has to be for that name: it is asked for by it, and
/// [`Elsewhere`] leads to the target all the same.
pub(super) fn url_asked(tls: &Tls, target: &Target) -> Result<Url, FetchError> {
    let mut url = target.url.clone();
    if let Some(name) = &tls.server_name
        && url.scheme() == "https"
    {
        url.set_host(Some(name)).map_err(|error| FetchError::Client(format!("`{name}`: {error}")))?;
    }
    Ok(url)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}

/// Every name leads to one host.
struct Elsewhere {
    host: String,
}

impl Resolve for Elsewhere {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.host.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
