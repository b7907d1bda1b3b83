//! The archive: a folder or a bucket.

use std::path::PathBuf;

use url::Url;

use super::reader::Reader;
use crate::config::Secret;

#[derive(Clone, Debug)]
pub enum Archive {
    Folder(PathBuf),
    Bucket(Bucket),
}

#[derive(Clone, Debug)]
pub struct Bucket {
    pub name: String,
    pub prefix: String,
    pub region: String,
    pub endpoint: Option<Url>,
    pub allow_http: bool,
    pub access_key_id: String,
    pub secret_access_key: Secret,
}

const SCHEME: &str = "s3://";

impl Reader<'_> {
    pub(super) fn archive(&self) -> Option<Archive> {
        let (key, secret) =
            (self.optional_text("archive.access_key_id"), self.secret("archive.secret_access_key"));
        let (region, endpoint) = (self.text("archive.region"), self.url("archive.endpoint"));
        let allow_http = self.toggle("archive.allow_http");
        let url = self.optional_text("archive.url")?;
        let Some(place) = url.strip_prefix(SCHEME) else {
            if url.contains("://") {
                self.problem(
                    "archive.url",
                    format!("`{url}` is neither a folder nor begins with `{SCHEME}`"),
                );
            }
            return Some(Archive::Folder(PathBuf::from(url)));
        };
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        if name.is_empty() {
            self.problem("archive.url", "names no bucket; write `s3://bucket/prefix`");
        }
        if endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == "http") && !allow_http {
            self.problem("archive.endpoint", "has no TLS; set archive.allow_http if that is meant");
        }
        let (Some(access_key_id), Some(secret_access_key)) = (key, secret) else {
            self.problem(
                "archive.url",
                "needs archive.access_key_id and archive.secret_access_key beside it",
            );
            return None;
        };
        let (name, prefix) = (name.to_owned(), prefix.to_owned());
        Some(Archive::Bucket(Bucket {
            name,
            prefix,
            region,
            endpoint,
            allow_http,
            access_key_id,
            secret_access_key,
        }))
    }
}
