#![allow(clippy::unwrap_used)]

use model::{Bucket, CUSTOM_BUCKETS_SCHEMA, LabelSet, STALE_NAN, is_stale};
use proptest::prelude::*;

use super::*;

/// Messages, written as a sender would.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, number: u64, mut value: u64) -> Self {
        self.put(number << 3);
        loop {
            if value < 0x80 {
                self.0.push(value as u8);
                return self;
            }
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
    }

    fn put(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn double(mut self, number: u64, value: f64) -> Self {
        self.put(number << 3 | 1);
        self.0.extend(value.to_bits().to_le_bytes());
        self
    }

    fn bytes(mut self, number: u64, bytes: &[u8]) -> Self {
        self.put(number << 3 | 2);
        self.put(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn message(self, number: u64, message: Message) -> Self {
        self.bytes(number, &message.0)
    }

    fn label(self, number: u64, name: &str, value: &str) -> Self {
        self.message(number, Message::default().bytes(1, name.as_bytes()).bytes(2, value.as_bytes()))
    }

    fn sample(self, value: f64, millis: i64) -> Self {
        self.message(2, Message::default().double(1, value).varint(2, millis as u64))
    }

    fn packed(self, number: u64, numbers: &[u64]) -> Self {
        let mut packed = Message::default();
        numbers.iter().for_each(|number| packed.put(*number));
        self.message(number, packed)
    }
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ (number >> 63)) as u64
}

fn received(version: Version, message: &Message) -> Result<Received, WriteError> {
    let body = snap::raw::Encoder::new().compress_vec(&message.0).unwrap();
    Receiver::new(RemoteWriteLimits::default()).receive(version, &body)
}

fn up(job: &str) -> Message {
    Message::default().label(1, "__name__", "up").label(1, "job", job)
}

#[test]
fn samples_of_version_1_arrive() {
    let series = up("a").sample(1.5, 1_000).sample(STALE_NAN, -2_000);
    let other = Message::default().label(1, "job", "b").label(1, "__name__", "up").sample(2.0, 3);
    let found = received(Version::One, &Message::default().message(1, series).message(1, other)).unwrap();
    assert_eq!((found.samples, found.refused), (3, 0));
    let [first, second] = &found.batch.series[..] else { panic!("{found:?}") };
    assert_eq!(first.labels, LabelSet::metric("up", [("job", "a")]));
    assert_eq!((first.samples[0].at.as_millis(), first.samples[0].value), (1_000, 1.5));
    assert_eq!(first.samples[1].at.as_millis(), -2_000);
    assert!(is_stale(first.samples[1].value), "the bits of a stale marker stay");
    assert_eq!(second.labels, LabelSet::metric("up", [("job", "b")]), "unsorted labels are sorted");
}

#[test]
fn a_known_series_is_the_same_series() {
    let receiver = Receiver::new(RemoteWriteLimits { known_series_max: 2, ..RemoteWriteLimits::default() });
    for round in 0..3 {
        for job in ["a", "b", "c"] {
            let message = Message::default().message(1, up(job).sample(f64::from(round), 1));
            let body = snap::raw::Encoder::new().compress_vec(&message.0).unwrap();
            let found = receiver.receive(Version::One, &body).unwrap();
            assert_eq!(found.batch.series[0].labels, LabelSet::metric("up", [("job", job)]));
        }
    }
}

#[test]
fn what_is_wrong_with_one_series_costs_that_series() {
    let check = |series: Message, reason: &str| {
        let message =
            Message::default().message(1, up("good").sample(1.0, 1)).message(1, series.sample(2.0, 2));
        let found = received(Version::One, &message).unwrap();
        assert_eq!((found.samples, found.refused, found.batch.series.len()), (1, 1, 1), "{reason}");
        assert!(found.reasons[0].contains(reason), "{:?} is not about {reason}", found.reasons);
    };
    check(up("a").label(1, "job", "b"), "`job` is there twice");
    check(up("a").label(1, "", "b"), "no name");
    check(Message::default().label(1, "job", "a"), "__name__");
    check(up("a").message(1, Message::default().bytes(1, b"x").bytes(2, &[0xff])), "UTF-8");
}

fn histogram() -> Message {
    Message::default()
        .varint(1, 10)
        .double(3, 12.5)
        .varint(4, zigzag(3))
        .double(5, 0.001)
        .varint(6, 1)
        .message(11, Message::default().varint(1, zigzag(-2)).varint(2, 2))
        .message(11, Message::default().varint(1, zigzag(3)).varint(2, 1))
        .packed(12, &[4, -1, -2].map(zigzag))
        .message(8, Message::default().varint(1, zigzag(1)).varint(2, 1))
        .packed(9, &[zigzag(1)])
        .varint(14, 2)
        .varint(15, 5_000)
}

#[test]
fn native_histograms_arrive_bucket_by_bucket() {
    let found =
        received(Version::One, &Message::default().message(1, up("a").message(4, histogram()))).unwrap();
    assert_eq!((found.histograms, found.samples), (1, 0));
    let sample = &found.batch.histograms[0].samples[0];
    let bucket = |index, count| Bucket { index, count };
    assert_eq!(sample.at.as_millis(), 5_000);
    assert_eq!(sample.histogram.positive, [bucket(-2, 4.0), bucket(-1, 3.0), bucket(3, 1.0)]);
    assert_eq!(sample.histogram.negative, [bucket(1, 1.0)]);
    assert_eq!((sample.histogram.count, sample.histogram.schema), (10.0, 3));
    assert_eq!(sample.histogram.reset, model::CounterReset::NotReset);

    let custom = Message::default()
        .double(2, 3.0)
        .double(3, 1.0)
        .varint(4, zigzag(i64::from(CUSTOM_BUCKETS_SCHEMA)))
        .message(11, Message::default().varint(1, 0).varint(2, 2))
        .bytes(13, &[1.0_f64, 2.0].map(f64::to_le_bytes).concat())
        .bytes(16, &5.0_f64.to_le_bytes());
    let found = received(Version::One, &Message::default().message(1, up("a").message(4, custom))).unwrap();
    let histogram = &found.batch.histograms[0].samples[0].histogram;
    assert_eq!(histogram.positive, [bucket(0, 1.0), bucket(1, 2.0)]);
    assert_eq!(histogram.custom_bounds, [5.0]);
}

#[test]
fn histograms_that_make_no_sense_are_left_out() {
    for (wrong, reason) in [
        (histogram().varint(4, zigzag(9)), "schema 9"),
        (histogram().packed(12, &[1]), "3 are needed"),
        (histogram().message(11, Message::default().varint(1, zigzag(-1)).varint(2, 0)), "overlap"),
        (histogram().message(8, Message::default().varint(2, u64::MAX)), "too many"),
        (histogram().double(2, f64::NAN), "no number"),
        (histogram().varint(4, zigzag(-53)), "custom bounds"),
    ] {
        let series = up("a").message(4, wrong).sample(1.0, 1);
        let found = received(Version::One, &Message::default().message(1, series)).unwrap();
        assert_eq!((found.samples, found.histograms, found.refused), (1, 0, 1), "{reason}");
        assert!(found.reasons[0].contains(reason), "{:?} is not about {reason}", found.reasons);
    }
}

#[test]
fn exemplars_and_metadata_of_version_1_arrive() {
    let exemplar = Message::default().label(1, "trace_id", "ab").double(2, 0.5).varint(3, 7);
    let metadata = Message::default().varint(1, 1).bytes(2, b"up").bytes(4, b"Is it up?").bytes(5, b"");
    let message = Message::default().message(1, up("a").message(3, exemplar)).message(3, metadata);
    let found = received(Version::One, &message).unwrap();
    let exemplar = &found.batch.exemplars[0].exemplars[0];
    assert_eq!(
        (exemplar.value, exemplar.at.as_millis(), exemplar.labels.get("trace_id")),
        (0.5, 7, Some("ab"))
    );
    assert_eq!((found.metadata[0].family.as_str(), found.metadata[0].kind), ("up", FamilyKind::Counter));
}

fn request_2(symbols: &[&str], series: Message) -> Message {
    let table =
        symbols.iter().fold(Message::default(), |message, symbol| message.bytes(4, symbol.as_bytes()));
    table.message(5, series)
}

#[test]
fn version_2_refers_to_symbols() {
    let symbols = ["", "__name__", "rpc_bucket", "le", "1", "How long", "seconds", "trace_id", "cd"];
    let series = Message::default()
        .packed(1, &[1, 2, 3, 4])
        .sample(3.0, 9)
        .message(3, histogram())
        .message(4, Message::default().packed(1, &[7, 8]).double(2, 0.25).varint(3, 8))
        .message(5, Message::default().varint(1, 3).varint(3, 5).varint(4, 6));
    let found = received(Version::Two, &request_2(&symbols, series)).unwrap();
    assert_eq!((found.samples, found.histograms, found.exemplars, found.refused), (1, 1, 1, 0));
    assert_eq!(found.batch.series[0].labels, LabelSet::metric("rpc_bucket", [("le", "1")]));
    let family = FamilyMetadata {
        family: "rpc".to_owned(),
        kind: FamilyKind::Histogram,
        help: "How long".to_owned(),
        unit: "seconds".to_owned(),
    };
    assert_eq!(found.metadata, [family]);
}

#[test]
fn version_2_with_wrong_references_is_refused_as_far_as_it_is_wrong() {
    for references in [&[1, 9][..], &[1], &[u64::MAX, 1]] {
        let series = Message::default().packed(1, references).sample(1.0, 1);
        let found = received(Version::Two, &request_2(&["", "__name__"], series)).unwrap();
        assert_eq!((found.samples, found.refused), (0, 1), "{references:?}");
    }
    let series = Message::default().packed(1, &[0, 1]).sample(1.0, 1);
    assert_eq!(received(Version::Two, &request_2(&["x", "y"], series)).unwrap_err(), WriteError::FirstSymbol);
}

#[test]
fn bombs_and_noise_are_refused() {
    let receiver =
        Receiver::new(RemoteWriteLimits { message_bytes_max: 1_000, ..RemoteWriteLimits::default() });
    let body = snap::raw::Encoder::new().compress_vec(&vec![0; 100_000]).unwrap();
    let error = receiver.receive(Version::One, &body).unwrap_err();
    assert_eq!(error, WriteError::TooLarge { bytes: 100_000, most: 1_000 });
    assert!(matches!(
        receiver.receive(Version::One, b"\xff\xff\xff").unwrap_err(),
        WriteError::Compression(_)
    ));
    let torn = Message(vec![0x0a, 50, 1, 2]);
    assert!(matches!(received(Version::One, &torn).unwrap_err(), WriteError::Malformed(_)));
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_are_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for version in [Version::One, Version::Two] {
            drop(received(version, &Message(bytes.clone())));
        }
    }

    #[test]
    fn a_damaged_message_is_read_or_refused(at: usize, flip in 1u8.., is_two: bool) {
        let version = if is_two { Version::Two } else { Version::One };
        let series = up("a").sample(1.0, 1).message(if is_two { 3 } else { 4 }, histogram());
        let mut message = Message::default().message(if is_two { 5 } else { 1 }, series);
        let at = at % message.0.len();
        message.0[at] ^= flip;
        drop(received(version, &message));
    }
}
