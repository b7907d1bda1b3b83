//! Builders, parts and merged parts answer as a look at every set of labels would.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use index::{Builder, Index, Part, merge};
use model::{LabelSet, MatchOp, Matcher};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use roaring::RoaringBitmap;

const EXPRESSIONS: [&str; 24] = [
    "",
    "a",
    "a|b",
    "(a|bb)",
    "(?:a|)",
    "|b",
    ".*",
    ".+",
    "a.*",
    ".*b",
    "[ab]+",
    "b{2}",
    "ab?",
    "a+b*",
    "(?i)A",
    "[^a]",
    "a.b",
    r"a\.b",
    r"\bab\b",
    r"\d+",
    "(a|b)(c|b)",
    "a||b",
    "x.*|a",
    "ü+",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[abc]{0,3}", 1 => "a[.|\n]b", 1 => "[üß]{1,2}", 1 => "[0-9]{1,5}"]
}

fn set() -> impl Strategy<Value = LabelSet> {
    vec((select(vec!["a", "b", "c", "__name__", "rare"]), value()), 0..5).prop_map(LabelSet::new)
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let name = || select(vec!["a", "b", "c", "rare", "missing"]);
    let equal = (name(), select(vec![MatchOp::Equal, MatchOp::NotEqual]), value());
    let pattern = prop_oneof![select(EXPRESSIONS.to_vec()).prop_map(str::to_owned), "[abc|.]{0,4}"];
    let matches = (name(), select(vec![MatchOp::Matches, MatchOp::NotMatches]), pattern);
    let matcher = prop_oneof![equal, matches];
    matcher.prop_map(|(name, op, value)| Matcher::new(name, op, &value).unwrap())
}

/// Streams in groups of which each becomes a part; sometimes many of few kinds.
fn groups() -> impl Strategy<Value = Vec<Vec<LabelSet>>> {
    let few = vec(vec(set(), 0..40), 0..4);
    let many = (vec(set(), 1..30), vec(any::<proptest::sample::Index>(), 0..900), 1..700usize);
    let many = many.prop_map(|(kinds, order, part)| {
        let sets: Vec<_> = order.iter().map(|index| index.get(&kinds).clone()).collect();
        sets.chunks(part).map(<[_]>::to_vec).collect()
    });
    prop_oneof![few, many]
}

fn built(base: u32, sets: &[LabelSet]) -> Builder {
    let mut builder = Builder::new(base);
    for set in sets {
        builder.push(set.clone());
    }
    builder
}

/// Puts every question, and compares with the sets.
fn check(index: &dyn Index, base: u32, sets: &[LabelSet], matchers: &[Matcher], among: &RoaringBitmap) {
    let streams = || (base..).zip(sets);
    assert_eq!(index.ids(), base..base + sets.len() as u32);
    let all = |set: &LabelSet| matchers.iter().all(|matcher| matcher.matches(set));
    let expected: Vec<u32> = streams().filter(|(_, set)| all(set)).map(|(id, _)| id).collect();
    assert_eq!(index.select(matchers).unwrap().iter().collect::<Vec<_>>(), expected, "{matchers:?}");
    for (id, set) in streams() {
        assert_eq!(index.labels(id).unwrap(), *set);
    }
    assert!(index.labels(index.ids().end).is_err());

    let chosen: Vec<_> = streams().filter(|(id, _)| among.contains(*id)).collect();
    let mut visited = Vec::new();
    index.visit_labels(among, &mut |id, set| visited.push((id, set))).unwrap();
    assert_eq!(visited.iter().map(|(id, set)| (*id, set)).collect::<Vec<_>>(), chosen);

    let all_names = || sets.iter().flat_map(LabelSet::iter).map(|(name, _)| name);
    let chosen_names = || chosen.iter().flat_map(|(_, set)| set.iter()).map(|(name, _)| name);
    assert_eq!(index.label_names().unwrap(), sorted(all_names()));
    assert_eq!(index.label_names_among(among).unwrap(), sorted(chosen_names()));
    for name in ["a", "rare", "missing"] {
        let values = sorted(sets.iter().filter_map(|set| set.get(name)));
        assert_eq!(index.label_values(name).unwrap(), values);
        let values = sorted(chosen.iter().filter_map(|(_, set)| set.get(name)));
        assert_eq!(index.label_values_among(name, among).unwrap(), values);
    }
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    texts.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn everyone_answers_as_the_sets_do(
        base in prop_oneof![Just(0u32), 0..200_000u32, Just(u32::MAX - 40_000)],
        groups in groups(),
        matchers in vec(matcher(), 0..4),
        among in vec(any::<u16>(), 0..60),
    ) {
        let sets = groups.concat();
        let span = sets.len().max(1) as u32 + 3;
        let among = among.iter().map(|offset| base + u32::from(*offset) % span).collect();
        check(&built(base, &sets), base, &sets, &matchers, &among);

        let (mut parts, mut start) = (Vec::new(), base);
        for group in &groups {
            let part = Part::open(built(start, group).encode()).unwrap();
            check(&part, start, group, &matchers, &among);
            parts.push(part);
            start += group.len() as u32;
        }
        if parts.is_empty() {
            return Ok(());
        }
        let merged = merge(&parts.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(merged, built(base, &sets).encode());
        check(&Part::open(merged).unwrap(), base, &sets, &matchers, &among);
    }
}

/// Puts every question, for its end only.
fn ask(part: &Part, matchers: &[Matcher]) {
    drop(part.select(matchers));
    let mut some = RoaringBitmap::new();
    some.insert_range(part.ids().start..part.ids().end.min(part.ids().start + 500));
    let _ = part.visit_labels(&some, &mut |_, _| ());
    drop(part.label_names_among(&some));
    for id in some.iter().take(20) {
        drop(part.labels(id));
        let one = RoaringBitmap::from([id]);
        let _ = part.visit_labels(&one, &mut |_, _| ());
        drop(part.label_values_among("a", &one));
    }
    for name in part.label_names().unwrap() {
        drop(part.label_values(&name));
        drop(part.label_values_among(&name, &some));
    }
    drop(merge(&[part]).map(Part::open));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn damaged_parts_answer_or_are_corrupt(
        groups in groups(),
        damage in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<proptest::sample::Index>(),
        matchers in vec(matcher(), 0..3),
    ) {
        let mut bytes = built(3, &groups.concat()).encode();
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Ok(part) = Part::open(bytes.clone()) {
            ask(&part, &matchers);
        }
        bytes.truncate(cut.index(bytes.len()));
        if let Ok(part) = Part::open(bytes) {
            ask(&part, &matchers);
        }
    }

    #[test]
    fn any_bytes_answer_or_are_corrupt(mut bytes: Vec<u8>, matchers in vec(matcher(), 0..3)) {
        bytes.insert(0, 1);
        if let Ok(part) = Part::open(bytes) {
            ask(&part, &matchers);
        }
    }
}

#[test]
fn a_value_of_one_stream_costs_little_more_than_its_text() {
    let id = |number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let sets: Vec<_> = (0..50_000).map(|number| LabelSet::new([("id", id(number))])).collect();
    let bytes = built(0, &sets).encode().len() / sets.len();
    assert!(bytes < 16 + 8, "{bytes} bytes a stream");
}
