//! The embedded store and its limits.

use storage::Resolution;

use super::reader::Reader;
use super::{Storage, StorageLimits};

impl Reader<'_> {
    pub(super) fn storage(&self) -> Storage {
        Storage {
            flush_bytes: self.bytes("storage.flush_bytes"),
            flush_age: self.duration("storage.flush_age"),
            disk_reserve: self.bytes("storage.disk_reserve"),
            cache_bytes: self.bytes("storage.cache_bytes"),
            append_timeout: self.duration("storage.append_timeout"),
            merge_bytes_per_second: self.bytes("storage.merge_bytes_per_second"),
            rollups: match self.text("storage.rollups").as_str() {
                "none" => vec![],
                "both" => Resolution::ALL.to_vec(),
                one => Resolution::ALL.into_iter().filter(|known| known.as_str() == one).collect(),
            },
            limits: StorageLimits {
                streams_max: self.integer("storage.streams_max"),
                source_streams_max: self.integer("storage.source_streams_max"),
                labels_max: self.count("storage.labels_max"),
                label_name_bytes_max: self.bytes("storage.label_name_bytes_max"),
                label_value_bytes_max: self.bytes("storage.label_value_bytes_max"),
                body_bytes_max: self.bytes("storage.body_bytes_max"),
                attributes_max: self.count("storage.attributes_max"),
                attribute_bytes_max: self.bytes("storage.attribute_bytes_max"),
                span_parts_max: self.count("storage.span_parts_max"),
                buckets_max: self.count("storage.buckets_max"),
            },
        }
    }
}
