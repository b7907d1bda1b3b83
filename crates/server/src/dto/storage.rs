//! What the store takes up, and who passes its limits.

use serde::Serialize;
use storage::Usage;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct StorageDto {
    pub status: &'static str,
    pub tables: Vec<TableDto>,
    /// Bytes of acknowledged rows that are in no table's files yet.
    pub wal_bytes: u64,
    /// Streams of the days that there are rows of in memory.
    pub active_streams: u64,
    /// The worst first; empty while nobody passes a limit.
    pub offenders: Vec<OffenderDto>,
    pub timestamp: String,
}

#[derive(Serialize, ToSchema)]
pub struct TableDto {
    pub table: &'static str,
    pub rows: u64,
    pub bytes: u64,
    pub days: u64,
}

#[derive(Serialize, ToSchema)]
pub struct OffenderDto {
    /// As its streams name it; `null` when they do not.
    pub source: Option<String>,
    /// The setting that limits it.
    pub limit: String,
    /// Rows that were left out since the start, at least.
    pub refused: u64,
}

impl StorageDto {
    pub fn new(usage: Usage, timestamp: String) -> Self {
        let table = |table: storage::TableUsage| TableDto {
            table: table.table,
            rows: table.rows,
            bytes: table.bytes,
            days: table.days,
        };
        let offender = |offender: storage::Offender| OffenderDto {
            source: Some(offender.source).filter(|source| !source.is_empty()),
            limit: format!("storage.{}", offender.limit),
            refused: offender.refused,
        };
        Self {
            status: "success",
            tables: usage.tables.into_iter().map(table).collect(),
            wal_bytes: usage.wal_bytes,
            active_streams: usage.active_streams,
            offenders: usage.offenders.into_iter().map(offender).collect(),
            timestamp,
        }
    }
}
