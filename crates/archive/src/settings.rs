//! Where the archive is.

use std::fmt;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Folder(PathBuf),
    S3(S3Settings),
}

/// A bucket, and whom it lets in.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Settings {
    pub bucket: String,
    /// Folders within the bucket; may be empty.
    pub prefix: String,
    pub region: String,
    /// Of a service other than Amazon's.
    pub endpoint: Option<String>,
    /// Whether the endpoint may be spoken to without TLS.
    pub allow_http: bool,
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// Without the keys.
impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}
