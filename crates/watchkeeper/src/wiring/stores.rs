//! Opening and closing what is kept.

use std::sync::Arc;

use anyhow::Context;
use archive::{Archive, ArchiveParts, Place, S3Settings};
use disk::RealDisk;
use embedded::{Embedded, EmbeddedParts, EmbeddedSettings, Limits};
use runtime::SharedClock;
use state::State;
use storage::Upkeep;

use super::data::{STATE_FILE, make_data_directory};
use crate::config::{self, Settings, Storage};

#[derive(Clone, Debug)]
pub struct Stores {
    pub samples: Arc<Embedded>,
    pub state: State,
}

/// The embedded store first: it holds the lock of the directory.
pub async fn open_stores(settings: &Settings, clock: &SharedClock) -> anyhow::Result<Stores> {
    make_data_directory(&settings.data)?;
    let embedded = engine_settings(settings);
    let parts = EmbeddedParts { disk: Arc::new(RealDisk), clock: clock.clone() };
    let opening = || format!("the data directory `{}` cannot be opened", settings.data.display());
    let samples = Embedded::open(embedded, parts).with_context(opening)?;
    let state = State::open(&settings.data.join(STATE_FILE), clock.clone()).await.with_context(opening)?;
    Ok(Stores { samples, state })
}

/// Its notes are with the data: they say how far days are on their way out of it.
pub fn open_archive(settings: &Settings) -> anyhow::Result<Option<Arc<Archive>>> {
    let Some(archive) = &settings.archive else { return Ok(None) };
    let place = match archive {
        config::Archive::Folder(path) => Place::Folder(path.clone()),
        config::Archive::Bucket(bucket) => Place::S3(S3Settings {
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            region: bucket.region.clone(),
            endpoint: bucket.endpoint.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            allow_http: bucket.allow_http,
            access_key_id: bucket.access_key_id.clone(),
            secret_access_key: bucket.secret_access_key.expose().to_owned(),
        }),
    };
    let parts = ArchiveParts { disk: Arc::new(RealDisk), notes: settings.data.join("archiving") };
    let archive = Archive::new(&place, parts).context("the archive cannot be reached")?;
    Ok(Some(Arc::new(archive)))
}

fn engine_settings(settings: &Settings) -> EmbeddedSettings {
    let Storage {
        flush_bytes,
        flush_age,
        disk_reserve,
        cache_bytes,
        append_timeout,
        merge_bytes_per_second,
        rollups,
        limits,
    } = &settings.storage;
    EmbeddedSettings {
        flush_bytes: size(*flush_bytes),
        flush_age: *flush_age,
        disk_reserve_bytes: *disk_reserve,
        cache_bytes: size(*cache_bytes),
        append_timeout: *append_timeout,
        merge_bytes_per_second: *merge_bytes_per_second,
        rollups: rollups.clone(),
        limits: Limits {
            streams_max: u32::try_from(limits.streams_max).unwrap_or(u32::MAX),
            source_streams_max: u32::try_from(limits.source_streams_max).unwrap_or(u32::MAX),
            labels_max: limits.labels_max,
            label_name_bytes_max: size(limits.label_name_bytes_max),
            label_value_bytes_max: size(limits.label_value_bytes_max),
            body_bytes_max: size(limits.body_bytes_max),
            attributes_max: limits.attributes_max,
            attribute_bytes_max: size(limits.attribute_bytes_max),
            span_parts_max: limits.span_parts_max,
            buckets_max: limits.buckets_max,
        },
        ..EmbeddedSettings::new(&settings.data)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl Stores {
    /// Writes out what is in memory and lets go of the directory.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.state.close().await;
        self.samples.close().await.context("the store could not be closed; what was acknowledged is safe")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::{Startup, load};

    #[test]
    fn the_catalogue_and_the_engine_have_the_same_defaults() {
        let (settings, _) = load(&Startup::default()).unwrap();
        let engine = EmbeddedSettings::new(&settings.data);
        assert_eq!(format!("{:?}", engine_settings(&settings)), format!("{engine:?}"));
    }
}
