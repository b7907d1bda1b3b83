//! Reads the WAL when the store is opened.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use columns::Corrupt;
use columns::bytes::unpack;
use disk::{Disk, DiskError, frame, read_all};
use model::Batch;

use super::format::{
    BATCHES, CUTS, Cut, HEADER_BYTES, Header, decode_cuts, file_name, file_number, read_header,
};
use super::record::{self, KnownStreams, Record};

#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("`{0}` was written by a version that this program does not know")]
    Version(PathBuf),
}

/// What replay found, besides the batches.
#[derive(Debug, Default, PartialEq)]
pub struct Replayed {
    pub files: Vec<u64>,
    pub records: u64,
    pub bytes: u64,
    pub torn_tails: u64,
    /// Files of which not everything could be read. They are kept when others go.
    pub damaged: BTreeSet<u64>,
    /// What is damaged in them.
    pub damage: Vec<WalDamage>,
}

/// Bytes of a file that could not be replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct WalDamage {
    pub file: u64,
    pub bytes: Range<usize>,
    pub error: String,
}

/// Hands every batch to `take` with the number of its file, in order.
///
/// A torn tail is cut off: it was never acknowledged. Bytes that are damaged in another
/// way are reported, and the records behind them are read.
pub fn replay<E: From<WalError>>(
    disk: &dyn Disk,
    dir: &Path,
    mut take: impl FnMut(Batch, u64) -> Result<(), E>,
) -> Result<Replayed, E> {
    let entries = disk.list(dir).map_err(WalError::from)?;
    let mut files: Vec<u64> = entries.iter().filter_map(|entry| file_number(&entry.name)).collect();
    files.sort_unstable();
    let mut found = Replayed { files: files.clone(), ..Replayed::default() };
    let cuts = read_cuts(disk, dir, &files).map_err(WalError::from)?;
    for number in files {
        let mut reader = FileReader { disk, number, path: dir.join(file_name(number)), found: &mut found };
        let mut bytes = reader.read()?;
        if let Some(acknowledged) = cuts.get(&number) {
            bytes.truncate(usize::try_from(*acknowledged).unwrap_or(usize::MAX));
        }
        reader.replay(&bytes, |batch| take(batch, number))?;
    }
    Ok(found)
}

/// Where files end that were given up. Any later file may say so, in its first record.
fn read_cuts(disk: &dyn Disk, dir: &Path, files: &[u64]) -> Result<HashMap<u64, u64>, DiskError> {
    let mut cuts = HashMap::new();
    for number in files {
        let bytes = match read_all(disk, &dir.join(file_name(*number))) {
            Ok(bytes) => bytes,
            // The file itself is reported when its batches are read.
            Err(error) if error.is_medium_fault() => continue,
            Err(error) => return Err(error),
        };
        let first = salt_of(&bytes).and_then(|salt| frame::read(&bytes[HEADER_BYTES..], salt).ok());
        let listed = first.filter(|payload| payload.first() == Some(&CUTS));
        let listed = listed.and_then(|payload| decode_cuts(&payload[1..]).ok()).unwrap_or_default();
        cuts.extend(listed.iter().map(|cut: &Cut| (cut.file, cut.acknowledged_bytes)));
    }
    Ok(cuts)
}

/// The salt that opens the first frame, or the one that should.
fn salt_of(bytes: &[u8]) -> Option<u32> {
    match read_header(bytes) {
        Header::Whole { salt } => Some(salt),
        Header::Damaged { salts: [first, second] } => {
            let opens = |salt: u32| {
                frame::scan(bytes, HEADER_BYTES, salt)
                    .any(|piece| matches!(piece, frame::Piece::Record { .. }))
            };
            Some(if opens(first) { first } else { second })
        }
        Header::Unfinished | Header::Unknown => None,
    }
}

struct FileReader<'a> {
    disk: &'a dyn Disk,
    number: u64,
    path: PathBuf,
    found: &'a mut Replayed,
}

impl FileReader<'_> {
    fn read(&mut self) -> Result<Vec<u8>, WalError> {
        match read_all(self.disk, &self.path) {
            Err(error) if error.is_medium_fault() => {
                self.report(&error.source.to_string(), 0..0);
                Ok(Vec::new())
            }
            read => Ok(read?),
        }
    }

    fn replay<E: From<WalError>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Batch) -> Result<(), E>,
    ) -> Result<(), E> {
        let header = read_header(bytes);
        if header == Header::Unknown {
            return Err(WalError::Version(self.path.clone()).into());
        }
        let Some(salt) = salt_of(bytes) else { return Ok(()) };
        self.found.bytes += bytes.len() as u64;
        if matches!(header, Header::Damaged { .. }) {
            self.report("the header is not what was written", 0..HEADER_BYTES);
        }
        let mut streams = KnownStreams::new();
        let mut end = bytes.len();
        for piece in frame::scan(bytes, HEADER_BYTES, salt) {
            match piece {
                frame::Piece::Record { offset, payload } => match read_record(payload, &mut streams) {
                    Ok(record) => {
                        if record.lost_rows > 0 {
                            let rows = record.lost_rows;
                            let lost = format!("{rows} rows name streams of a damaged record");
                            self.report(&lost, offset..offset + payload.len());
                        }
                        self.found.records += 1;
                        take(record.batch)?;
                    }
                    Err(corrupt) => self.report(&corrupt.to_string(), offset..offset + payload.len()),
                },
                frame::Piece::Damaged(range) => self.report("the bytes are not what was written", range),
                frame::Piece::Torn { offset } => {
                    self.found.torn_tails += 1;
                    tracing::warn!(file = %self.path.display(), offset, "cut a torn tail");
                    end = offset;
                }
            }
        }
        Ok(self.settle(end)?)
    }

    /// Ends the file there, durably. A process that was killed may have left bytes that are
    /// not on the medium: what is shown from now on must not go with the power, nor a part
    /// of it when the rest is in segments.
    fn settle(&mut self, end: usize) -> Result<(), WalError> {
        // A damaged file is kept as it was found.
        if !self.found.damaged.contains(&self.number) {
            self.disk.truncate(&self.path, end as u64)?;
        }
        Ok(())
    }

    fn report(&mut self, error: &str, range: Range<usize>) {
        self.found.damaged.insert(self.number);
        let damage = WalDamage { file: self.number, bytes: range.clone(), error: error.to_owned() };
        self.found.damage.push(damage);
        let (file, start, end) = (self.path.display(), range.start, range.end);
        tracing::error!(%file, start, end, error, "damage in the WAL; later records are read");
        metrics::counter!("watchkeeper_store_damaged_total", "what" => "wal").increment(1);
    }
}

fn read_record(payload: &[u8], streams: &mut KnownStreams) -> Result<Record, Corrupt> {
    match payload.split_first() {
        Some((&BATCHES, packed)) => record::decode(&unpack(packed, "a record")?, streams),
        Some((&CUTS, _)) => Ok(Record::default()),
        _ => Err(Corrupt("a WAL record")),
    }
}
