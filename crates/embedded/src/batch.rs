//! A batch as one WAL record. The bytes are drawn in docs/formats/wal.md.

use std::collections::HashMap;

use model::{Batch, LabelSet, LogRecord, LogSeverity, Sample, SeriesSamples, Timestamp};

use crate::encoding::{Corrupt, Cursor, put_int, put_text, put_uint};

const WHAT: &str = "a batch";

pub fn encode(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 24 * batch.series.len() + 128 * batch.logs.len());
    let mut streams = Streams::default();
    let series: Vec<u64> = batch.series.iter().map(|series| streams.number(&series.labels)).collect();
    let logs: Vec<u64> = batch.logs.iter().map(|record| streams.number(&record.stream)).collect();
    streams.put(&mut out);
    put_uint(&mut out, batch.series.len() as u64);
    for (series, number) in batch.series.iter().zip(series) {
        put_uint(&mut out, number);
        put_samples(&mut out, &series.samples);
    }
    put_uint(&mut out, batch.logs.len() as u64);
    let mut last = 0;
    for (record, number) in batch.logs.iter().zip(logs) {
        put_uint(&mut out, number);
        last = put_time(&mut out, record.at, last);
        put_log(&mut out, record);
    }
    out
}

pub fn decode(bytes: &[u8]) -> Result<Batch, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    let streams = read_streams(&mut cursor)?;
    let stream = |cursor: &mut Cursor<'_>| {
        let number = usize::try_from(cursor.uint()?).map_err(|_| Corrupt(WHAT))?;
        streams.get(number).cloned().ok_or(Corrupt(WHAT))
    };
    let mut batch = Batch::default();
    for _ in 0..cursor.count()? {
        let labels = stream(&mut cursor)?;
        batch.series.push(SeriesSamples { labels, samples: read_samples(&mut cursor)? });
    }
    let mut last = 0;
    for _ in 0..cursor.count()? {
        let stream = stream(&mut cursor)?;
        let at = read_time(&mut cursor, &mut last)?;
        let (severity, body, attributes) = read_log(&mut cursor)?;
        batch.logs.push(LogRecord { at, stream, severity, body, attributes });
    }
    cursor.finish()?;
    Ok(batch)
}

/// The label sets of a batch, each once.
#[derive(Default)]
struct Streams<'a> {
    numbers: HashMap<&'a LabelSet, u64>,
    in_order: Vec<&'a LabelSet>,
}

impl<'a> Streams<'a> {
    fn number(&mut self, labels: &'a LabelSet) -> u64 {
        *self.numbers.entry(labels).or_insert_with(|| {
            self.in_order.push(labels);
            self.in_order.len() as u64 - 1
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_uint(out, self.in_order.len() as u64);
        for labels in &self.in_order {
            put_uint(out, labels.len() as u64);
            for (name, value) in labels.iter() {
                put_text(out, name);
                put_text(out, value);
            }
        }
    }
}

fn read_streams(cursor: &mut Cursor<'_>) -> Result<Vec<LabelSet>, Corrupt> {
    (0..cursor.count()?)
        .map(|_| {
            let pairs: Result<Vec<(&str, &str)>, Corrupt> =
                (0..cursor.count()?).map(|_| Ok((cursor.text()?, cursor.text()?))).collect();
            Ok(LabelSet::new(pairs?))
        })
        .collect()
}

fn put_samples(out: &mut Vec<u8>, samples: &[Sample]) {
    put_uint(out, samples.len() as u64);
    let mut last = 0;
    for sample in samples {
        last = put_time(out, sample.at, last);
        out.extend_from_slice(&sample.value.to_bits().to_le_bytes());
    }
}

fn read_samples(cursor: &mut Cursor<'_>) -> Result<Vec<Sample>, Corrupt> {
    let mut last = 0;
    (0..cursor.count()?)
        .map(|_| {
            let at = read_time(cursor, &mut last)?;
            Ok(Sample { at, value: f64::from_bits(cursor.word()?) })
        })
        .collect()
}

/// Writes the difference to the time before; returns what the next one is compared with.
fn put_time(out: &mut Vec<u8>, at: Timestamp, last: i64) -> i64 {
    put_int(out, at.as_nanos().wrapping_sub(last));
    at.as_nanos()
}

fn read_time(cursor: &mut Cursor<'_>, last: &mut i64) -> Result<Timestamp, Corrupt> {
    *last = last.wrapping_add(cursor.int()?);
    Ok(Timestamp::from_nanos(*last))
}

/// What a record has besides its stream and time; segments keep it the same way.
pub fn put_log(out: &mut Vec<u8>, record: &LogRecord) {
    out.push(record.severity as u8);
    put_text(out, &record.body);
    put_uint(out, record.attributes.len() as u64);
    for (name, value) in &record.attributes {
        put_text(out, name);
        put_text(out, value);
    }
}

pub type LogContent = (LogSeverity, String, Vec<(String, String)>);

pub fn read_log(cursor: &mut Cursor<'_>) -> Result<LogContent, Corrupt> {
    let number = cursor.byte()?;
    let severity = LogSeverity::ALL.into_iter().find(|severity| *severity as u8 == number);
    let severity = severity.ok_or(Corrupt("a severity"))?;
    let body = cursor.text()?.to_owned();
    let attributes: Result<Vec<(String, String)>, Corrupt> =
        (0..cursor.count()?).map(|_| Ok((cursor.text()?.to_owned(), cursor.text()?.to_owned()))).collect();
    Ok((severity, body, attributes?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use model::STALE_NAN;
    use proptest::prelude::*;

    use super::*;

    fn batch() -> Batch {
        let mut batch = Batch::default();
        let labels = LabelSet::metric("up", [("job", "node")]);
        batch.push_sample(labels.clone(), Timestamp::MIN, f64::NEG_INFINITY);
        batch.push_sample(labels.clone(), Timestamp::MAX, -0.0);
        batch.series.push(SeriesSamples { labels: LabelSet::empty(), samples: Vec::new() });
        batch.logs.push(LogRecord {
            at: Timestamp::from_secs(5),
            stream: labels,
            severity: LogSeverity::Fatal,
            body: "grüße\0".to_owned(),
            attributes: vec![("a".to_owned(), String::new()), ("a".to_owned(), "twice".to_owned())],
        });
        batch
    }

    #[test]
    fn a_batch_comes_back() {
        assert_eq!(decode(&encode(&batch())).unwrap(), batch());
    }

    #[test]
    fn values_keep_every_bit() {
        let mut batch = Batch::default();
        for bits in [STALE_NAN.to_bits(), f64::NAN.to_bits(), 0xfff8_dead_beef_0001, (-0.0f64).to_bits()] {
            batch.push_sample(LabelSet::empty(), Timestamp::from_secs(1), f64::from_bits(bits));
        }
        let decoded = decode(&encode(&batch)).unwrap();
        let bits = |batch: &Batch| -> Vec<u64> {
            batch.series.iter().map(|series| series.samples[0].value.to_bits()).collect()
        };
        assert_eq!(bits(&decoded), bits(&batch));
    }

    #[test]
    fn a_cut_batch_is_corrupt() {
        let bytes = encode(&batch());
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
            drop(decode(&bytes));
        }
    }
}
