//! A bucket of a service that speaks S3.
//!
//! A file of one piece is one request, a larger one a multipart upload: either is there as
//! a whole or not at all. What an attempt leaves that could not even be aborted is not
//! shown by the service, and goes by its rules for incomplete uploads.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    Certificate, ClientOptions, MultipartUpload, ObjectStoreExt, PutPayload, PutResult, RetryConfig,
};

use super::Target;
use crate::pipe::{Piece, Pieces};
use crate::{ArchiveError, S3Settings};

/// Of one request: eight mebibytes at one megabit a second, and a little.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Within one attempt at a day. The next attempt comes anyway.
const RETRIES_MAX: usize = 4;

#[derive(Debug)]
pub struct S3 {
    client: AmazonS3,
    prefix: Path,
}

impl S3 {
    pub fn new(settings: &S3Settings) -> Result<Self, ArchiveError> {
        let retries = RetryConfig { max_retries: RETRIES_MAX, ..RetryConfig::default() };
        let builder = |options: ClientOptions| {
            let builder = AmazonS3Builder::new()
                .with_bucket_name(&settings.bucket)
                .with_region(&settings.region)
                .with_access_key_id(&settings.access_key_id)
                .with_secret_access_key(&settings.secret_access_key)
                .with_client_options(options)
                .with_retry(retries.clone());
            match &settings.endpoint {
                Some(endpoint) => builder.with_endpoint(endpoint),
                None => builder,
            }
        };
        let options = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_allow_http(settings.allow_http);
        // Fails on a machine that names no certificate authorities, as small containers do;
        // the public ones that are built in serve then.
        let client =
            builder(options.clone()).build().or_else(|_| builder(with_public_roots(options)).build());
        let client = client.map_err(ArchiveError::Client)?;
        Ok(Self { client, prefix: Path::from(settings.prefix.as_str()) })
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.parts().chain(Path::from(name).parts()).collect()
    }

    /// Asks the service what it has, and compares.
    async fn verify(&self, path: &Path, sent: u64, stored: PutResult) -> Result<u64, ArchiveError> {
        let found = self.client.head(path).await.map_err(failed("look at the file"))?;
        if found.size != sent {
            return Err(ArchiveError::NotWhole { name: path.to_string(), sent, found: found.size });
        }
        match (stored.e_tag, found.e_tag) {
            (Some(stored), Some(found)) if stored != found => {
                Err(ArchiveError::NotOurs { name: path.to_string() })
            }
            _ => Ok(sent),
        }
    }
}

fn with_public_roots(options: ClientOptions) -> ClientOptions {
    let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let public = public.filter_map(|authority| Certificate::from_der(authority).ok());
    public.fold(options.with_no_system_certificates(true), ClientOptions::with_root_certificate)
}

fn failed(what: &'static str) -> impl FnOnce(object_store::Error) -> ArchiveError {
    move |source| ArchiveError::S3 { what, source }
}

#[async_trait]
impl Target for S3 {
    async fn has(&self, name: &str) -> Result<bool, ArchiveError> {
        match self.client.head(&self.path(name)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed("look for a file")(error)),
        }
    }

    async fn put(&self, name: &str, first: Bytes, mut rest: Pieces) -> Result<u64, ArchiveError> {
        let path = self.path(name);
        let (sent, stored) = match rest.recv().await.ok_or(ArchiveError::Unfinished)? {
            Piece::End => {
                let sent = first.len() as u64;
                let stored = self.client.put(&path, first.into()).await;
                (sent, stored.map_err(failed("put the file"))?)
            }
            Piece::Bytes(second) => {
                let upload = self.client.put_multipart(&path).await.map_err(failed("begin an upload"))?;
                upload_parts(upload, [first, second], rest).await?
            }
        };
        self.verify(&path, sent, stored).await
    }
}

/// Completes the upload, or aborts it.
async fn upload_parts(
    mut upload: Box<dyn MultipartUpload>,
    begun: [Bytes; 2],
    mut rest: Pieces,
) -> Result<(u64, PutResult), ArchiveError> {
    let mut sent = 0;
    let mut put = async |upload: &mut Box<dyn MultipartUpload>, part: Bytes| {
        sent += part.len() as u64;
        upload.put_part(PutPayload::from(part)).await.map_err(failed("upload a part"))
    };
    let all = async {
        for part in begun {
            put(&mut upload, part).await?;
        }
        loop {
            match rest.recv().await.ok_or(ArchiveError::Unfinished)? {
                Piece::Bytes(part) => put(&mut upload, part).await?,
                Piece::End => return Ok(()),
            }
        }
    };
    let completed = match all.await {
        Ok(()) => upload.complete().await.map_err(failed("complete the upload")),
        Err(error) => Err(error),
    };
    match completed {
        Ok(stored) => Ok((sent, stored)),
        Err(error) => {
            if let Err(error) = upload.abort().await {
                tracing::debug!(%error, "an incomplete upload is left to the service");
            }
            Err(error)
        }
    }
}
