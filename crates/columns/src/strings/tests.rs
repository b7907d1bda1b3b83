use proptest::prelude::*;

use super::*;

fn check(rows: &[&str]) -> Vec<u8> {
    let bytes = encode(rows);
    let strings = decode(&bytes, rows.len()).unwrap();
    assert_eq!(strings.iter().collect::<Vec<_>>(), rows);
    bytes
}

fn check_kind(rows: &[impl AsRef<str>], kind: u8) {
    let rows: Vec<&str> = rows.iter().map(AsRef::as_ref).collect();
    assert_eq!(check(&rows)[0], kind);
}

proptest! {
    #[test]
    fn any_texts_come_back(rows: Vec<String>, times in 1usize..4) {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        check(&rows.repeat(times));
    }

    #[test]
    fn texts_of_digits_come_back(rows in proptest::collection::vec("-?[0-9a-f]{0,4}", 0..40)) {
        check(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn messages_come_back(rows in proptest::collection::vec(("[a-z0-9 ä.=-]{16,30}", 0u64.., any::<u64>()), 64..80), at: usize, flip in 1u8..) {
        let rows: Vec<String> = rows.iter().map(|(text, number, id)| format!("{text} took {number} ms, id={id:x}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let bytes = check(&rows);
        let templates = templates::encode(&rows).unwrap();
        let strings = templates::decode(Cursor::new(&templates, "it"), rows.len(), &|_| true).unwrap();
        prop_assert_eq!(strings.iter().collect::<Vec<_>>(), rows.clone());
        for mut damaged in [bytes, templates] {
            let at = at % damaged.len();
            damaged[at] ^= flip;
            drop(decode(&damaged, rows.len()));
            drop(decode_if(&damaged, rows.len(), &|text| text.len() % 2 == 0));
            drop(templates::decode(Cursor::new(&damaged, "it"), rows.len(), &|_| true));
        }
    }

    #[test]
    fn texts_that_hold_a_part_outside_of_holes_are_kept(
        rows in proptest::collection::vec(("[a-gA-G0-9 ä]{0,12}", "[0-9a-f]{8,12}", "[a-gxX ä]{1,9}"), 64..80),
        row: prop::sample::Index, start: prop::sample::Index, length in 1usize..12,
    ) {
        let rows: Vec<String> = rows.iter().map(|(a, hex, b)| format!("{a}{hex}{b} 17 {hex} gone {b}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let letters: Vec<char> = row.get(&rows).chars().collect();
        let start = start.index(letters.len());
        let part: String = letters[start..].iter().take(length).collect();
        prop_assume!(stands_outside_of_holes(&part));
        let bytes = [&[TEMPLATES], &templates::encode(&rows).unwrap()[..]].concat();
        let found = decode_if(&bytes, rows.len(), &|text| text.contains(&part)).unwrap();
        for (found, row) in found.iter().zip(&rows) {
            prop_assert!(found == *row || (found.is_empty() && !row.contains(&part)), "{} in {}", part, row);
        }
    }

    #[test]
    fn sentences_come_back(rows in proptest::collection::vec("([ab]{0,2}|ä{1,2}|c) ?(d|e|f)?( d)?", 64..99), at: usize, flip in 1u8..) {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut phrases = phrases::encode(&rows).unwrap_or_default();
        if phrases.is_empty() {
            return Ok(());
        }
        let strings = phrases::decode(Cursor::new(&phrases, "it"), rows.len()).unwrap();
        prop_assert_eq!(strings.iter().collect::<Vec<_>>(), rows.clone());
        let at = at % phrases.len();
        phrases[at] ^= flip;
        drop(phrases::decode(Cursor::new(&phrases, "it"), rows.len()));
    }

    #[test]
    fn any_bytes_decode_or_are_corrupt(kind in 0u8..9, bytes: Vec<u8>, rows in 0usize..50) {
        drop(decode(&[&[kind], &bytes[..]].concat(), rows));
        drop(decode_if(&[&[kind], &bytes[..]].concat(), rows, &|text| text.len() % 2 == 0));
    }

    #[test]
    fn a_damaged_column_decodes_or_is_corrupt(
        rows in proptest::collection::vec("[äb1]{0,9}", 1..60), times in 1usize..4, at: usize, flip in 1u8..,
    ) {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let rows = rows.repeat(times);
        let mut bytes = encode(&rows);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(strings) = decode(&bytes, rows.len()) {
            assert_eq!(strings.iter().count(), rows.len());
        }
    }
}

#[test]
fn each_shape_has_its_kind() {
    check_kind(&["prod"; 100], CONSTANT);
    check_kind(&[""; 0], CONSTANT);
    check_kind(&["a", "b", "a", "a"], DICTIONARY);
    check_kind(&["00ff", "12ab", "abcd"], HEX_LOWER);
    check_kind(&["00FF", "12AB", "abcg"], JOINED);
    check_kind(&["00FF", "12AB", "ABCD"], HEX_UPPER);
    check_kind(&["0", "-17", "9223372036854775807"], INTEGERS);
    check_kind(&["6ba7b810-9dad", "00b1c0d4-1234"], HEX_LOWER);
    check_kind(&["req_1a", "req_2b", "req_3c"], HEX_LOWER);
    check_kind(&["0", "-0", "013"], JOINED);
    check_kind(&["abc", "ab", ""], JOINED);
}

#[test]
fn texts_of_other_templates_come_back_empty() {
    let rows: Vec<String> = (0..100u64)
        .map(|row| match row % 3 {
            0 => format!("connection {row} reset by peer id={:016x}", row * 0x9e37_79b9_7f4a),
            1 => format!("tool completed in {row} ms id={:016x}", row * 0x9e37_79b9_7f4b),
            _ => format!("nothing to do for agent-{row} of the fleet"),
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let bytes = encode(&rows);
    assert_eq!(bytes[0], TEMPLATES);
    let found = decode_if(&bytes, rows.len(), &|text| text.contains("reset by peer")).unwrap();
    for (number, (found, row)) in found.iter().zip(&rows).enumerate() {
        assert_eq!(found, if number % 3 == 0 { *row } else { "" });
    }
}

#[test]
fn a_part_that_may_be_of_digits_does_not_surely_stand_outside_of_holes() {
    let check = |part, expected| assert_eq!(stands_outside_of_holes(part), expected, "{part}");
    check("connection reset by peer", true);
    check("connection reset by Face", false);
    check("bad peer", false);
    check(" bad peer", true);
    check("a deadbeef is it", false);
    check("x deadbeef is it", true);
    check("took 17 ms", false);
    check("\u{1}x", false);
    check("", true);
}

#[test]
fn messages_of_a_program_are_templates() {
    let rows: Vec<String> = (0..1000u64)
        .map(|row| {
            format!(
                "tool {} completed in {} ms key={:016x}",
                row % 3,
                row * row % 997,
                row.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
        })
        .collect();
    check_kind(&rows, TEMPLATES);
}

#[test]
fn rows_of_one_index_have_the_same_text() {
    let rows = ["idle", "busy", "idle", "idle"];
    let strings = decode(&encode(&rows), 4).unwrap();
    assert_eq!(strings.distinct_len(), 2);
    assert_eq!(strings.index(0), strings.index(3));
    assert_eq!(strings.distinct(strings.index(1)), "busy");
}
