use proptest::prelude::*;

use super::*;

type Owned = (u32, Vec<(i64, u64)>);

fn check(runs: &[Owned]) -> Vec<u8> {
    let split: Vec<(Vec<i64>, Vec<f64>)> =
        runs.iter().map(|run| run.1.iter().map(|&(at, bits)| (at, f64::from_bits(bits))).unzip()).collect();
    let borrowed: Vec<Run<'_>> =
        runs.iter().zip(&split).map(|(run, (times, values))| Run { stream: run.0, times, values }).collect();
    let bytes = encode(&borrowed);
    let mut page = Page::decode(&bytes).unwrap();
    // Back to front, so that nothing depends on having read what stands before.
    for (run, owned) in runs.iter().enumerate().rev() {
        let rows = owned.1.len() as u32;
        assert_eq!(page.heads()[run], RunHead { stream: owned.0, rows });
        let values: Vec<u64> = page.values(run).unwrap().iter().map(|value| value.to_bits()).collect();
        let found: Vec<(i64, u64)> = page.times(run).unwrap().iter().copied().zip(values).collect();
        assert_eq!(found, owned.1);
    }
    bytes
}

fn read_all(bytes: &[u8]) {
    if let Ok(mut page) = Page::decode(bytes) {
        for run in 0..page.heads().len().min(1000) {
            let _ = page.times(run);
            let _ = page.values(run);
        }
    }
}

/// Values as they come: from anywhere, whole, decimal, standing still.
fn any_runs() -> impl Strategy<Value = Vec<Owned>> {
    let odd = prop_oneof![Just(0x7ff0_0000_0000_0002u64), Just((-0.0f64).to_bits()), any::<u64>()];
    let whole = (-1000i64..1000).prop_map(|whole| (whole as f64).to_bits());
    let cents = (-1000i64..1000).prop_map(|cents| (cents as f64 / 100.0).to_bits());
    let still = (0u8..2).prop_map(|value| f64::from(value).to_bits());
    fn run(value: impl Strategy<Value = u64>) -> impl Strategy<Value = Vec<(i64, u64)>> {
        proptest::collection::vec((any::<i64>(), value), 0..20)
    }
    let counter = run(0u64..100).prop_map(|mut run| {
        let mut sum = 0;
        run.iter_mut().for_each(|sample| {
            sum += sample.1;
            sample.1 = (sum as f64).to_bits();
        });
        run
    });
    let run = prop_oneof![run(odd), run(whole), run(cents), run(still), counter];
    proptest::collection::vec((any::<u32>(), run), 0..20)
}

proptest! {
    #[test]
    fn any_runs_come_back_bit_by_bit(mut runs in any_runs()) {
        runs.sort();
        check(&runs);
    }

    #[test]
    fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
        read_all(&[&[VERSION], &bytes[..]].concat());
    }

    #[test]
    fn a_damaged_page_decodes_or_is_corrupt(runs in any_runs(), at: usize, flip in 1u8..) {
        let mut bytes = check(&runs);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        read_all(&bytes);
    }
}

#[test]
fn the_ends_of_time_come_back() {
    check(&[(1, vec![(i64::MIN, 1), (0, 2), (i64::MAX, 3)]), (2, vec![(i64::MIN, 1), (i64::MAX, 3)])]);
}

#[test]
fn times_of_one_scrape_are_kept_once() {
    let run = |stream| (stream, (0..120).map(|row| (row * 30_000_000_000, 0)).collect());
    let one = check(&[run(0)]).len();
    let many = check(&(0..100).map(run).collect::<Vec<_>>()).len();
    assert!(many < one + 20, "{one} bytes for one run, {many} for a hundred");
}
